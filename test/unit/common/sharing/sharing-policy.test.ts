import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Contender } from '../../../../services/common/sharing/sharing-policy.ts';
import {
  AGED_TURN,
  arrivalName,
  chooseNext,
  isAgedTurn,
  newSharedTurns,
  noteChoice,
  SHARING_POLICIES,
} from '../../../../services/common/sharing/sharing-policy.ts';
import type { SharingPolicy } from '../../../../services/common/sharing/sharing-policy.ts';

function aContender(name: string, changes: Partial<Contender> = {}): Contender {
  return {
    name,
    running: 0,
    minShare: 0,
    weight: 1,
    priority: 0,
    arrival: 0,
    waitingSince: 0,
    isBeyondSoftLimit: false,
    turns: { virtualTime: 0 },
    ...changes,
  };
}

function nextOf(policy: SharingPolicy, ...contenders: readonly Contender[]): string | undefined {
  const rule = { policy, isAged: false, shared: newSharedTurns() };
  const found = chooseNext(contenders, rule)?.name;
  expect(chooseNext(contenders.toReversed(), rule)?.name).toBe(found);
  return found;
}

describe('fair sharing (S7)', () => {
  it('serves the needy first: who has less than its minimum share', () => {
    const needy = aContender('z', { running: 2, minShare: 3 });
    expect(nextOf('fair', aContender('a', { weight: 100 }), needy)).toBe('z');
  });

  it('compares the needy by how far they are below their minimum share', () => {
    const a = aContender('a', { running: 2, minShare: 4 });
    const b = aContender('b', { running: 1, minShare: 4, weight: 1 });
    expect(nextOf('fair', a, b)).toBe('b');
  });

  it('compares the others by what they have for their weight, equals by name', () => {
    const heavy = aContender('heavy', { running: 3, weight: 4 });
    const light = aContender('light', { running: 1 });
    expect(nextOf('fair', heavy, light)).toBe('heavy');
    expect(nextOf('fair', aContender('b', { running: 1 }), light)).toBe('b');
  });
});

describe('the other policies', () => {
  it('fifo: in the order of arrival, whatever anybody has (S6)', () => {
    const first = aContender('z', { arrival: 1, running: 9 });
    expect(nextOf('fifo', aContender('a', { arrival: 2, priority: 9, minShare: 9 }), first)).toBe(
      'z',
    );
  });

  it('fifo has no turn of who waited longest: later ones get what is left (S20)', () => {
    const shared = { count: AGED_TURN - 1, virtualTime: 0 };
    expect(isAgedTurn('fifo', shared)).toBe(false);
    expect(isAgedTurn('fair', shared)).toBe(true);
  });

  it('priority: the highest, then in the order of arrival', () => {
    const high = aContender('h', { priority: 2, arrival: 3 });
    const higher = aContender('z', { priority: 2, arrival: 2 });
    expect(nextOf('priority', aContender('a', { arrival: 1 }), high, higher)).toBe('z');
  });

  it('put those beyond their soft limit last', () => {
    const beyond = aContender('a', { isBeyondSoftLimit: true, priority: 9, minShare: 9 });
    for (const policy of SHARING_POLICIES)
      expect(nextOf(policy, beyond, aContender('b', { arrival: 9, running: 9 }))).toBe('b');
  });

  it('weighted: turns in proportion to the weights, and no turns saved up', () => {
    const shared = newSharedTurns();
    const rule = { policy: 'weighted', isAged: false, shared } as const;
    const one = aContender('one', { weight: 1 });
    const three = aContender('three', { weight: 3 });
    const late = aContender('late', { weight: 1 });
    const turns = (contenders: readonly Contender[], count: number): readonly string[] =>
      Array.from({ length: count }, () => {
        const chosen = chooseNext(contenders, rule);
        if (chosen !== undefined) noteChoice(chosen, shared);
        return chosen?.name ?? '';
      });
    const first = turns([one, three], 40);
    expect(first.filter((name) => name === 'three')).toHaveLength(30);
    const second = turns([one, three, late], 40);
    expect(second.filter((name) => name === 'late').length).toBeLessThanOrEqual(9);
  });
});

describe('nobody starves (I90)', () => {
  const policies = fc.constantFrom<SharingPolicy>('fair', 'weighted', 'priority');
  const terms = fc.record({
    minShare: fc.nat(5),
    weight: fc.integer({ min: 1, max: 1000 }),
    priority: fc.nat(9),
    isBeyondSoftLimit: fc.boolean(),
  });

  it('who p have waited longer than is among the next 16 (p + 1), whatever comes meanwhile', () => {
    const stories = fc.tuple(policies, fc.nat(AGED_TURN), fc.nat(3), fc.array(terms), terms);
    fc.assert(
      fc.property(stories, ([policy, count, before, others, own]) => {
        const shared = { count, virtualTime: 0 };
        const older = Array.from({ length: before }, (_, index) =>
          aContender(arrivalName(index), { waitingSince: index }),
        );
        let waiting = [...older, aContender('me', { ...own, running: 9, waitingSince: before })];
        for (let turn = 0; turn < AGED_TURN * (before + 1); turn += 1) {
          const more = others[turn % Math.max(1, others.length)] ?? {};
          const since = before + 1 + turn;
          waiting.push(aContender(`later-${turn}`, { ...more, waitingSince: since }));
          const isAged = isAgedTurn(policy, shared);
          const chosen = chooseNext(waiting, { policy, isAged, shared });
          if (chosen === undefined) throw new Error('somebody waits');
          noteChoice(chosen, shared);
          waiting = waiting.filter((each) => each !== chosen);
        }
        expect(waiting.map(({ name }) => name)).not.toContain('me');
      }),
    );
  });
});

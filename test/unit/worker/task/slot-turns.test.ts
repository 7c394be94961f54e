import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QueryId } from '../../../../services/common/ids.ts';
import type {
  SharingPolicy,
  ShareTerms,
} from '../../../../services/common/sharing/sharing-policy.ts';
import { AGED_TURN } from '../../../../services/common/sharing/sharing-policy.ts';
import {
  type SlotClaim,
  SlotTurns,
  YOUNG_TURNS,
} from '../../../../services/worker/task/slot-turns.ts';

interface Waiter extends SlotClaim {
  readonly task: number;
}

function aGroup(name: string, changes: Partial<ShareTerms> = {}): ShareTerms {
  return { name, policy: 'fair', weight: 1, minShare: 0, priority: 0, ...changes };
}

/** Query number `arrival` of this group of the root. */
function aClaim(arrival: number, group: ShareTerms = aGroup('all'), root = aGroup('root')) {
  const share = { arrival, priority: 0, groups: [root, group] };
  return { queryId: `q${arrival}` as QueryId, share };
}

const any = () => true;

/** A worker whose tasks take one unit of time each, for queries with as many of them at a time as it has slots. */
class Worker {
  readonly turns = new SlotTurns<Waiter>();
  readonly #slotCount: number;
  readonly #busy: { readonly waiter: Waiter; readonly until: number }[] = [];
  /** Of each query: tasks that have not been ordered, and those that have not ended. */
  readonly #left = new Map<QueryId, { unordered: number; unended: number }>();
  /** When the last task of each query ended. */
  readonly ended = new Map<QueryId, number>();
  /** Of each slot that was given: to whom. */
  readonly given: QueryId[] = [];
  now = 0;

  constructor(slotCount: number) {
    this.#slotCount = slotCount;
  }

  /** The query has so many tasks on this worker. */
  submit(claim: SlotClaim, taskCount: number): void {
    this.#left.set(claim.queryId, { unordered: taskCount, unended: taskCount });
    for (let lane = 0; lane < Math.min(this.#slotCount, taskCount); lane += 1) this.#ask(claim);
    this.#grant();
  }

  /** Until the next task has ended. */
  step(): void {
    const next = this.#busy.shift();
    if (next === undefined) return;
    const { waiter, until } = next;
    const left = this.#left.get(waiter.queryId);
    if (left !== undefined) left.unended -= 1;
    this.now = until;
    this.turns.release(waiter);
    this.ended.set(waiter.queryId, until);
    // Its next task is ordered by the coordinator: the slot is not kept for it.
    this.#grant();
    this.#ask(waiter);
    this.#grant();
  }

  isAtWork({ queryId }: SlotClaim): boolean {
    return (this.#left.get(queryId)?.unended ?? 0) > 0;
  }

  #ask({ queryId, share }: SlotClaim): void {
    const left = this.#left.get(queryId);
    if (left === undefined || left.unordered === 0) return;
    left.unordered -= 1;
    this.turns.ask({ queryId, share, task: left.unordered });
  }

  #grant(): void {
    while (this.#busy.length < this.#slotCount) {
      const waiter = this.turns.next(any);
      if (waiter === undefined) return;
      this.turns.grant(waiter);
      this.given.push(waiter.queryId);
      this.#busy.push({ waiter, until: this.now + 1 });
    }
  }
}

function timeOf(
  slotCount: number,
  taskCount: number,
  { hogTasks = 0, before = 0 }: { readonly hogTasks?: number; readonly before?: number } = {},
): number {
  const worker = new Worker(slotCount);
  if (hogTasks > 0) worker.submit(aClaim(1), hogTasks);
  for (let i = 0; i < before; i += 1) worker.step();
  const small = aClaim(2);
  // It comes in the middle of a task of the hog.
  const at = worker.now + (hogTasks > 0 ? 0.5 : 0);
  worker.submit(small, taskCount);
  while (worker.isAtWork(small)) worker.step();
  return (worker.ended.get(small.queryId) ?? 0) - at;
}

describe('a small query beside a hog (S8)', () => {
  it.each([1, 2, 4, 8])('takes at most twice its time alone on %i slots', (slotCount) => {
    for (const taskCount of [1, 2, 3, 4, 8, 32, 100]) {
      const alone = timeOf(slotCount, taskCount);
      for (let before = YOUNG_TURNS; before < 3 * YOUNG_TURNS; before += 5) {
        const beside = timeOf(slotCount, taskCount, { hogTasks: 1_000, before });
        expect(beside, `${taskCount} tasks after ${before}`).toBeLessThanOrEqual(2 * alone);
      }
    }
  });

  it('leaves a hog of 100,000 tasks its turns, while small queries come one after the other', () => {
    const worker = new Worker(4);
    const hog = aClaim(1);
    worker.submit(hog, 100_000);
    let small = aClaim(2);
    let arrival = 2;
    const times: number[] = [];
    while (worker.given.length < 10_000 && worker.isAtWork(hog)) {
      const at = worker.now;
      small = aClaim((arrival += 1));
      worker.submit(small, 8);
      while (worker.isAtWork(small)) worker.step();
      times.push((worker.ended.get(small.queryId) ?? 0) - at);
    }
    const alone = timeOf(4, 8);
    expect(times.reduce((sum, time) => sum + time, 0) / times.length).toBeLessThanOrEqual(
      2 * alone,
    );
    const hogTurns = worker.given.filter((queryId) => queryId === hog.queryId).length;
    expect(hogTurns).toBeGreaterThanOrEqual(worker.given.length / AGED_TURN - 4);
  });

  it('is as any other once it is not young any more', () => {
    const worker = new Worker(4);
    worker.submit(aClaim(1), 1_000);
    worker.submit(aClaim(2), 1_000);
    for (let i = 0; i < 400; i += 1) worker.step();
    const late = worker.given.slice(4 * YOUNG_TURNS);
    const share = late.filter((queryId) => queryId === 'q2').length / late.length;
    expect(share).toBeGreaterThan(0.45);
    expect(share).toBeLessThan(0.55);
  });
});

describe('slots', () => {
  const order = (policy: SharingPolicy, claims: readonly SlotClaim[]): readonly QueryId[] => {
    const turns = new SlotTurns<Waiter>();
    for (const [task, claim] of claims.entries()) turns.ask({ ...claim, task });
    return claims.map(() => {
      const next = turns.next(any);
      if (next === undefined) throw new Error('somebody waits');
      turns.grant(next);
      return next.queryId;
    });
  };

  it('of a FIFO group go to the earliest query, later ones get what is left (S20)', () => {
    const fifo = aGroup('all', { policy: 'fifo' });
    const claims = [3, 1, 2, 1, 3].map((arrival) => aClaim(arrival, fifo));
    expect(order('fifo', claims)).toEqual(['q1', 'q1', 'q2', 'q3', 'q3']);
  });

  it('go to groups by what they have for their weight (S7)', () => {
    const light = aGroup('light');
    const heavy = aGroup('heavy', { weight: 3 });
    const claims = [1, 1, 1, 1].map(() => aClaim(1, light));
    claims.push(...[2, 2, 2, 2].map(() => aClaim(2, heavy)));
    const first = order('fair', claims).slice(0, 4);
    expect(first.filter((queryId) => queryId === 'q2')).toHaveLength(3);
  });

  it('that only some can use pass by the others', () => {
    const turns = new SlotTurns<Waiter>();
    const [narrow, wide] = [
      { ...aClaim(1), task: 1 },
      { ...aClaim(2), task: 2 },
    ];
    turns.ask(narrow);
    turns.ask(wide);
    expect(turns.next(({ task }) => task === 2)).toBe(wide);
    expect(turns.next(any)).toBe(narrow);
    turns.leave(narrow);
    expect(turns.next(any)).toBe(wide);
    expect(turns.waitingCount).toBe(1);
  });

  it('are given up between statements to who has more right to them, and to nobody else', () => {
    const turns = new SlotTurns<Waiter>();
    const hog = { ...aClaim(1), task: 1 };
    for (let i = 0; i < 20; i += 1) {
      turns.ask(hog);
      turns.grant(hog);
      turns.release(hog);
      turns.ask(hog);
      turns.grant(hog);
    }
    expect(turns.mayKeep(hog, any)).toBe(true);
    const small = { ...aClaim(2), task: 2 };
    turns.ask(small);
    expect(turns.mayKeep(hog, () => false)).toBe(true);
    expect(turns.mayKeep(hog, any)).toBe(false);
    turns.leave(small);
    turns.ask({ ...aClaim(1), task: 3 });
    const kept = Array.from({ length: AGED_TURN }, () => turns.mayKeep(hog, any));
    expect(kept).toContain(true);
    expect(kept.at(-1)).toBe(false);
  });
});

describe('nobody waits for ever (I90)', () => {
  it('whose task p have waited longer than is among the next 16 (p + 1) that get a slot, or stay in one', () => {
    const policies = fc.constantFrom<SharingPolicy>('fair', 'weighted', 'priority');
    const groups = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      policy: policies,
      weight: fc.integer({ min: 1, max: 1000 }),
      minShare: fc.nat(9),
      priority: fc.nat(9),
    });
    const claims = fc.record({ arrival: fc.integer({ min: 1, max: 9 }), group: groups });
    const story = fc.tuple(policies, claims, fc.array(claims, { minLength: 1 }), fc.nat(3));
    fc.assert(
      fc.property(story, ([policy, mine, others, before]) => {
        const root = aGroup('root', { policy });
        const turns = new SlotTurns<Waiter>();
        const claim = (index: number) => {
          const { arrival, group } = others[index % others.length] ?? mine;
          return { ...aClaim(arrival, group, root), task: index };
        };
        for (let i = 0; i < before; i += 1) turns.ask(claim(i));
        const me = { ...aClaim(mine.arrival, mine.group, root), task: -1 };
        turns.ask(me);
        let holder: Waiter | undefined;
        for (let turn = 1; turn <= AGED_TURN * (before + 1); turn += 1) {
          turns.ask(claim(before + turn));
          if (holder !== undefined && turns.mayKeep(holder, any)) continue;
          if (holder !== undefined) turns.release(holder);
          holder = turns.next(any);
          if (holder === me) return;
          if (holder !== undefined) turns.grant(holder);
        }
        throw new Error('it waits still');
      }),
    );
  });
});

describe('a query that has nothing here for a while', () => {
  it('does not grow young again: one with few turns goes first (S8)', () => {
    const turns = new SlotTurns<Waiter>();
    const hog = { ...aClaim(1), task: 0 };
    for (let turn = 0; turn < 2 * YOUNG_TURNS; turn += 1) {
      turns.ask(hog);
      turns.grant(hog);
      turns.release(hog);
    }
    const served: QueryId[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const small = { ...aClaim(2), task: turn };
      turns.ask(hog);
      turns.ask(small);
      const next = turns.next(any);
      if (next === undefined) throw new Error('nobody is served');
      served.push(next.queryId);
      turns.leave(next === hog ? small : hog);
      turns.grant(next);
      turns.release(next);
    }
    expect(served).toEqual(Array.from({ length: 5 }, () => 'q2'));
  });
});

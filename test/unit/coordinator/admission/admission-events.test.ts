import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareText } from '../../../../services/common/compare-text.ts';
import type { Instant, QueryId } from '../../../../services/common/ids.ts';
import { AGED_TURN } from '../../../../services/common/sharing/sharing-policy.ts';
import { onAdmissionEvent } from '../../../../services/coordinator/admission/admission-events.ts';
import { termsOf, whyWaits } from '../../../../services/coordinator/admission/admission-state.ts';
import { shareOf } from '../../../../services/coordinator/admission/group-description.ts';
import {
  groupOf,
  type ResourceGroup,
  type ResourceGroupTree,
} from '../../../../services/coordinator/admission/resource-group-tree.ts';
import {
  AdmissionFixture,
  aTree,
  LEAVES,
  marksOf,
  type Move,
  play,
  someMoves,
  someTree,
} from '../../../support/resource-groups.ts';

/** Two groups of which one query runs at a time. */
function twoGroups(a: Partial<ResourceGroup>, b: Partial<ResourceGroup>, root = {}) {
  const groups = [groupOf('a', a), groupOf('b', b)];
  return new AdmissionFixture(aTree({ hardConcurrency: 1, groups, ...root }));
}

/** Ends whatever runs, one after the other, and tells in which order the users' queries began. */
function drain(world: AdmissionFixture, owners: ReadonlyMap<QueryId, string>): string {
  for (;;) {
    const [next] = world.running;
    if (next === undefined) return world.begun.map((id) => owners.get(id) ?? '?').join('');
    world.finish(next);
  }
}

function submitAll(world: AdmissionFixture, users: string): ReadonlyMap<QueryId, string> {
  return new Map(users.split('').map((user) => [world.submit(user), user]));
}

describe('a tree of groups (S5)', () => {
  it('runs what every group of the line allows, and queues the rest', () => {
    const world = twoGroups({ hardConcurrency: 1 }, { hardConcurrency: 2 }, { hardConcurrency: 2 });
    const [a1, a2, b1, b2] = ['a', 'a', 'b', 'b'].map((user) => world.submit(user));
    expect(world.running).toEqual([a1, b1]);
    expect(whyWaits(world.state, a2!)).toEqual({ group: 'root.a', factor: 'concurrency' });
    expect(whyWaits(world.state, b2!)).toEqual({ group: 'root', factor: 'concurrency' });
    world.finish(b1!);
    expect(world.running).toEqual([a1, b2]);
  });

  it('refuses beyond the queue of any group, and names it', () => {
    const world = twoGroups({ maxQueued: 1 }, {}, { maxQueued: 2 });
    submitAll(world, 'aa');
    const step = (user: string, arrival: number) =>
      onAdmissionEvent(
        world.state,
        {
          kind: 'submitted',
          queryId: `late${arrival}` as QueryId,
          arrival,
          priority: 0,
          marks: marksOf(user),
        },
        0 as Instant,
      );
    const full = (group: string, maxQueued: number) => [
      { kind: 'refuse', refusal: { kind: 'queue-full', group, maxQueued } },
    ];
    expect(step('a', 10)).toMatchObject(full('root.a', 1));
    expect(step('b', 11)).toMatchObject([{ kind: 'queue' }]);
    expect(step('b', 12)).toMatchObject(full('root', 2));
    expect(step('nobody', 13)).toMatchObject([{ kind: 'refuse', refusal: { kind: 'no-group' } }]);
  });

  it('gives FAIR groups turns by what they run for their weight (S7)', () => {
    const world = twoGroups({ weight: 1 }, { weight: 3 }, { hardConcurrency: 4 });
    const owners = submitAll(world, 'aaaabbbb');
    const running = () =>
      world.running
        .map((id) => owners.get(id) ?? '')
        .toSorted()
        .join('');
    expect(running()).toBe('aaaa');
    for (let i = 0; i < 4; i += 1) world.finish(world.running[0]!);
    expect(running()).toBe('bbbb');
    const fresh = twoGroups({ weight: 1 }, { weight: 3 }, { hardConcurrency: 0 });
    const both = submitAll(fresh, 'aaaabbbb');
    const groups = [groupOf('a', { weight: 1 }), groupOf('b', { weight: 3 })];
    fresh.post({ kind: 'reloaded', tree: aTree({ hardConcurrency: 4, groups }) });
    expect(fresh.running.map((id) => both.get(id) ?? '').toSorted(compareText)).toEqual([
      'a',
      'b',
      'b',
      'b',
    ]);
  });

  it('serves FIFO groups strictly in the order of arrival (S6, S20)', () => {
    const world = twoGroups({}, { weight: 9, minShare: 9, priority: 9 }, { policy: 'fifo' });
    const users = 'aabbabab'.repeat(8);
    expect(drain(world, submitAll(world, users))).toBe(users);
  });

  it('serves the higher priority first, of groups and of queries', () => {
    const world = twoGroups({}, { priority: 2, policy: 'priority' }, { policy: 'priority' });
    const first = world.submit('a');
    const low = world.submit('a');
    const late = world.submit('b', { priority: 1 });
    const high = world.submit('b', { priority: 2 });
    drain(world, new Map());
    expect(world.begun).toEqual([first, high, late, low]);
  });

  it('gives groups beyond their soft limit what the others leave', () => {
    const world = twoGroups({ softConcurrency: 1 }, {}, { hardConcurrency: 2, policy: 'fifo' });
    const owners = submitAll(world, 'aaabb');
    world.finish(world.running[0]!);
    expect(world.running.map((id) => owners.get(id))).toEqual(['a', 'b']);
  });

  it('makes groups for users, and forgets them with their last query', () => {
    const leaf = groupOf('${USER}', { hardConcurrency: 1 });
    const users = groupOf('users', { groups: [leaf] });
    const tree = {
      ...aTree({ groups: [users] }),
      selectors: [{ clientTags: [], group: ['users', '${USER}'] }],
    };
    const world = new AdmissionFixture(tree);
    const [first, second, other] = ['x.y', 'x.y', 'z'].map((user) => world.submit(user));
    expect(world.running).toEqual([first, other]);
    expect(Object.keys(world.state.groups)).toContain('root.users.x%2Ey');
    expect(shareOf(world.state, first!).map(({ name }) => name)).toEqual([
      'root',
      'users',
      'x%2Ey',
    ]);
    for (const each of [first, second, other]) world.finish(each!);
    expect(Object.keys(world.state.groups)).toEqual(['root', 'root.users']);
  });
});

describe('quotas', () => {
  it('lets fewer begin from the soft memory limit on, and none from the hard one', () => {
    const limits = { hardConcurrency: 4, softMemoryBytes: 100, hardMemoryBytes: 200 };
    const world = twoGroups(limits, {}, { hardConcurrency: 10 });
    const first = world.submit('a');
    const use = (memoryBytes: number) =>
      world.post({ kind: 'usage', usages: [{ queryId: first, memoryBytes, cpuMs: 0 }] });
    use(150);
    world.submit('a');
    const third = world.submit('a');
    expect(world.running).toHaveLength(2);
    expect(whyWaits(world.state, third)).toEqual({ group: 'root.a', factor: 'memory' });
    use(90);
    expect(world.running).toHaveLength(3);
    use(200);
    const fourth = world.submit('a');
    expect(whyWaits(world.state, fourth)).toEqual({ group: 'root.a', factor: 'memory' });
    world.finish(first);
    expect(world.running).toContain(fourth);
  });

  it('gives processor time back evenly, all of it in a period', () => {
    const world = twoGroups({ hardCpuMs: 1_000 }, {}, { hardConcurrency: 10 });
    const first = world.submit('a');
    world.finish(first, 1_500);
    const second = world.submit('a');
    expect(whyWaits(world.state, second)).toEqual({ group: 'root.a', factor: 'cpu' });
    world.now = 5_000;
    world.post({ kind: 'usage', usages: [] });
    expect(world.running).toEqual([]);
    world.now = 5_001;
    world.post({ kind: 'usage', usages: [] });
    expect(world.running).toEqual([second]);
  });
});

describe('a reload', () => {
  it('moves who waits and who runs, refuses who has no place, keeps what was used', () => {
    const world = twoGroups({ hardCpuMs: 1_000 }, {}, { hardConcurrency: 1 });
    const first = world.submit('a');
    world.post({ kind: 'usage', usages: [{ queryId: first, memoryBytes: 7, cpuMs: 40 }] });
    const second = world.submit('b');
    const tree = aTree({ hardConcurrency: 5, groups: [groupOf('a', { hardCpuMs: 2_000 })] });
    world.post({ kind: 'reloaded', tree });
    expect(world.refused).toEqual([second]);
    expect(world.running).toEqual([first]);
    expect(world.state.groups['root.a']).toMatchObject({ running: 1, memoryBytes: 7, cpuMs: 40 });
    expect(world.state.groups['root']).toMatchObject({ running: 1, queued: 0, memoryBytes: 7 });
  });
});

describe('what a user owes', () => {
  it('is kept over a reload, though nothing of the user is there', () => {
    const leaf = groupOf('${USER}', { hardCpuMs: 1_000 });
    const tree = {
      ...aTree({ groups: [leaf] }),
      selectors: [{ clientTags: [], group: ['${USER}'] }],
    };
    const world = new AdmissionFixture(tree);
    world.finish(world.submit('eve'), 5_000);
    world.post({ kind: 'reloaded', tree });
    const next = world.submit('eve');
    expect(whyWaits(world.state, next)).toEqual({ group: 'root.eve', factor: 'cpu' });
  });
});

describe('whatever happens', () => {
  const stories = fc.tuple(someTree, someMoves);
  const told = (tree: ResourceGroupTree, moves: readonly Move[]) => {
    const world = new AdmissionFixture(tree);
    for (const move of moves) play(world, move);
    return world;
  };

  it('no group lets a query begin while as many run as it allows (I91)', () => {
    fc.assert(
      fc.property(stories, ([tree, moves]) => {
        const world = new AdmissionFixture(tree);
        const runningIn = () =>
          new Map(Object.values(world.state.groups).map(({ path, running }) => [path, running]));
        for (const move of moves) {
          const before = runningIn();
          const begun = world.begun.length;
          play(world, move);
          if (world.begun.length === begun || move.kind === 'reload') continue;
          for (const group of Object.values(world.state.groups)) {
            const { hardConcurrency } = termsOf(world.state, group);
            const grew = group.running > (before.get(group.path) ?? 0);
            if (grew) expect(group.running).toBeLessThanOrEqual(hardConcurrency ?? Infinity);
          }
        }
      }),
    );
  });

  it('who waits can say which group of its line holds it up, and for want of what (I92)', () => {
    fc.assert(
      fc.property(stories, ([tree, moves]) => {
        const { state } = told(tree, moves);
        for (const { queryId, isRunning, group } of Object.values(state.queries)) {
          const wait = whyWaits(state, queryId);
          if (isRunning) expect(wait).toBeUndefined();
          else expect(`${group}.`).toContain(`${wait?.group}.`);
        }
      }),
    );
  });

  it('counts are those of the queries, and an idle tree begins whatever its limits allow', () => {
    fc.assert(
      fc.property(stories, ([tree, moves]) => {
        const world = told(tree, moves);
        const { state } = world;
        const all = Object.values(state.queries);
        for (const { path, running, queued, memoryBytes } of Object.values(state.groups)) {
          const inside = all.filter(({ group }) => `${group}.`.startsWith(`${path}.`));
          const runs = inside.filter(({ isRunning }) => isRunning);
          const memory = inside.reduce((sum, each) => sum + each.memoryBytes, 0);
          const expected = [runs.length, inside.length - runs.length, memory];
          expect([running, queued, memoryBytes]).toEqual(expected);
        }
        for (const { queryId } of all.filter(({ isRunning }) => isRunning)) world.finish(queryId);
        world.now += 1e9;
        world.post({ kind: 'usage', usages: [] });
        for (let last = -1; last !== world.begun.length;) {
          last = world.begun.length;
          for (const queryId of world.running.slice()) world.finish(queryId);
        }
        const isClosed = ({ hardConcurrency, hardMemoryBytes }: ResourceGroup) =>
          hardConcurrency === 0 || hardMemoryBytes === 0;
        for (const { queryId } of Object.values(state.queries)) {
          const wait = whyWaits(state, queryId);
          expect(isClosed(termsOf(state, state.groups[wait?.group ?? '']!))).toBe(true);
        }
      }),
    );
  });

  it('the same events give the same decisions and state, which survives JSON at every step', () => {
    fc.assert(
      fc.property(stories, ([tree, moves]) => {
        const one = new AdmissionFixture(tree);
        const other = new AdmissionFixture(tree);
        for (const move of moves) {
          play(one, move);
          Object.assign(other.state, JSON.parse(JSON.stringify(other.state)));
          play(other, move);
          expect(other.begun).toEqual(one.begun);
          expect(other.state).toEqual(one.state);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('who p have waited longer than is among the next 16 (p + 1) to begin (I90)', () => {
    const roots = someTree.map(({ root }) => {
      const open = (group: ResourceGroup): ResourceGroup => ({
        ...group,
        hardConcurrency: null,
        hardMemoryBytes: null,
        hardCpuMs: null,
        maxQueued: null,
        policy: group.policy === 'fifo' ? 'fair' : group.policy,
        groups: group.groups.map(open),
      });
      return aTree({ ...open(root), hardConcurrency: 1 });
    });
    const users = fc.constantFrom(...LEAVES);
    const rivals = fc.array(fc.record({ user: users, priority: fc.nat(9) }), { minLength: 1 });
    fc.assert(
      fc.property(fc.tuple(roots, users, rivals, fc.nat(4)), ([tree, user, later, before]) => {
        const world = new AdmissionFixture(tree);
        for (let i = 0; i <= before; i += 1) world.submit('b', { priority: 9 });
        const mine = world.submit(user);
        const begun = world.begun.length;
        for (let i = 0; !world.begun.includes(mine); i += 1) {
          const rival = later[i % later.length];
          world.submit(rival?.user ?? 'b', { priority: rival?.priority ?? 0 });
          world.finish(world.running[0]!);
        }
        expect(world.begun.length - begun).toBeLessThanOrEqual(AGED_TURN * (before + 1));
      }),
    );
  });
});

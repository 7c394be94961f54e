/** Trees of resource groups and queries that come to them, for tests. */
import fc from 'fast-check';
import type { Instant, QueryId } from '../../services/common/ids.ts';
import { SHARING_POLICIES } from '../../services/common/sharing/sharing-policy.ts';
import type { AdmissionEvent } from '../../services/coordinator/admission/admission-events.ts';
import { onAdmissionEvent } from '../../services/coordinator/admission/admission-events.ts';
import { createAdmission } from '../../services/coordinator/admission/admission-state.ts';
import type { QueryMarks } from '../../services/coordinator/admission/group-selection.ts';
import type {
  ResourceGroup,
  ResourceGroupTree,
} from '../../services/coordinator/admission/resource-group-tree.ts';
import { groupOf } from '../../services/coordinator/admission/resource-group-tree.ts';

export const CPU_PERIOD_MS = 10_000;

/** The user's name is the path of its group, parted by slashes. */
export function aTree(root: Partial<ResourceGroup>): ResourceGroupTree {
  const group = groupOf('root', root);
  const leaves = (of: ResourceGroup, names: readonly string[]): readonly (readonly string[])[] =>
    of.groups.length === 0
      ? [names]
      : of.groups.flatMap((child) => leaves(child, [...names, child.name]));
  const selectors = leaves(group, []).map((names) => {
    return { user: names.join('/'), clientTags: [], group: names };
  });
  return { root: group, selectors, cpuQuotaPeriodMs: CPU_PERIOD_MS };
}

export function marksOf(user: string): QueryMarks {
  return { user, source: '', clientTags: [], statementKind: 'select' };
}

/** Admission in a world that stands still unless the test moves it. */
export class AdmissionFixture {
  readonly state;
  readonly running: QueryId[] = [];
  readonly refused: QueryId[] = [];
  /** All that began, in that order. */
  readonly begun: QueryId[] = [];
  now = 0;
  #arrival = 0;

  constructor(tree: ResourceGroupTree) {
    this.state = createAdmission(tree, 0 as Instant);
  }

  submit(user: string, changes: { readonly priority?: number } = {}): QueryId {
    this.#arrival += 1;
    const queryId = `q${this.#arrival}` as QueryId;
    const query = { queryId, arrival: this.#arrival, priority: 0, marks: marksOf(user) };
    this.post({ kind: 'submitted', ...query, ...changes });
    return queryId;
  }

  finish(queryId: QueryId, cpuMs = 0): void {
    this.post({ kind: 'finished', queryId, cpuMs });
  }

  post(event: AdmissionEvent): void {
    if (event.kind === 'finished' && this.running.includes(event.queryId))
      this.running.splice(this.running.indexOf(event.queryId), 1);
    for (const decision of onAdmissionEvent(this.state, event, this.now as Instant)) {
      if (decision.kind === 'refuse') this.refused.push(decision.queryId);
      if (decision.kind !== 'admit') continue;
      this.running.push(decision.queryId);
      this.begun.push(decision.queryId);
    }
  }
}

const limit = (max: number) => fc.option(fc.nat(max), { nil: null });

const sibling = (name: string) => ({
  name: fc.constant(name),
  policy: fc.constantFrom(...SHARING_POLICIES),
  weight: fc.integer({ min: 1, max: 5 }),
  minShare: fc.nat(3),
  priority: fc.nat(3),
  hardConcurrency: limit(4),
  softConcurrency: limit(3),
  maxQueued: limit(6),
  softMemoryBytes: fc.constant(null),
  hardMemoryBytes: limit(8),
  softCpuMs: fc.constant(null),
  hardCpuMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: null }),
});

/** Trees of three levels with four leaves: a/x, a/y, b, c. */
export const someTree: fc.Arbitrary<ResourceGroupTree> = fc
  .record({
    ...sibling('root'),
    groups: fc.tuple(
      fc.record({
        ...sibling('a'),
        groups: fc.tuple(
          fc.record({ ...sibling('x'), groups: fc.constant([]) }),
          fc.record({ ...sibling('y'), groups: fc.constant([]) }),
        ),
      }),
      fc.record({ ...sibling('b'), groups: fc.constant([]) }),
      fc.record({ ...sibling('c'), groups: fc.constant([]) }),
    ),
  })
  .map(aTree);

export const LEAVES = ['a/x', 'a/y', 'b', 'c'] as const;

export type Move =
  | { readonly kind: 'submit'; readonly user: string; readonly priority: number }
  | { readonly kind: 'finish'; readonly pick: number; readonly cpuMs: number }
  | { readonly kind: 'usage'; readonly memoryBytes: number; readonly cpuMs: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reload'; readonly tree: ResourceGroupTree };

export const someMoves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('submit' as const),
        user: fc.constantFrom(...LEAVES),
        priority: fc.nat(3),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('finish' as const),
        pick: fc.nat(100),
        cpuMs: fc.nat(60),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('usage' as const),
        memoryBytes: fc.nat(6),
        cpuMs: fc.nat(60),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reload' as const), tree: someTree }) },
  ),
  { maxLength: 60 },
);

export function play(world: AdmissionFixture, move: Move): void {
  switch (move.kind) {
    case 'submit':
      world.submit(move.user, { priority: move.priority });
      return;
    case 'finish': {
      const all = Object.keys(world.state.queries) as QueryId[];
      const queryId = all[move.pick % Math.max(1, all.length)];
      if (queryId !== undefined) world.finish(queryId, move.cpuMs);
      return;
    }
    case 'usage': {
      const { memoryBytes, cpuMs } = move;
      const usages = world.running.map((queryId) => ({ queryId, memoryBytes, cpuMs }));
      world.post({ kind: 'usage', usages });
      return;
    }
    case 'wait':
      world.now += move.ms;
      world.post({ kind: 'usage', usages: [] });
      return;
    case 'reload':
      world.post({ kind: 'reloaded', tree: move.tree });
      return;
    default:
  }
}

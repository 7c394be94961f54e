/**
 * Build before probe (§5, phased). A stage that only probes with its rows, or scans for such a one, is lazy: it starts when
 * all that the build side needs is `scheduled`, so that it finds the dynamic filters of the build, and neither slots nor
 * buffers are taken by rows that nobody can use yet. Joins of two partitioned sides and aggregations are not lazy: they
 * start at once and take in what comes.
 *
 * Whatever waits never deadlocks: a producer without room starts its consumer, a scan that waits for a dynamic filter
 * starts the stages that make it.
 */
import { assertNever } from '../../../common/assert.ts';
import type { FragmentId, StageId } from '../../../common/ids.ts';
import type { InputTree, PlanFragment } from '../../../common/plan/plan-fragment.ts';
import { awaitedFilterProducers } from '../dynamic-filters.ts';
import { stageOf } from '../scheduler-state.ts';
import type { QuerySchedulerState } from '../scheduler-state.ts';
import { producersOf } from '../stage-link.ts';
import { hasFullFeeder } from '../stage-linkage.ts';
import { isFullyScheduled } from '../stage-state.ts';
import type { StageState } from '../stage-state.ts';
import type { ExecutionPolicy, ExecutionSchedule, StageStartReason } from './execution-policy.ts';
import { inputTreeOf, producersOfSource, sourcesOf } from './fragment-inputs.ts';
import { strongComponents } from './strong-components.ts';

export const phased: ExecutionPolicy = {
  createSchedule(fragments) {
    return new EdgeFinder(fragments).find();
  },
  stagesToStart(state) {
    const planned = state.stages.filter((stage) => stage.kind === 'planned');
    if (planned.length === 0) return [];
    const awaited = withAllBelow(state, awaitedFilterProducers(state));
    return planned.flatMap((stage) => {
      const reason = whyStart(state, stage, awaited);
      return reason === undefined ? [] : { stage, reason };
    });
  },
};

function whyStart(
  state: QuerySchedulerState,
  stage: StageState,
  awaited: ReadonlySet<StageId>,
): StageStartReason | undefined {
  const before = stagesBefore(state, stage);
  if (before.length === 0) return 'nothing-before-it';
  if (before.every(({ kind }) => isFullyScheduled(kind))) return 'builds-scheduled';
  if (hasFullFeeder(state, stage)) return 'producer-full';
  return awaited.has(stage.stageId) ? 'filter-awaited' : undefined;
}

function stagesBefore(state: QuerySchedulerState, { stageId }: StageState): readonly StageState[] {
  const { schedule } = state;
  if (schedule.kind !== 'edges') return [];
  return (schedule.startsAfter[stageId] ?? []).map((id) => stageOf(state, id));
}

/** These stages and all that feed them. */
function withAllBelow(
  state: QuerySchedulerState,
  stages: readonly StageId[],
): ReadonlySet<StageId> {
  const found = new Set<StageId>();
  const todo = [...stages];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    todo.push(...producersOf(state, stageOf(state, next)).map(({ stageId }) => stageId));
  }
  return found;
}

/** A fragment and all that feed it, and those of them that may be kept waiting. */
interface Upstream {
  readonly all: ReadonlySet<FragmentId>;
  readonly lazy: ReadonlySet<FragmentId>;
}

const NOTHING: Upstream = { all: new Set(), lazy: new Set() };

class EdgeFinder {
  readonly #fragments: readonly PlanFragment[];
  readonly #startsAfter = new Map<FragmentId, Set<FragmentId>>();
  readonly #upstream = new Map<FragmentId, Upstream>();

  /** Producers before consumers. */
  constructor(fragments: readonly PlanFragment[]) {
    this.#fragments = fragments;
  }

  find(): ExecutionSchedule {
    for (const fragment of this.#fragments) {
      this.#upstream.set(fragment.id, this.#upstreamOf(fragment));
    }
    const ids = this.#fragments.map(({ id }) => id);
    const circle = strongComponents(ids, (id) => this.#before(id)).find(
      (stages) => stages.length > 1 || stages.some((id) => this.#before(id).includes(id)),
    );
    if (circle !== undefined) {
      return { kind: 'impossible', problem: `stages ${circle.join(', ')} wait for each other` };
    }
    return {
      kind: 'edges',
      startsAfter: Object.fromEntries(ids.map((id) => [id, this.#before(id)])),
    };
  }

  #before(id: FragmentId): readonly FragmentId[] {
    return [...(this.#startsAfter.get(id) ?? [])];
  }

  #upstreamOf(fragment: PlanFragment): Upstream {
    const tree = inputTreeOf(fragment);
    const below = this.#visit(fragment, tree);
    const all = new Set([...below.all, fragment.id]);
    // Rows that are shared cannot wait for one of their readers.
    if (fragment.outputs.length > 1) return { all, lazy: new Set() };
    return {
      all,
      lazy: isLazy(fragment, tree) ? new Set([...below.lazy, fragment.id]) : below.lazy,
    };
  }

  /** Adds the edges of the joins, inner ones first. */
  #visit(fragment: PlanFragment, tree: InputTree): Upstream {
    switch (tree.kind) {
      case 'source':
        return union(
          producersOfSource(fragment, tree.sourceId).map((id) => this.#upstream.get(id) ?? NOTHING),
        );
      case 'join': {
        const probe = this.#visit(fragment, tree.probe);
        const build = this.#visit(fragment, tree.build);
        this.#addEdges(build.all, probe.lazy);
        const waits = isReplicated(fragment, tree.build) && isLazy(fragment, inputTreeOf(fragment));
        if (waits) this.#addEdges(build.all, new Set([fragment.id]));
        return union([probe, build]);
      }
      case 'aggregate':
        // It works while what is above it builds.
        return { all: this.#visit(fragment, tree.input).all, lazy: new Set() };
      case 'together':
        return union(tree.inputs.map((input) => this.#visit(fragment, input)));
      default:
        return assertNever(tree);
    }
  }

  #addEdges(from: ReadonlySet<FragmentId>, to: ReadonlySet<FragmentId>): void {
    for (const id of to) {
      const before = this.#startsAfter.get(id) ?? new Set();
      for (const each of from) before.add(each);
      this.#startsAfter.set(id, before);
    }
  }
}

function union(parts: readonly Upstream[]): Upstream {
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return only;
  return {
    all: new Set(parts.flatMap(({ all }) => [...all])),
    lazy: new Set(parts.flatMap(({ lazy }) => [...lazy])),
  };
}

/** Nothing in it works before its probe side begins. */
function isLazy(fragment: PlanFragment, tree: InputTree): boolean {
  switch (tree.kind) {
    case 'source':
      return true;
    case 'join':
      return (
        isReplicated(fragment, tree.build) &&
        isLazy(fragment, tree.probe) &&
        isLazy(fragment, tree.build)
      );
    case 'aggregate':
      return false;
    case 'together':
      return tree.inputs.every((input) => isLazy(fragment, input));
    default:
      return assertNever(tree);
  }
}

/** Every task builds on all rows; else the rows of both sides were dealt by their keys, or are all in one task. */
function isReplicated(fragment: PlanFragment, build: InputTree): boolean {
  return sourcesOf(build).every((id) => {
    const source = fragment.remoteSources.find(({ sourceId }) => sourceId === id);
    return source?.delivery === 'broadcast';
  });
}

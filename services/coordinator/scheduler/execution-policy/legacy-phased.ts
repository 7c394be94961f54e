/**
 * Presto's phases (§5, legacy-phased): stages that need each other start together, builds before probes, the parts of a
 * UNION one after the other; the next phase starts when no started stage has splits to deal any more. Few stages run at a time.
 */
import { assertNever } from '../../../common/assert.ts';
import type { FragmentId, SourceId } from '../../../common/ids.ts';
import type { InputTree, PlanFragment } from '../../../common/plan/plan-fragment.ts';
import { stageOf } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';
import type { ExecutionPolicy, StageStart } from './execution-policy.ts';
import { inputTreeOf, producersOfSource } from './fragment-inputs.ts';
import { strongComponents } from './strong-components.ts';

export const legacyPhased: ExecutionPolicy = {
  createSchedule(fragments) {
    const edges = new EdgeFinder(fragments).find();
    const ids = fragments.map(({ id }) => id);
    const phases = strongComponents(ids, (id) => [...(edges.get(id) ?? [])]);
    return { kind: 'phases', phases };
  },
  stagesToStart(state) {
    if (state.schedule.kind !== 'phases' || state.stages.some(dealsSplits)) return [];
    const starts: StageStart[] = [];
    for (const phase of state.schedule.phases) {
      const planned = phase
        .map((id) => stageOf(state, id))
        .filter((stage) => stage.kind === 'planned');
      starts.push(...planned.map((stage) => ({ stage, reason: 'phase-reached' as const })));
      if (planned.some(readsFiles)) break;
    }
    return starts;
  },
};

function dealsSplits(stage: StageState): boolean {
  const isDealing = stage.kind === 'scheduling' || stage.kind === 'scheduling-splits';
  return isDealing && readsFiles(stage);
}

function readsFiles(stage: StageState): boolean {
  return stage.scans.length > 0;
}

function isNeededByScans({ scans, remoteSources }: PlanFragment, sourceId: SourceId): boolean {
  const source = remoteSources.find((each) => each.sourceId === sourceId);
  return scans.length > 0 && source?.delivery === 'broadcast';
}

/** Consumers before producers, builds before probes; a broadcast build and the scan that it is for need each other. */
class EdgeFinder {
  readonly #fragments: readonly PlanFragment[];
  readonly #edges = new Map<FragmentId, Set<FragmentId>>();
  readonly #upstream = new Map<FragmentId, readonly FragmentId[]>();

  /** Producers before consumers. */
  constructor(fragments: readonly PlanFragment[]) {
    this.#fragments = fragments;
  }

  find(): ReadonlyMap<FragmentId, ReadonlySet<FragmentId>> {
    for (const fragment of this.#fragments) {
      const below = this.#visit(fragment, inputTreeOf(fragment));
      this.#upstream.set(fragment.id, [...new Set([fragment.id, ...below])]);
    }
    return this.#edges;
  }

  /** The stages that make these rows; a scan's are made here. */
  #visit(fragment: PlanFragment, tree: InputTree): readonly FragmentId[] {
    switch (tree.kind) {
      case 'source': {
        const producers = producersOfSource(fragment, tree.sourceId);
        if (producers.length === 0) return [fragment.id];
        this.#addEdges([fragment.id], producers);
        const below = this.#chain(producers.map((id) => this.#upstream.get(id) ?? []));
        // Its tasks read no split before they have these rows: queues would stay full, and the phase without an end.
        if (isNeededByScans(fragment, tree.sourceId)) this.#addEdges(below, [fragment.id]);
        return below;
      }
      case 'join': {
        const build = this.#visit(fragment, tree.build);
        const probe = this.#visit(fragment, tree.probe);
        this.#addEdges(build, probe);
        return [...build, ...probe];
      }
      case 'aggregate':
        return this.#visit(fragment, tree.input);
      case 'together':
        return this.#chain(tree.inputs.map((input) => this.#visit(fragment, input)));
      default:
        return assertNever(tree);
    }
  }

  #chain(parts: readonly (readonly FragmentId[])[]): readonly FragmentId[] {
    parts.forEach((part, index) => this.#addEdges(parts[index - 1] ?? [], part));
    return parts.flat();
  }

  #addEdges(from: readonly FragmentId[], to: readonly FragmentId[]): void {
    for (const id of from) {
      const after = this.#edges.get(id) ?? new Set();
      for (const each of to) after.add(each);
      this.#edges.set(id, after);
    }
  }
}

/**
 * Regions (Flink batch, K23): stages that stream to each other start together, and only when all that they read of other
 * regions is stored. A link is cut where its reader needs the input whole before anything else: build sides and what is
 * broadcast. A cut within a circle would make a region wait for itself: there the link streams, too.
 */
import type { FragmentId } from '../../../common/ids.ts';
import { assertNever } from '../../../common/assert.ts';
import type { InputTree, PlanFragment, RemoteSource } from '../../../common/plan/plan-fragment.ts';
import { isWhole } from '../partition-state.ts';
import { activeNodes } from '../placement/node-selector.ts';
import { stageOf } from '../scheduler-state.ts';
import { producersOf } from '../stage-link.ts';
import type { ExecutionPolicy } from './execution-policy.ts';
import { inputTreeOf, sourcesOf } from './fragment-inputs.ts';
import { strongComponents } from './strong-components.ts';

export const pipelinedRegion: ExecutionPolicy = {
  createSchedule: (fragments) => ({ kind: 'regions', regions: cutRegions(fragments) }),
  stagesToStart(state) {
    const { schedule } = state;
    // All of a region or nothing (S18, K5): without a worker, nothing.
    if (schedule.kind !== 'regions' || activeNodes(state).length === 0) return [];
    return schedule.regions.flatMap((region) => {
      const stages = region.map((id) => stageOf(state, id));
      const isReady = stages.every(
        (stage) =>
          stage.kind === 'planned' &&
          producersOf(state, stage).every(
            (producer) => stages.includes(producer) || isWhole(producer),
          ),
      );
      return isReady ? stages.map((stage) => ({ stage, reason: 'inputs-stored' as const })) : [];
    });
  },
};

/** In an order in which each region reads only earlier ones. */
export function cutRegions(fragments: readonly PlanFragment[]): readonly (readonly FragmentId[])[] {
  const successors = new Map(fragments.map(({ id }) => [id, new Set<FragmentId>()]));
  for (const fragment of fragments) {
    const cut = cutSources(fragment);
    for (const source of fragment.remoteSources) {
      for (const producer of source.producers) {
        successors.get(producer)?.add(fragment.id);
        if (!cut.includes(source)) successors.get(fragment.id)?.add(producer);
      }
    }
  }
  const ids = fragments.map(({ id }) => id);
  return strongComponents(ids, (id) => [...(successors.get(id) ?? [])]);
}

function cutSources(fragment: PlanFragment): readonly RemoteSource[] {
  const builds = buildSources(inputTreeOf(fragment));
  return fragment.remoteSources.filter(
    ({ sourceId, delivery }) => delivery === 'broadcast' || builds.includes(sourceId),
  );
}

/** Inputs that a join reads to their end before it needs the first row of the others. */
function buildSources(tree: InputTree): readonly number[] {
  switch (tree.kind) {
    case 'source':
      return [];
    case 'join':
      return [...sourcesOf(tree.build), ...buildSources(tree.probe)];
    case 'aggregate':
      return buildSources(tree.input);
    case 'together':
      return tree.inputs.flatMap(buildSources);
    default:
      return assertNever(tree);
  }
}

/** What an attempt of a query begins with: where its partitions go, and how its stages are joined. */
import type { NodeId } from '../../common/ids.ts';
import { createNodePartitionMap } from './placement/node-partition-map.ts';
import type { SchedulerNode } from './scheduler-event.ts';
import type { SchedulerOptions } from './scheduler-options.ts';
import { draw, laneCount } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { createOutputs } from './stage-link.ts';

/** Partition → node for all hash and arbitrary stages of the attempt (T12). */
export function drawPartitionMap(
  source: { readonly options: SchedulerOptions; randomState: number },
  nodes: readonly SchedulerNode[],
): readonly NodeId[] {
  const { options } = source;
  const capacities = nodes.map((node) => ({
    nodeId: node.nodeId,
    lanes: laneCount(options, node),
  }));
  return createNodePartitionMap(capacities, options.hashPartitionCount, (bound) =>
    draw(source, bound),
  );
}

export function linkStages(state: QuerySchedulerState): void {
  for (const stage of state.stages) stage.outputs.push(...createOutputs(state, stage));
}

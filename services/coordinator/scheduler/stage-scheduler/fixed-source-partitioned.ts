/**
 * All tasks at once, one for each partition of the scans; then the scans in order, each split to the task of its
 * partition (T28, T29). There may be more partitions than lanes: they go round.
 */
import { assert } from '../../../common/assert.ts';
import { mapBuckets } from '../placement/bucket-node-map.ts';
import { hostOfPartition, weightedNodes } from '../placement/node-selector.ts';
import { findNode } from '../scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from '../scheduler-state.ts';
import type { StageState } from '../stage-state.ts';
import { scheduleFixedTasks } from './fixed-tasks.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const fixedSourcePartitioned: StageScheduler = {
  schedule(turn, stage) {
    scheduleFixedTasks(turn, stage, () => hostsOf(turn.state, stage));
  },
};

/**
 * Partition i is where partition i of the hash stages is, as long as there are so many of them; or, by affinity, where any
 * query reads partition i of this layout.
 */
function hostsOf(
  state: QuerySchedulerState,
  { fragment: { partitioning } }: StageState,
): readonly (NodeState | undefined)[] {
  assert(partitioning.kind === 'fixed-source', 'its partitions are fixed');
  const { partitionCount, layout } = partitioning;
  if (state.options.splitAffinity === 'file') {
    const map = mapBuckets(partitionCount, layout, weightedNodes(state));
    return map.map((nodeId) => findNode(state, nodeId));
  }
  const { length } = state.partitionToNode;
  return Array.from({ length: partitionCount }, (_, partition) =>
    hostOfPartition(state, partition % length),
  );
}

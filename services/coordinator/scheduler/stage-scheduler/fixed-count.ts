/**
 * All tasks at once: task i on the node of partition i (T30, P2, P6), or one task on the least loaded node (T32). A single
 * task may read files of its own; its splits follow.
 */
import { hostOfPartition, selectNode } from '../placement/node-selector.ts';
import { scheduleFixedTasks } from './fixed-tasks.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const fixedCount: StageScheduler = {
  schedule(turn, stage) {
    const { state } = turn;
    scheduleFixedTasks(turn, stage, () =>
      stage.fragment.partitioning.kind === 'single'
        ? [selectNode(state)]
        : state.partitionToNode.map((_, partition) => hostOfPartition(state, partition)),
    );
  },
};

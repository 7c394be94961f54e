/**
 * All tasks at once: task i on the node of partition i (T30, P2, P6), or one task on the least loaded node (T32). A single
 * task may read files of its own; its splits follow.
 */
import type { ErrorReport } from '../../../common/error.ts';
import { selectNode } from '../placement/node-selector.ts';
import { failQuery } from '../query-transitions.ts';
import { findNode } from '../scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from '../scheduler-state.ts';
import { addTask } from '../stage-linkage.ts';
import type { StageState } from '../stage-state.ts';
import { completeScheduling, moveStage } from '../stage-transitions.ts';
import { feedScans } from './scan-feeding.ts';
import type { StageScheduler } from './stage-scheduler.ts';

export const fixedCount: StageScheduler = {
  schedule(turn, stage) {
    if (stage.kind === 'scheduling') {
      const hosts = hostsOf(turn.state, stage);
      if (hosts.length === 0 || hosts.includes(undefined)) {
        failQuery(turn, noNode(stage), stage);
        return;
      }
      for (const host of hosts) if (host !== undefined) addTask(turn, stage, host);
      if (stage.scans.length > 0) moveStage(turn, stage, 'scheduling-splits');
    }
    if (feedScans(turn, stage)) completeScheduling(turn, stage);
  },
};

function hostsOf(
  state: QuerySchedulerState,
  stage: StageState,
): readonly (NodeState | undefined)[] {
  if (stage.fragment.partitioning.kind === 'single') return [selectNode(state)];
  return state.partitionToNode.map((nodeId) => findNode(state, nodeId));
}

function noNode(stage: StageState): ErrorReport {
  return {
    code: 'NO_NODES_AVAILABLE',
    message: `no worker can take the tasks of stage ${stage.stageId}`,
  };
}

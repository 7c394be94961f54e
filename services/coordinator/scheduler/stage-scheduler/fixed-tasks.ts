/** For stages whose tasks are all known when they start. */
import { failQuery } from '../query-transitions.ts';
import type { NodeState } from '../scheduler-state.ts';
import { addAttempt, addPartition } from '../stage-linkage.ts';
import type { StageState } from '../stage-state.ts';
import { completeScheduling, moveStage } from '../stage-transitions.ts';
import type { Turn } from '../turn.ts';
import { feedScans } from './scan-feeding.ts';

/** Task i on `hosts[i]`, then the splits of its scans, if it has any. A host that is not there fails the query. */
export function scheduleFixedTasks(
  turn: Turn,
  stage: StageState,
  hostsOf: () => readonly (NodeState | undefined)[],
): void {
  if (stage.kind === 'scheduling') {
    const hosts = hostsOf();
    if (hosts.length === 0 || hosts.includes(undefined)) {
      const message = `no worker can take the tasks of stage ${stage.stageId}`;
      failQuery(turn, { code: 'NO_NODES_AVAILABLE', message }, stage);
      return;
    }
    // All partitions first: what is stored may be dealt by their number.
    const partitions = hosts.map(() => addPartition(stage));
    partitions.forEach((partition, index) => {
      const host = hosts[index];
      if (host !== undefined) addAttempt(turn, stage, { partition, host });
    });
    if (stage.scans.length > 0) moveStage(turn, stage, 'scheduling-splits');
  }
  if (feedScans(turn, stage)) completeScheduling(turn, stage);
}

/**
 * Partitions that the launcher has to look at again. A turn mostly changes one partition, and a launcher that looked at all of
 * them each time would cost as much as the query has tasks; in a turn that may have changed any of them, it does.
 */
import type { PartitionState } from './partition-state.ts';
import type { SchedulerEvent } from './scheduler-event.ts';
import type { StageState } from './stage-state.ts';
import type { PartitionId } from '../../common/ids.ts';
import type { Turn } from './turn.ts';

export interface LaunchDue {
  /** All of the stage's. */
  isAllDue: boolean;
  /** A partition may be here twice. */
  partitions: PartitionId[];
  /** What the launcher has found the stage to be when it last looked. */
  wasOpen: boolean;
}

export function nothingDue(): LaunchDue {
  return { isAllDue: false, partitions: [], wasOpen: false };
}

/** Of stages whose tasks are described: other launchers look at all partitions. */
export function noteDue(
  { launchDue, planning }: StageState,
  { partitionId }: PartitionState,
): void {
  if (planning !== null) launchDue.partitions.push(partitionId);
}

export function noteStageDue({ launchDue, planning }: StageState): void {
  if (planning !== null) launchDue.isAllDue = true;
}

/** What such an event changes about partitions is noted where it is changed; in a turn of any other, all are due. */
export function notesOwnDue(event: SchedulerEvent): boolean {
  switch (event.kind) {
    case 'task-status':
    case 'splits-loaded':
      return true;
    case 'timer-fired':
      return event.timer.kind === 'slow-tasks' || event.timer.kind === 'stall-watch';
    default:
      return false;
  }
}

/** Those that are due, in order, each once; from then on they are not. */
export function takeDue(turn: Turn, stage: StageState): readonly PartitionState[] {
  const { launchDue, partitions } = stage;
  const { isAllDue, partitions: due } = launchDue;
  launchDue.isAllDue = false;
  if (due.length > 0) launchDue.partitions = [];
  if (isAllDue || turn.isAllDue) return partitions;
  const ids = due.length < 2 ? due : [...new Set(due)].sort((a, b) => a - b);
  return ids.map((id) => partitions[id]).filter((partition) => partition !== undefined);
}

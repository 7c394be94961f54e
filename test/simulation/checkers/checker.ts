/**
 * A checker keeps its own truth from what it sees going in and out of the scheduler and from what workers really did; it
 * never reads the scheduler's state, or it would share its mistakes.
 */
import type { TaskId } from '../../../services/common/ids.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';

export interface Checker {
  /** One turn of the scheduler. */
  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void;
  /** After the query's end, when everything has come to rest. */
  onRest?(isFinished: boolean): void;
}

/** What is wrong, in words; the list is shared by all checkers of a run. */
export type Violations = string[];

export function nameOf(taskId: TaskId): string {
  return `${taskId.stageId}.${taskId.partitionId}.${taskId.attempt}`;
}

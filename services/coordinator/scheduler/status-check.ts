/**
 * Statuses as they come from outside. What is late or repeated is expected and changes nothing; what names a task, attempt or
 * worker that does not go together is ignored too, but counted and told once. What cannot be true is a lie, and found with the task (task-state.ts).
 */
import type { TaskStatus } from '../../common/task/task-status.ts';
import { findTask } from './partition-state.ts';
import { findStage } from './scheduler-state.ts';
import type { StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

export interface Addressee {
  readonly stage: StageState;
  readonly task: TaskState;
}

/** The task that the status is of, if it is one of this query; else the status is counted. */
export function addresseeOf(turn: Turn, status: TaskStatus): Addressee | undefined {
  const { taskId } = status;
  // What an attempt that was given up still says is expected, and of no use (T6).
  if (taskId.queryId !== turn.state.queryId || taskId.attempt < turn.state.attempt)
    return undefined;
  const stage = findStage(turn.state, taskId.stageId);
  const task = stage === undefined ? undefined : findTask(stage, taskId);
  if (stage === undefined || task === undefined) {
    const partition = stage?.partitions[taskId.partitionId];
    const what = partition === undefined ? 'task' : 'attempt';
    return ignoreUnknown(turn, status, `no such ${what} was ordered`);
  }
  if (task.nodeId !== status.nodeId) {
    return ignoreUnknown(turn, status, `the task is on ${task.nodeId}, not on ${status.nodeId}`);
  }
  if (!Number.isSafeInteger(status.version) || status.version < 0) {
    return ignoreUnknown(turn, status, `${status.version} is no version`);
  }
  return { stage, task };
}

function ignoreUnknown(
  { state, effects }: Turn,
  { taskId }: TaskStatus,
  problem: string,
): undefined {
  state.unknownStatuses += 1;
  if (state.unknownStatuses > 1) return;
  effects.push({ kind: 'report-bad-status', taskId, problem });
}

/**
 * One partition of a stage: a share of its work that is done once, however many attempts it takes. An attempt is a
 * task; its number fences what earlier ones still say.
 */
import { assert } from '../../common/assert.ts';
import type { PartitionId } from '../../common/ids.ts';
import type { StageState } from './stage-state.ts';
import type { TaskState } from './task-state.ts';

export interface PartitionState {
  readonly partitionId: PartitionId;
  /** Its tasks by position among the stage's, in the order of their attempts. */
  readonly attempts: number[];
}

export function createPartition(partitionId: PartitionId): PartitionState {
  return { partitionId, attempts: [] };
}

/** The task of this partition with this attempt number. */
export function findTask(
  stage: StageState,
  id: { readonly partitionId: PartitionId; readonly attempt: number },
): TaskState | undefined {
  const partition = stage.partitions[id.partitionId];
  if (partition === undefined) return undefined;
  return attemptsOf(stage, partition).find(({ taskId }) => taskId.attempt === id.attempt);
}

/** The newest attempt; every partition begins with one. */
export function latestAttempt(stage: StageState, partition: PartitionState): TaskState {
  const task = stage.tasks[partition.attempts.at(-1) ?? -1];
  assert(task !== undefined, `partition ${partition.partitionId} has an attempt`);
  return task;
}

export function attemptsOf(stage: StageState, partition: PartitionState): readonly TaskState[] {
  return partition.attempts.map((index) => {
    const task = stage.tasks[index];
    assert(task !== undefined, `stage ${stage.stageId} has a task ${index}`);
    return task;
  });
}

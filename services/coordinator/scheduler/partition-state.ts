/**
 * One partition of a stage: a share of its work that is done once, however many attempts it takes. An attempt is a
 * task; its number fences what earlier ones still say.
 *
 *   open ─▶ sealed ─▶ running ─▶ selected          (SPEC.md, attempts and stored exchanges)
 *              ▲─────────┴───────────┘             its attempt failed · its output was lost
 */
import { assert } from '../../common/assert.ts';
import type { PartitionId, TaskId } from '../../common/ids.ts';
import type { EmptySplit, FileSplit } from '../../common/plan/split.ts';
import type { StageState } from './stage-state.ts';
import { isEnded } from './task-state.ts';
import type { TaskState } from './task-state.ts';

export interface PartitionState {
  readonly partitionId: PartitionId;
  /** Its tasks by position among the stage's, in the order of their attempts. */
  readonly attempts: number[];
  /** Its splits of scans by source, in order: what every attempt reads. Kept only where partitions are tried again. */
  readonly splits: Record<number, (FileSplit | EmptySplit)[]>;
  /** Weight of these splits. */
  weight: number;
  /** No split will be added. */
  isSealed: boolean;
  /** Number of the attempt whose rows count: the first that finished (R11, F16); null = none. */
  selected: number | null;
  /** Failures that count against it (S2). */
  failureCount: number;
  /** Attempts below this number belong to an earlier attempt of the stage: they still count, and nothing follows them (S3). */
  zombiesBelow: number;
}

export function createPartition(partitionId: PartitionId): PartitionState {
  return {
    partitionId,
    attempts: [],
    splits: {},
    weight: 0,
    isSealed: false,
    selected: null,
    failureCount: 0,
    zombiesBelow: 0,
  };
}

type AttemptId = Pick<TaskId, 'partitionId' | 'attempt'>;

/** The task of this partition with this attempt number. */
export function findTask(stage: StageState, id: AttemptId): TaskState | undefined {
  const partition = stage.partitions[id.partitionId];
  const known = partition === undefined ? [] : attemptsOf(stage, partition);
  return known.find(({ taskId }) => taskId.attempt === id.attempt) ?? findRetired(stage, id);
}

function findRetired(stage: StageState, id: AttemptId): TaskState | undefined {
  return stage.retired.find(
    ({ taskId }) => taskId.partitionId === id.partitionId && taskId.attempt === id.attempt,
  );
}

/** It is of an earlier run of its stage. */
export function isRetired(stage: StageState, task: TaskState): boolean {
  return task.taskId.attempt < stage.run;
}

export function partitionOf(stage: StageState, task: TaskState): PartitionState {
  const partition = stage.partitions[task.taskId.partitionId];
  assert(partition !== undefined, `stage ${stage.stageId} has the partition of its task`);
  return partition;
}

/** The newest attempt; where partitions are not tried again, every partition begins with one. */
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

/** The attempt whose stored output consumers read (F21); `undefined` = none yet. */
export function selectedAttempt(
  stage: StageState,
  partition: PartitionState,
): TaskState | undefined {
  const { partitionId, selected } = partition;
  return selected === null ? undefined : findTask(stage, { partitionId, attempt: selected });
}

/** Ordered, not ended, and wanted. */
export function isLive(task: TaskState): boolean {
  return !isEnded(task) && task.stop === 'none';
}

/** It is of an earlier attempt of its stage. */
export function isZombie(stage: StageState, task: TaskState): boolean {
  return task.taskId.attempt < partitionOf(stage, task).zombiesBelow;
}

/** Every partition of it that will ever be has an attempt that counts. */
export function isAllSelected({ partitions }: StageState): boolean {
  return partitions.length > 0 && partitions.every(({ selected }) => selected !== null);
}

/** All that it stores is there: its consumers may read to the end. */
export function isWhole({ kind }: StageState): boolean {
  return kind === 'finished';
}

/**
 * Begins the stage's next attempt, for the partitions that are missing: what still runs of the last one may finish, and
 * nothing follows from it otherwise (S3, S4).
 */
export function beginStageAttempt(stage: StageState): void {
  stage.attempt += 1;
  for (const partition of stage.partitions) partition.zombiesBelow = partition.attempts.length;
}

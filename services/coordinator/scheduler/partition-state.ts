/**
 * One partition of a stage: a share of its work that is done once, however many attempts it takes. An attempt is a
 * task; its number fences what earlier ones still say.
 *
 *   open ─▶ sealed ─▶ running ─▶ selected          (SPEC.md, attempts and stored exchanges)
 *              ▲─────────┴───────────┘             its attempt failed · its output was lost
 */
import { assert } from '../../common/assert.ts';
import type { Instant, PartitionId, TaskId } from '../../common/ids.ts';
import type { EmptySplit, FileSplit } from '../../common/plan/split.ts';
import type { ExecutionClass } from './fault-tolerant/execution-class.ts';
import { decidedCountOf, selectionOf } from './fault-tolerant/output-selector.ts';
import type { TaskDescriptor } from './fault-tolerant/task-descriptor.ts';
import type { StageState } from './stage-state.ts';
import type { AttemptRequest } from './lease-state.ts';
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
  /** Of all splits that were dealt to it. */
  inputBytes: number;
  /** What its attempts read, where that is dealt by a split assigner (F12); null = it is not, or it is stored by now (F13). */
  descriptor: TaskDescriptor | null;
  /** It has input of its own, so that an attempt may begin before it is sealed (F11). */
  isReady: boolean;
  /** No split will be added. */
  isSealed: boolean;
  /** When that was; null = it is not, or always was. */
  sealedAt: Instant | null;
  /** Failures that count against it (S2). */
  failureCount: number;
  /** Attempts below this number belong to an earlier attempt of the stage: they still count, and nothing follows them (S3). */
  zombiesBelow: number;
  /** So often a stored output of it was lost (R19). */
  lossCount: number;
  /** Memory that its next attempt is expected to need (F30); 0 = nobody asks. */
  needBytes: number;
  /** It waits in the queue of those that may ask for a node (F6), in this class; null = it does not. */
  queuedAs: ExecutionClass | null;
  /** It has asked for a node; null = it has not, or has it. */
  request: AttemptRequest | null;
  /** Its attempt was found slow (S16). */
  isSlow: boolean;
  /** It has a second attempt for that, or had one. */
  isCopied: boolean;
}

export function createPartition(partitionId: PartitionId): PartitionState {
  return {
    partitionId,
    attempts: [],
    splits: {},
    weight: 0,
    inputBytes: 0,
    descriptor: null,
    isReady: false,
    isSealed: false,
    sealedAt: null,
    failureCount: 0,
    zombiesBelow: 0,
    lossCount: 0,
    needBytes: 0,
    queuedAs: null,
    request: null,
    isSlow: false,
    isCopied: false,
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
  const { partitionId } = partition;
  const selected = selectionOf(stage.selector, stage.stageId, partitionId);
  return typeof selected === 'number'
    ? findTask(stage, { partitionId, attempt: selected })
    : undefined;
}

/** The rows of one of its attempts count: the first that finished (R11, F16). */
export function isSelected(stage: StageState, { partitionId }: PartitionState): boolean {
  return selectionOf(stage.selector, stage.stageId, partitionId) !== 'unknown';
}

/** Ordered, not ended, and wanted. */
export function isLive(task: TaskState): boolean {
  return !isEnded(task) && task.stop === 'none';
}

/** It is of an earlier attempt of its stage. */
export function isZombie(stage: StageState, task: TaskState): boolean {
  return task.taskId.attempt < partitionOf(stage, task).zombiesBelow;
}

/** No partition will be added, and none gets another split. */
export function hasAllPartitions({ partitions, planning }: StageState): boolean {
  if (planning !== null && !planning.hasAllPartitions) return false;
  return partitions.length > 0 && partitions.every(({ isSealed }) => isSealed);
}

/** Every partition of it that will ever be has an attempt that counts. */
export function isAllSelected(stage: StageState): boolean {
  const { partitions, selector, stageId } = stage;
  return partitions.length > 0 && decidedCountOf(selector, stageId) === partitions.length;
}

/** Its rows are all there that anybody will read. */
export function hasAllRows(stage: StageState): boolean {
  return isAllSelected(stage) || hasEnoughRows(stage);
}

/**
 * Attempts that count have made the rows of its limit: until one of them is lost, no other partition need run (T18). Not where
 * tasks are described: what these read is dealt from all partitions.
 */
export function hasEnoughRows(stage: StageState): boolean {
  const { rowLimit } = stage.fragment;
  if (rowLimit === undefined || stage.planning !== null) return false;
  const selected = stage.partitions
    .map((partition) => selectedAttempt(stage, partition))
    .filter((task) => task !== undefined);
  const rows = selected.reduce((sum, { stats }) => sum + stats.outputRows, 0);
  return selected.length > 0 && rows >= rowLimit;
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

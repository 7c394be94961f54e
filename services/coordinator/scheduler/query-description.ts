/** What people may see of a query's execution: progress, statistics, reasons. */
import type { Instant, NodeId, StageId, TaskId } from '../../common/ids.ts';
import type { Partitioning } from '../../common/plan/plan-fragment.ts';
import { addPruned, NOTHING_PRUNED } from '../../common/plan/split.ts';
import type { PrunedInput } from '../../common/plan/split.ts';
import type { TaskStats } from '../../common/task/task-status.ts';
import { countedTasks, wastedWork, workOf } from './counted-work.ts';
import type { StageStartReason } from './execution-policy/execution-policy.ts';
import type { QueryState } from './query-state.ts';
import { stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageStateKind, WastedWork } from './stage-state.ts';
import { isEnded } from './task-state.ts';
import type { KnownTaskStateKind, TaskState } from './task-state.ts';
import { whyBlocked } from './why-blocked.ts';
import type { QueryBlockedReason, StageWait } from './why-blocked.ts';
import { someTaskWaits, taskWait } from './waits.ts';
import type { StageBlockedReason, TaskWait, TaskWaitReason, WaitTargets } from './waits.ts';

export interface StageDescription {
  readonly stageId: StageId;
  readonly state: StageStateKind;
  readonly partitioning: Partitioning['kind'];
  readonly estimatedRows: number;
  readonly blockedReason: StageBlockedReason;
  /** Whom it waits for. */
  readonly waitsFor: WaitTargets;
  /** Some of its tasks that wait. */
  readonly waitingTasks: readonly TaskWait[];
  /** One for each partition that was begun. */
  readonly taskCount: number;
  readonly completedTaskCount: number;
  /** Splits of scans that were loaded so far. */
  readonly splitCount: number;
  /** Row groups that dynamic filters kept from becoming splits. */
  readonly pruned: PrunedInput;
  /** null = not yet. */
  readonly startedAt: Instant | null;
  readonly startReason: StageStartReason | null;
  readonly endedAt: Instant | null;
  /**
   * Sums over the partitions, each counted once (R20); `wallMs` is that of the longest task, `peakMemoryBytes` the largest memory that its tasks had
   * at one time, as far as it was seen.
   */
  readonly stats: TaskStats;
  /** Σ of the times that its attempts have waited for a worker with so much memory. */
  readonly memoryWaitMs: number;
  /** What other attempts have done: no part of `stats`. */
  readonly wasted: WastedWork;
}

export interface TaskDescription {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly state: KnownTaskStateKind;
  readonly createdAt: Instant;
  /** Splits of scans that it was given so far. */
  readonly splitCount: number;
  readonly blockedReason: TaskWaitReason;
  readonly waitsFor: WaitTargets;
  /** It counts in the sums of its stage. */
  readonly isCounted: boolean;
  readonly stats: TaskStats;
}

export interface QueryDescription {
  readonly state: QueryState;
  readonly blockedReason: QueryBlockedReason;
  /** The largest memory that its tasks had at one time, as far as it was seen. */
  readonly peakMemoryBytes: number;
  readonly stages: readonly StageDescription[];
}

/** A stage with the tasks that run it. */
export interface StageDetail extends StageDescription {
  readonly tasks: readonly TaskDescription[];
}

export function describeQuery(state: QuerySchedulerState): QueryDescription {
  const reasons = whyBlocked(state);
  return {
    state: state.query,
    blockedReason: reasons.query,
    peakMemoryBytes: state.memory.peakBytes,
    stages: reasons.stages.map((wait) => describeStage(state, wait)),
  };
}

/** All that is known of each stage; its size grows with the number of tasks. */
export function describeStages(state: QuerySchedulerState): readonly StageDetail[] {
  const { stages } = describeQuery(state);
  return stages.map((description) => {
    const stage = stageOf(state, description.stageId);
    const counted = new Set(countedTasks(stage));
    const tasks = stage.tasks.map((task) => ({
      ...describeTask(task, taskWait(state, stage, task)),
      isCounted: counted.has(task),
    }));
    return { ...description, tasks };
  });
}

/** Some worker may still be busy with a task of this query. */
export function hasLiveTasks(state: QuerySchedulerState): boolean {
  return state.stages.some((stage) => stage.tasks.some((task) => !isEnded(task)));
}

function describeStage(
  state: QuerySchedulerState,
  { stageId, reason, ...waitsFor }: StageWait,
): StageDescription {
  const stage = stageOf(state, stageId);
  const loaded = stage.scans.map((scan) => scan.splitCount + scan.pending.length);
  const counted = countedTasks(stage);
  return {
    stageId,
    state: stage.kind,
    partitioning: stage.fragment.partitioning.kind,
    estimatedRows: stage.fragment.estimatedRows,
    blockedReason: reason,
    waitsFor,
    waitingTasks: someTaskWaits(state, stage),
    taskCount: counted.length,
    completedTaskCount: counted.filter(isEnded).length,
    splitCount: loaded.reduce((sum, count) => sum + count, 0),
    pruned: stage.scans.map((scan) => scan.pruned).reduce(addPruned, NOTHING_PRUNED),
    startedAt: stage.startedAt,
    startReason: stage.startReason,
    endedAt: stage.endedAt,
    stats: { ...workOf(counted), peakMemoryBytes: stage.memory.peakBytes },
    memoryWaitMs: stage.memoryWaitMs,
    wasted: wastedWork(stage),
  };
}

function describeTask(task: TaskState, wait: TaskWait): Omit<TaskDescription, 'isCounted'> {
  const { taskId, nodeId, createdAt, assignedSplits: splitCount, stats } = task;
  const { reason: blockedReason, stages, tasks, nodes, sources } = wait;
  const waitsFor = { stages, tasks, nodes, sources };
  return {
    taskId,
    nodeId,
    state: task.kind,
    createdAt,
    splitCount,
    blockedReason,
    waitsFor,
    stats,
  };
}

/** What people may see of a query's execution: progress, statistics, reasons. */
import type { Instant, NodeId, StageId, TaskId } from '../../common/ids.ts';
import type { Partitioning } from '../../common/plan/plan-fragment.ts';
import { addPruned, NOTHING_PRUNED } from '../../common/plan/split.ts';
import type { PrunedInput } from '../../common/plan/split.ts';
import { NO_BLOCKED_TIMES, NO_TASK_STATS } from '../../common/task/task-status.ts';
import type { BlockedTimes, TaskStats } from '../../common/task/task-status.ts';
import type { StageStartReason } from './execution-policy/execution-policy.ts';
import type { QueryState } from './query-state.ts';
import { stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageStateKind } from './stage-state.ts';
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
   * Sums over the tasks; `wallMs` is that of the longest task, `peakMemoryBytes` the largest memory that its tasks had
   * at one time, as far as it was seen.
   */
  readonly stats: TaskStats;
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
    const tasks = stage.tasks.map((task) => describeTask(task, taskWait(state, stage, task)));
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
  const stats = stage.tasks.map((task) => task.stats).reduce(addStats, NO_TASK_STATS);
  return {
    stageId,
    state: stage.kind,
    partitioning: stage.fragment.partitioning.kind,
    estimatedRows: stage.fragment.estimatedRows,
    blockedReason: reason,
    waitsFor,
    waitingTasks: someTaskWaits(state, stage),
    taskCount: stage.tasks.length,
    completedTaskCount: stage.tasks.filter(isEnded).length,
    splitCount: loaded.reduce((sum, count) => sum + count, 0),
    pruned: stage.scans.map((scan) => scan.pruned).reduce(addPruned, NOTHING_PRUNED),
    startedAt: stage.startedAt,
    startReason: stage.startReason,
    endedAt: stage.endedAt,
    stats: { ...stats, peakMemoryBytes: stage.memory.peakBytes },
  };
}

function describeTask(task: TaskState, wait: TaskWait): TaskDescription {
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

function addStats(a: TaskStats, b: TaskStats): TaskStats {
  return {
    splitsCompleted: a.splitsCompleted + b.splitsCompleted,
    inputRows: a.inputRows + b.inputRows,
    inputBytes: a.inputBytes + b.inputBytes,
    scannedRows: a.scannedRows + b.scannedRows,
    scannedBytes: a.scannedBytes + b.scannedBytes,
    outputRows: a.outputRows + b.outputRows,
    outputBytes: a.outputBytes + b.outputBytes,
    cpuMs: a.cpuMs + b.cpuMs,
    busyMs: a.busyMs + b.busyMs,
    wallMs: Math.max(a.wallMs, b.wallMs),
    blockedMs: addBlockedTimes(a.blockedMs, b.blockedMs),
    memoryBytes: a.memoryBytes + b.memoryBytes,
    peakMemoryBytes: Math.max(a.peakMemoryBytes, b.peakMemoryBytes),
    spilledBytes: a.spilledBytes + b.spilledBytes,
    filteredRows: a.filteredRows + b.filteredRows,
    storedBytes: a.storedBytes + b.storedBytes,
    unaggregatedRows: a.unaggregatedRows + b.unaggregatedRows,
  };
}

const REASONS = Object.keys(NO_BLOCKED_TIMES) as readonly (keyof BlockedTimes)[];

function addBlockedTimes(a: BlockedTimes, b: BlockedTimes): BlockedTimes {
  const sum = { ...NO_BLOCKED_TIMES };
  for (const reason of REASONS) sum[reason] = a[reason] + b[reason];
  return sum;
}

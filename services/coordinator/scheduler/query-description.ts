/** What people may see of a query's execution: progress, statistics, reasons. */
import type { StageId } from '../../common/ids.ts';
import { NO_TASK_STATS } from '../../common/task/task-status.ts';
import type { TaskStats } from '../../common/task/task-status.ts';
import type { QueryState } from './query-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageState, StageStateKind } from './stage-state.ts';
import { isEnded } from './task-state.ts';
import { whyBlocked } from './why-blocked.ts';
import type { QueryBlockedReason, StageBlockedReason } from './why-blocked.ts';

export interface StageDescription {
  readonly stageId: StageId;
  readonly state: StageStateKind;
  readonly blockedReason: StageBlockedReason;
  readonly taskCount: number;
  readonly completedTaskCount: number;
  /** Splits of scans that were loaded so far. */
  readonly splitCount: number;
  /** Sums over the tasks; `wallMs` and `peakMemoryBytes` are those of the largest task. */
  readonly stats: TaskStats;
}

export interface QueryDescription {
  readonly state: QueryState;
  readonly blockedReason: QueryBlockedReason;
  readonly stages: readonly StageDescription[];
}

export function describeQuery(state: QuerySchedulerState): QueryDescription {
  const reasons = whyBlocked(state);
  return {
    state: state.query,
    blockedReason: reasons.query,
    stages: state.stages.map((stage, index) =>
      describeStage(stage, reasons.stages[index]?.reason ?? 'none'),
    ),
  };
}

/** Some worker may still be busy with a task of this query. */
export function hasLiveTasks(state: QuerySchedulerState): boolean {
  return state.stages.some((stage) => stage.tasks.some((task) => !isEnded(task)));
}

function describeStage(stage: StageState, blockedReason: StageBlockedReason): StageDescription {
  const loaded = stage.scans.map((scan) => scan.splitCount + scan.pending.length);
  return {
    stageId: stage.stageId,
    state: stage.kind,
    blockedReason,
    taskCount: stage.tasks.length,
    completedTaskCount: stage.tasks.filter(isEnded).length,
    splitCount: loaded.reduce((sum, count) => sum + count, 0),
    stats: stage.tasks.map((task) => task.stats).reduce(addStats, NO_TASK_STATS),
  };
}

function addStats(a: TaskStats, b: TaskStats): TaskStats {
  return {
    splitsCompleted: a.splitsCompleted + b.splitsCompleted,
    inputRows: a.inputRows + b.inputRows,
    inputBytes: a.inputBytes + b.inputBytes,
    outputRows: a.outputRows + b.outputRows,
    outputBytes: a.outputBytes + b.outputBytes,
    cpuMs: a.cpuMs + b.cpuMs,
    wallMs: Math.max(a.wallMs, b.wallMs),
    peakMemoryBytes: Math.max(a.peakMemoryBytes, b.peakMemoryBytes),
    spilledBytes: a.spilledBytes + b.spilledBytes,
  };
}

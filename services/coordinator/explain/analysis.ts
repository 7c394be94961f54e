/**
 * What EXPLAIN ANALYZE tells of a query that has run. The names are those of the JSON answer: programs read them, so
 * they stay. Times in milliseconds; `…_after_ms` counts from the start of the execution, when planning was over.
 */
import type { Instant } from '../../common/ids.ts';
import type { PlanFragment, QueryPlan, ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import { SYSTEM_CATALOG } from '../../common/system/system-tables.ts';
import type { BlockedTimes, TaskStats } from '../../common/task/task-status.ts';
import type { StageDetail, TaskDescription } from '../scheduler/query-description.ts';
import type { WastedWork } from '../scheduler/stage-state.ts';

export interface Analysis {
  readonly rung: string;
  readonly reason: string;
  readonly queued_ms: number;
  readonly planning_ms: number;
  readonly execution_ms: number;
  /** Rows of the result, which nobody got. */
  readonly rows: number;
  readonly cpu_ms: number;
  /** The largest memory that DuckDB had for the query at one time, as far as it was seen. */
  readonly peak_memory_bytes: number;
  readonly spilled_bytes: number;
  /** Pages that stages stored for others (stage-barrier, fault-tolerant, regions). */
  readonly stored_bytes: number;
  readonly scanned_rows: number;
  readonly scanned_bytes: number;
  /** Bytes of the pages that stages made for other stages. */
  readonly exchanged_bytes: number;
  /** Work of attempts that do not count, which is in no other sum. */
  readonly wasted: WastedAnalysis;
  readonly stages: readonly StageAnalysis[];
}

export interface WastedAnalysis {
  readonly tasks: number;
  readonly input_rows: number;
  readonly scanned_bytes: number;
  readonly cpu_ms: number;
}

/** What stage and task have in common; of a stage, the sums over its tasks that count but for those that say otherwise. */
interface Measures {
  readonly state: string;
  readonly splits: number;
  readonly input_rows: number;
  readonly input_bytes: number;
  /** Of the input, what was read from files: rows before any filter, compressed bytes of the columns read. */
  readonly scanned_rows: number;
  readonly scanned_bytes: number;
  readonly output_rows: number;
  readonly output_bytes: number;
  readonly cpu_ms: number;
  /** Elapsed time of statements. */
  readonly busy_ms: number;
  /** Of a stage: that of its longest task. */
  readonly wall_ms: number;
  readonly blocked_ms: BlockedTimes;
  /** Of a stage: the largest that its tasks had at one time, as far as it was seen. */
  readonly peak_memory_bytes: number;
  readonly spilled_bytes: number;
  /** Pages of its stored outputs. */
  readonly stored_bytes: number;
  /** Rows that a partial aggregate passed on as they were, since aggregating would have left too many of them. */
  readonly unaggregated_rows: number;
}

export interface StageAnalysis extends Measures {
  readonly stage: number;
  readonly partitioning: string;
  /** Tables that it reads. */
  readonly tables: readonly string[];
  /** Stages whose rows it reads. */
  readonly inputs: readonly number[];
  readonly started_after_ms: number | null;
  readonly start_reason: string | null;
  readonly ended_after_ms: number | null;
  readonly estimated_rows: number;
  /** Row groups and files that statistics left out when the query was planned. */
  readonly row_groups: number;
  readonly pruned_row_groups: number;
  readonly pruned_files: number;
  /** What dynamic filters left out while the query ran. */
  readonly dynamic_filters: DynamicFilterAnalysis;
  /** Largest ÷ mean over the tasks; 1 = even, null = nothing to compare. */
  readonly skew: {
    readonly input_rows: number | null;
    readonly output_rows: number | null;
    readonly cpu_ms: number | null;
  };
  /** Σ of the times that its tasks have waited, before they were made, for a worker with so much memory. */
  readonly memory_wait_ms: number;
  readonly wasted: WastedAnalysis;
  /** Every attempt of this run of the stage. */
  readonly tasks: readonly TaskAnalysis[];
}

/** Row groups that became no splits, with their rows and bytes; rows that were kept out of what was read, as far as they were counted. */
export interface DynamicFilterAnalysis {
  readonly pruned_row_groups: number;
  readonly pruned_rows: number;
  readonly pruned_bytes: number;
  readonly filtered_rows: number;
}

export interface TaskAnalysis extends Measures {
  readonly task: number;
  readonly attempt: number;
  /** The sums of its stage have it; of several attempts at the same work, one is counted. */
  readonly counted: boolean;
  readonly node: string;
  readonly started_after_ms: number;
}

/** A query that has run: its plan, and what is known of its stages in the end. */
export interface FinishedQuery {
  readonly plan: QueryPlan;
  readonly stages: readonly StageDetail[];
  readonly queuedMs: number;
  readonly planningMs: number;
  readonly executionStartedAt: Instant;
  readonly executionMs: number;
  readonly peakMemoryBytes: number;
}

export function analyze(query: FinishedQuery): Analysis {
  const { plan, executionStartedAt } = query;
  const stages = query.stages.map((detail, index) => {
    const fragment = plan.fragments[index];
    return analyzeStage(detail, { fragment, scans: plan.scans, startedAt: executionStartedAt });
  });
  const total = (of: (stage: StageAnalysis) => number): number =>
    stages.reduce((sum, stage) => sum + of(stage), 0);
  return {
    rung: plan.rung,
    reason: plan.rungReason,
    queued_ms: query.queuedMs,
    planning_ms: query.planningMs,
    execution_ms: query.executionMs,
    rows: stages.at(-1)?.output_rows ?? 0,
    cpu_ms: rounded(total((stage) => stage.cpu_ms)),
    peak_memory_bytes: query.peakMemoryBytes,
    spilled_bytes: total((stage) => stage.spilled_bytes),
    stored_bytes: total((stage) => stage.stored_bytes),
    scanned_rows: total((stage) => stage.scanned_rows),
    scanned_bytes: total((stage) => stage.scanned_bytes),
    exchanged_bytes: total((stage) => stage.output_bytes),
    wasted: {
      tasks: total(({ wasted }) => wasted.tasks),
      input_rows: total(({ wasted }) => wasted.input_rows),
      scanned_bytes: total(({ wasted }) => wasted.scanned_bytes),
      cpu_ms: rounded(total(({ wasted }) => wasted.cpu_ms)),
    },
    stages,
  };
}

interface StageContext {
  readonly fragment: PlanFragment | undefined;
  readonly scans: readonly ScanDescriptor[];
  readonly startedAt: Instant;
}

function analyzeStage(detail: StageDetail, context: StageContext): StageAnalysis {
  const { fragment, startedAt } = context;
  const after = (at: Instant | null): number | null => (at === null ? null : at - startedAt);
  const sources = new Set(fragment?.scans.map(({ sourceId }) => sourceId));
  const scans = context.scans.filter(({ sourceId }) => sources.has(sourceId));
  const files = scans.flatMap((scan) => scan.files);
  const counted = detail.tasks.filter(({ isCounted }) => isCounted);
  const skewOf = (of: (stats: TaskStats) => number): number | null =>
    skew(counted.map(({ stats }) => of(stats)));
  return {
    stage: detail.stageId,
    ...measures(detail.stats),
    state: detail.state,
    splits: detail.splitCount,
    partitioning: fragment?.partitioning.kind ?? 'single',
    tables: tablesOf(fragment),
    inputs: [...new Set(fragment?.remoteSources.flatMap(({ producers }) => producers))],
    started_after_ms: after(detail.startedAt),
    start_reason: detail.startReason,
    ended_after_ms: after(detail.endedAt),
    estimated_rows: Math.round(fragment?.estimatedRows ?? 0),
    row_groups: files.reduce((sum, { rowGroups }) => sum + rowGroups.length, 0),
    pruned_row_groups: scans.reduce((sum, { pruned }) => sum + (pruned?.rowGroups ?? 0), 0),
    pruned_files: scans.reduce((sum, { pruned }) => sum + (pruned?.files ?? 0), 0),
    dynamic_filters: {
      pruned_row_groups: detail.pruned.rowGroups,
      pruned_rows: detail.pruned.rows,
      pruned_bytes: detail.pruned.bytes,
      filtered_rows: detail.stats.filteredRows,
    },
    skew: {
      input_rows: skewOf(({ inputRows }) => inputRows),
      output_rows: skewOf(({ outputRows }) => outputRows),
      cpu_ms: skewOf(({ cpuMs }) => cpuMs),
    },
    memory_wait_ms: detail.memoryWaitMs,
    wasted: wastedBy(detail.wasted),
    tasks: detail.tasks.map((task) => analyzeTask(task, startedAt)),
  };
}

function wastedBy({ taskCount, stats }: WastedWork): WastedAnalysis {
  return {
    tasks: taskCount,
    input_rows: stats.inputRows,
    scanned_bytes: stats.scannedBytes,
    cpu_ms: rounded(stats.cpuMs),
  };
}

function tablesOf(fragment: PlanFragment | undefined): readonly string[] {
  const served = fragment?.remoteSources.flatMap(({ systemTable }) => systemTable ?? []) ?? [];
  return [
    ...(fragment?.scans.map(({ table }) => table) ?? []),
    ...served.map((table) => `${SYSTEM_CATALOG}.${table}`),
  ];
}

function analyzeTask(task: TaskDescription, startedAt: Instant): TaskAnalysis {
  return {
    task: task.taskId.partitionId,
    attempt: task.taskId.attempt,
    counted: task.isCounted,
    node: task.nodeId,
    ...measures(task.stats),
    state: task.state,
    splits: task.splitCount,
    started_after_ms: task.createdAt - startedAt,
  };
}

function measures(stats: TaskStats): Omit<Measures, 'state' | 'splits'> {
  return {
    input_rows: stats.inputRows,
    input_bytes: stats.inputBytes,
    scanned_rows: stats.scannedRows,
    scanned_bytes: stats.scannedBytes,
    output_rows: stats.outputRows,
    output_bytes: stats.outputBytes,
    cpu_ms: rounded(stats.cpuMs),
    busy_ms: stats.busyMs,
    wall_ms: stats.wallMs,
    blocked_ms: stats.blockedMs,
    peak_memory_bytes: stats.peakMemoryBytes,
    spilled_bytes: stats.spilledBytes,
    stored_bytes: stats.storedBytes,
    unaggregated_rows: stats.unaggregatedRows,
  };
}

/** To microseconds, which is all that is measured. */
function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1_000) / 1_000;
}

function skew(values: readonly number[]): number | null {
  const sum = values.reduce((total, value) => total + value, 0);
  if (sum === 0) return null;
  return Math.round((Math.max(...values) * values.length * 100) / sum) / 100;
}

import type { CollectedDomain, DynamicFilter } from '../dynamic-filter/dynamic-filter.ts';
import type { ErrorReport } from '../error.ts';
import type { Instant, NodeId, NodeInstanceId, TaskId } from '../ids.ts';
import type { PlanFragment } from '../plan/plan-fragment.ts';
import type { QueryShare } from '../sharing/query-share.ts';
import type { SplitAssignment } from '../plan/split.ts';
import type { OutputBuffers, OutputBufferStatus } from './output-buffers.ts';

/**
 * RUNNING → FLUSHING → FINISHED; any live state → CANCELING → CANCELED (a clean end, T18), ABORTING → ABORTED,
 * FAILING → FAILED. A terminal state never changes.
 */
export type TaskStateKind =
  | 'running'
  | 'flushing'
  | 'finished'
  | 'canceling'
  | 'canceled'
  | 'aborting'
  | 'aborted'
  | 'failing'
  | 'failed';

export function isTerminalTaskState(state: TaskStateKind): boolean {
  return state === 'finished' || state === 'canceled' || state === 'aborted' || state === 'failed';
}

/** Why a task does not progress; every wait has a name that a user can ask for. */
export type TaskBlockedReason =
  'none' | 'waiting-for-splits' | 'waiting-for-input' | 'waiting-for-slot' | 'output-full';

/** Time that a task has waited, by what for. */
export type BlockedTimes = Readonly<Record<Exclude<TaskBlockedReason, 'none'>, number>>;

export const NO_BLOCKED_TIMES: BlockedTimes = {
  'waiting-for-splits': 0,
  'waiting-for-input': 0,
  'waiting-for-slot': 0,
  'output-full': 0,
};

/** What a task has done so far. Rows, bytes, milliseconds. */
export interface TaskStats {
  readonly splitsCompleted: number;
  /** Rows and bytes that it was given: those scanned, and those of the pages that other tasks sent. */
  readonly inputRows: number;
  readonly inputBytes: number;
  /** Of these, rows of the row ranges that were read, before any filter, and compressed bytes of the columns read. */
  readonly scannedRows: number;
  readonly scannedBytes: number;
  /** Rows that the fragment's SQL gave, once, however many outputs they went to. */
  readonly outputRows: number;
  /** Bytes of the pages made of them, once for all outputs that deal alike. */
  readonly outputBytes: number;
  /**
   * Processor time of the worker's process while statements of the task ran; statements that ran at the same time
   * share it equally. All of it: DuckDB, the making and reading of pages, and the moving of them.
   */
  readonly cpuMs: number;
  /** Elapsed time of its statements. */
  readonly busyMs: number;
  /** From its first order to its end, or until now. */
  readonly wallMs: number;
  /** Of `wallMs`; `output-full` counts what its rows waited for readers, during statements and after the last. */
  readonly blockedMs: BlockedTimes;
  /** DuckDB's memory of the running statement when it was last looked at; 0 while none runs. */
  readonly memoryBytes: number;
  /**
   * The largest memory of DuckDB that was seen. Looked at 10 ms after a statement began and then ever more rarely, so
   * shorter statements leave none; exact for a profiled task.
   */
  readonly peakMemoryBytes: number;
  /** Pages of inputs that did not fit into memory, and what DuckDB was seen to have on disk at most. */
  readonly spilledBytes: number;
  /** Rows that dynamic filters kept out of its statements, as far as they were counted: not what DuckDB skipped unread. */
  readonly filteredRows: number;
  /** Bytes of the pages that its stored outputs have on disk; of an ended task, those that it had at its end. */
  readonly storedBytes: number;
  /** Rows that its partial aggregate passed on as they were, since aggregating would have left too many of them. */
  readonly unaggregatedRows: number;
}

export const NO_TASK_STATS: TaskStats = {
  splitsCompleted: 0,
  inputRows: 0,
  inputBytes: 0,
  scannedRows: 0,
  scannedBytes: 0,
  outputRows: 0,
  outputBytes: 0,
  cpuMs: 0,
  busyMs: 0,
  wallMs: 0,
  blockedMs: NO_BLOCKED_TIMES,
  memoryBytes: 0,
  peakMemoryBytes: 0,
  spilledBytes: 0,
  filteredRows: 0,
  storedBytes: 0,
  unaggregatedRows: 0,
};

/** A worker's report of one task. `version` grows with every change; an older one is ignored. */
export interface TaskStatus {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  /** The run of the worker's process; another run means that it lost its tasks (T35). */
  readonly nodeInstanceId: NodeInstanceId;
  readonly version: number;
  readonly state: TaskStateKind;
  readonly error?: ErrorReport;
  /** One per output of the fragment. */
  readonly outputs: readonly OutputBufferStatus[];
  /** Weight of splits received and not yet begun. */
  readonly queuedSplitWeight: number;
  /** Per source: all splits with a sequence id ≤ this have been received. -1 = none. */
  readonly receivedSplits: readonly { readonly sourceId: number; readonly sequenceId: number }[];
  readonly blockedReason: TaskBlockedReason;
  readonly stats: TaskStats;
  /** Root tasks with a result below 64 KiB: all of their pages, in the state `finished` (R8, direct result). */
  readonly inlinePages?: readonly Uint8Array[];
  /** Of the fragment's collected keys, in one status once the rows are complete; it is never taken back. */
  readonly collectedDomains?: readonly CollectedDomain[];
}

/** Who the query runs for, carried by every internal message. */
export interface Principal {
  readonly name: string;
}

/**
 * The coordinator's order to a worker about one task: idempotent, partial, in any number. The fragment comes
 * with the first one; later ones carry only what changed.
 */
export interface TaskUpdate {
  readonly taskId: TaskId;
  readonly principal: Principal;
  /** 32 random bytes of the query: whoever shows them may fetch this query's pages. */
  readonly capability: Uint8Array;
  readonly fragment?: PlanFragment;
  /** Comes with the fragment. Absent = the query shares with nobody. */
  readonly share?: QueryShare;
  readonly splitAssignments: readonly SplitAssignment[];
  /** One per output of the fragment, in its order. */
  readonly outputBuffers: readonly OutputBuffers[];
  /** Filters of its scans' columns that are new to the task. Absent = none. */
  readonly dynamicFilters?: readonly DynamicFilter[];
  /** The query ends at this instant at the latest. */
  readonly deadline: Instant;
  readonly memoryLimitBytes: number;
  /** Its statements are measured exactly, which costs them some time (EXPLAIN ANALYZE). */
  readonly isProfiled?: boolean;
}

/** How a task is to stop: `cancel` = its rows are not needed (readers see an end); `abort` = the query failed. */
export type TaskStop = 'cancel' | 'abort';

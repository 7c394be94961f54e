/**
 * Everything the scheduler can order: plain data, carried out by the runtime in the order given, each exactly once. Orders
 * to one task arrive at its worker in order, or the node is reported lost.
 */
import type { DynamicFilter } from '../../common/dynamic-filter/dynamic-filter.ts';
import type { KeyDomain, KeyForm } from '../../common/dynamic-filter/key-domain.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, NodeId, NodeInstanceId, SourceId, TaskId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { OutputLocation, SplitAssignment } from '../../common/plan/split.ts';
import type { OutputBuffers } from '../../common/task/output-buffers.ts';
import type { TaskStop } from '../../common/task/task-status.ts';
import type { SchedulerTimer } from './scheduler-event.ts';
import type { TaskWait } from './waits.ts';
import type { StageWait } from './why-blocked.ts';

/** A dynamic filter as a split source applies it: to the bounds of row groups. */
export interface SplitFilter {
  /** Position among the scan's filtered columns, and so among a row group's bounds. */
  readonly index: number;
  readonly form: KeyForm;
  readonly domain: KeyDomain;
  readonly keepsNulls: boolean;
}

/**
 * A root task's output (T17). A location is announced at most twice: first to be fetched, later once more with
 * `inlinePages`, which are all of its pages from the first on and stand in for fetching.
 */
export interface ResultLocation {
  readonly location: OutputLocation;
  readonly inlinePages?: readonly Uint8Array[];
}

export type SchedulerEffect =
  /**
   * Tell a task what is new for it (T35). The first update of a task carries `fragment`, one OutputBuffers per output
   * and one SplitAssignment per source; later ones carry changes only.
   */
  | {
      readonly kind: 'update-task';
      readonly taskId: TaskId;
      readonly nodeId: NodeId;
      readonly nodeInstanceId: NodeInstanceId;
      readonly fragment?: PlanFragment;
      /** With `fragment`: what the task may use (F9). Absent = what its worker gives to any task. */
      readonly memoryBytes?: number;
      readonly splitAssignments: readonly SplitAssignment[];
      /** Empty, or one per output of the fragment. */
      readonly outputBuffers: readonly OutputBuffers[];
      /** New to the task. Absent = none. */
      readonly dynamicFilters?: readonly DynamicFilter[];
    }
  | {
      readonly kind: 'stop-task';
      readonly taskId: TaskId;
      readonly nodeId: NodeId;
      readonly nodeInstanceId: NodeInstanceId;
      readonly stop: TaskStop;
    }
  /**
   * Nobody reads the stored outputs of this task any more: its consumers are finished, its attempt was not selected, or the
   * query is over. Harmless for a task that has none.
   */
  | {
      readonly kind: 'release-output';
      readonly taskId: TaskId;
      readonly nodeId: NodeId;
      readonly nodeInstanceId: NodeInstanceId;
    }
  /** Answer with `splits-loaded` of the same `batch` (from 0, one at a time) or `split-loading-failed`. */
  | {
      readonly kind: 'load-splits';
      readonly sourceId: SourceId;
      readonly batch: number;
      readonly maxCount: number;
      /** Row groups without a key of these are not needed. Absent = none. */
      readonly filters?: readonly SplitFilter[];
    }
  /** No further splits are wanted; once for every scan of the plan, however the query ends (T36). */
  | { readonly kind: 'close-split-source'; readonly sourceId: SourceId }
  /** `noMore`: all root tasks have been announced now. Never sent with `noMore` by a query that fails first. */
  | {
      readonly kind: 'add-result-locations';
      readonly locations: readonly ResultLocation[];
      readonly noMore: boolean;
    }
  /**
   * What becomes of the result's locations: those of an older attempt are void, those of a withheld one must not be shown
   * before it is committed (T8, T9). Never sent for a query that cannot be retried: its result is committed from the start.
   */
  | {
      readonly kind: 'change-result';
      readonly attempt: number;
      readonly commitment: 'withheld' | 'committed';
    }
  /** The source begins again with its first split. Numbers of batches go on. */
  | { readonly kind: 'rewind-split-source'; readonly sourceId: SourceId }
  /** The query has failed with `error`, and this attempt of it begins at `at`. */
  | {
      readonly kind: 'report-retry';
      readonly attempt: number;
      readonly at: Instant;
      readonly error: ErrorReport;
    }
  /** The end states have their own effects. `finishing`: all rows are computed, the client has not taken them all. */
  | { readonly kind: 'change-query-state'; readonly state: 'running' | 'finishing' }
  /** The end, once: all of the result is with the client or was given inline. */
  | { readonly kind: 'finish-query' }
  /** The end, once: `error` is the first cause. */
  | { readonly kind: 'fail-query'; readonly error: ErrorReport }
  /** The query stands still, and is about to fail for it: what each stage, and some of its tasks, wait for. */
  | {
      readonly kind: 'report-stall';
      readonly stages: readonly StageWait[];
      readonly tasks: readonly TaskWait[];
    }
  /** A status that no worker should send was ignored, the first of the query. */
  | { readonly kind: 'report-bad-status'; readonly taskId: TaskId; readonly problem: string }
  | { readonly kind: 'arm-timer'; readonly timer: SchedulerTimer; readonly at: Instant };

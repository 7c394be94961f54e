/**
 * Everything that can happen to a query: facts, plain data, safe in a log. Delivery may be late, repeated or
 * out of order; the reducer fences what is stale (SPEC.md, I5 and I17).
 */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, NodeId, NodeInstanceId, SourceId, StageId } from '../../common/ids.ts';
import type { FileSplit, PrunedInput } from '../../common/plan/split.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';

/** A worker as the scheduler sees it: one run (`nodeInstanceId`) of one cluster member. */
export interface SchedulerNode {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
  /** host:port of the worker's ExchangeService. */
  readonly address: string;
  /** Tasks of one stage that run on it at a time; each is a lane. At least 1. */
  readonly taskConcurrency: number;
  readonly cores: number;
  /** What its tasks may use together. Absent = not known. */
  readonly memoryBytes?: number;
  /** What it is or has, for queries that ask for it. Absent = nothing. */
  readonly labels?: readonly string[];
  /** Where it is, from the widest segment (region, rack) to the narrowest. Absent = not known. */
  readonly location?: readonly string[];
}

/** What was waited for. A timer that fires when nothing waits for it any more changes nothing. */
export type SchedulerTimer =
  /** The query's last instant: QUERY_TIMEOUT. */
  | { readonly kind: 'query-deadline' }
  /** The small-result window is over: root tasks are announced although they have not finished. */
  | { readonly kind: 'result-announcement' }
  /** The delay before this attempt of the query is over. */
  | { readonly kind: 'query-retry'; readonly attempt: number }
  /** Time to see whether the query still makes progress. */
  | { readonly kind: 'stall-watch' }
  /** No deeper cause followed a symptom such as EXCHANGE_FAILED: the symptom is the cause. */
  | { readonly kind: 'failure-cause' }
  /** Partitions have waited long enough for any worker at all. */
  | { readonly kind: 'node-wait'; readonly since: Instant }
  /** A task of the stage may be slow by now (S16). */
  | { readonly kind: 'slow-tasks'; readonly stageId: StageId }
  /** The pause after a failed task is over (F19). */
  | { readonly kind: 'scheduling-delay' }
  /** Time to ask for a batch of splits again that could not be loaded. */
  | { readonly kind: 'split-retry'; readonly sourceId: SourceId; readonly batch: number }
  /** A task that waits for a node may take another one now, or has waited in vain (F31). */
  | { readonly kind: 'node-allocation' }
  /** The scan has waited long enough for its dynamic filters. */
  | { readonly kind: 'dynamic-filter-wait'; readonly sourceId: SourceId }
  /** Splits of the scan have waited long enough for room nearer to their data (S15). */
  | { readonly kind: 'locality-wait'; readonly sourceId: SourceId };

export type SchedulerEvent =
  /** The answer to `load-splits` with the same `batch`. `last`: the source has no further splits. */
  | {
      readonly kind: 'splits-loaded';
      readonly sourceId: SourceId;
      readonly batch: number;
      readonly splits: readonly FileSplit[];
      readonly last: boolean;
      /** What the filters of the order spared. Absent = nothing. */
      readonly pruned?: PrunedInput;
    }
  | {
      readonly kind: 'split-loading-failed';
      readonly sourceId: SourceId;
      readonly batch: number;
      readonly error: ErrorReport;
    }
  | { readonly kind: 'task-status'; readonly status: TaskStatus }
  /** A worker can take tasks; also a drained one that came back. */
  | { readonly kind: 'node-joined'; readonly node: SchedulerNode }
  /** It keeps its tasks and gets no new ones. */
  | {
      readonly kind: 'node-draining';
      readonly nodeId: NodeId;
      readonly nodeInstanceId: NodeInstanceId;
    }
  /** This run of the worker is gone with all its tasks; `error` (NODE_LOST) names the worker and the exit cause. */
  | {
      readonly kind: 'node-lost';
      readonly nodeId: NodeId;
      readonly nodeInstanceId: NodeInstanceId;
      readonly error: ErrorReport;
    }
  /** Somebody wants the query ended: QUERY_CANCELLED, QUERY_ABANDONED, SHUTTING_DOWN … */
  | { readonly kind: 'cancel-requested'; readonly error: ErrorReport }
  /** The client has all of the result: its pages are not needed any more. */
  | { readonly kind: 'result-released' }
  | { readonly kind: 'timer-fired'; readonly timer: SchedulerTimer };

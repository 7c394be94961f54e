/** What a query's scheduler is told at its creation. */
import type { Instant, QueryId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { ClusterCapabilities, DisciplineChoice } from './disciplines.ts';
import {
  DEFAULT_RETRY_DELAYS,
  DEFAULT_TASK_RETRIES,
} from './fault-tolerant/fault-tolerant-options.ts';
import type { RetryDelays, TaskRetryOptions } from './fault-tolerant/fault-tolerant-options.ts';
import type { SchedulerNode } from './scheduler-event.ts';

/** Weights count in hundredths of a standard split (`standardSplitBytes`). */
export interface SplitQueueLimits {
  /** A node takes splits of any task up to this weight of the query's splits, not yet begun. */
  readonly maxNodeWeight: number;
  /** Beyond that, each task may still queue this weight, so that small tasks are not starved by big ones. */
  readonly minTaskWeight: number;
  /** The limit of a task that keeps running dry grows up to this weight. */
  readonly maxTaskWeight: number;
  /** Splits sent to a task and not yet acknowledged by it; beats the other limits. */
  readonly maxUnacknowledgedSplits: number;
}

export interface SchedulerOptions extends DisciplineChoice, ClusterCapabilities {
  /** Tasks of a hash or arbitrary stage; 0 = one on every lane of the cluster. */
  readonly hashPartitionCount: number;
  /** Tasks of a stage on one node; 0 = what the node announces. */
  readonly taskConcurrency: number;
  /** Splits asked of a split source at a time (T22). */
  readonly splitBatchSize: number;
  /** Bytes of a split of weight 100. */
  readonly standardSplitBytes: number;
  readonly splitQueueLimits: SplitQueueLimits;
  /** `topology`: splits go as near to their file's nodes as there is room; otherwise evenly. */
  readonly splitPlacement: 'uniform' | 'topology';
  /** `file`: what is read again is read by the same nodes, as long as that costs no balance. */
  readonly splitAffinity: 'none' | 'file';
  /** How long splits wait for room near their data before they go one level farther (S15); 0 = they do not. */
  readonly localityWaitMs: number;
  /** Only nodes with all of these labels are used. */
  readonly requiredLabels: readonly string[];
  /** How long a root task may take before it is announced without waiting for an inline result. */
  readonly resultAnnouncementDelayMs: number;
  /** How long a symptom (EXCHANGE_FAILED …) waits for its cause (NODE_LOST …) before it fails the query. */
  readonly failureCauseDelayMs: number;
  /** How long a scan waits for its dynamic filters, from the start of its stage; 0 = it never does. */
  readonly dynamicFilterWaitMs: number;
  /** A query that stands still for so long although it could go on fails; 0 = it may. */
  readonly stallTimeoutMs: number;
  /** Further attempts of a query that fails, with retry policy `query` (T6). */
  readonly maxQueryRetries: number;
  readonly retryDelays: RetryDelays;
  /** Bytes that every writer has read on average before there is another one (T31). */
  readonly writerScalingMinBytes: number;
  /** Writers of a stage, at most. */
  readonly maxWriterTaskCount: number;
  /** Failures of one partition that fail the query (S2). */
  readonly maxTaskFailures: number;
  /** Attempts of a stage in a row that cannot read their input, and so fail the query (S4, R19). */
  readonly maxStageAttempts: number;
  /** How long a partition waits for a worker when there is none, before the query fails with NO_NODES_AVAILABLE. */
  readonly nodeWaitMs: number;
  /** With retry policy `task`. */
  readonly taskRetries: TaskRetryOptions;
  /** Seed of the query's choices between equals. */
  readonly seed: number;
}

/** Trino's present defaults (`scheduling.md` §1.1, §6.2) where it has them. */
export const DEFAULT_SCHEDULER_OPTIONS: SchedulerOptions = {
  scheduling: 'pipelined',
  executionPolicy: 'phased',
  retryPolicy: 'none',
  hasSpooledExchange: false,
  hashPartitionCount: 0,
  taskConcurrency: 0,
  splitBatchSize: 1000,
  standardSplitBytes: 32 * 1024 * 1024,
  splitQueueLimits: {
    maxNodeWeight: 25_600,
    minTaskWeight: 1_600,
    maxTaskWeight: 200_000,
    maxUnacknowledgedSplits: 2_000,
  },
  splitPlacement: 'uniform',
  splitAffinity: 'none',
  localityWaitMs: 3_000,
  requiredLabels: [],
  resultAnnouncementDelayMs: 25,
  failureCauseDelayMs: 3_000,
  dynamicFilterWaitMs: 5_000,
  stallTimeoutMs: 300_000,
  maxQueryRetries: 4,
  retryDelays: DEFAULT_RETRY_DELAYS,
  writerScalingMinBytes: 120 * 1024 * 1024,
  maxWriterTaskCount: 100,
  maxTaskFailures: 4,
  maxStageAttempts: 4,
  nodeWaitMs: 120_000,
  taskRetries: DEFAULT_TASK_RETRIES,
  seed: 0,
};

export interface QuerySchedulerInit {
  readonly queryId: QueryId;
  /** Topological, producers first, the root last (`QueryPlan.fragments`). */
  readonly fragments: readonly PlanFragment[];
  /** Active nodes; none = the query fails with NO_NODES_AVAILABLE. */
  readonly nodes: readonly SchedulerNode[];
  /** The query fails with QUERY_TIMEOUT at this instant. */
  readonly deadline: Instant;
  readonly options: SchedulerOptions;
}

/** Whether a partition is tried again by itself: then every link between stages is stored. */
export function retriesPartitions({ retryPolicy }: Pick<SchedulerOptions, 'retryPolicy'>): boolean {
  return retryPolicy === 'stage' || retryPolicy === 'task';
}

/** Whether a stage may run again while others keep what they have made of its first run. */
export function rerunsStages({ retryPolicy }: Pick<SchedulerOptions, 'retryPolicy'>): boolean {
  return retryPolicy === 'stage' || retryPolicy === 'region' || retryPolicy === 'task';
}

/** Whether what each partition reads is dealt by a split assigner and written down before any attempt (F25, F29). */
export function describesTasks({ retryPolicy }: Pick<SchedulerOptions, 'retryPolicy'>): boolean {
  return retryPolicy === 'task';
}

/** Whether outputs survive the worker that made them (F27). */
export function spoolsOutputs({ retryPolicy }: Pick<SchedulerOptions, 'retryPolicy'>): boolean {
  return retryPolicy === 'task';
}

/** Figures of fault-tolerant execution. Trino's and Spark's present defaults (`scheduling.md` §1, §2) where they have them. */

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** How much input a task is meant to have (F28). */
export interface TaskSizing {
  /** Of stages that read files or share pages: where the target begins, what it is rounded to, and where it ends. */
  readonly minTargetBytes: number;
  readonly maxTargetBytes: number;
  /** The target grows by `growthFactor` each time that `growthPeriod` partitions are full. */
  readonly growthFactor: number;
  readonly growthPeriod: number;
  /** Splits of one task, whatever their size. */
  readonly maxTaskSplits: number;
  /** Of hash stages: partitions are merged up to this, and split beyond it where that is allowed. */
  readonly hashTargetBytes: number;
  /** Hash stages have about so many tasks at least (twice the nodes) and at most; both only move the target. */
  readonly minTasksPerNode: number;
  readonly maxTasks: number;
}

export const DEFAULT_TASK_SIZING: TaskSizing = {
  minTargetBytes: 512 * MIB,
  maxTargetBytes: 50 * GIB,
  growthFactor: 1.26,
  growthPeriod: 64,
  maxTaskSplits: 2048,
  hashTargetBytes: 512 * MIB,
  minTasksPerNode: 2,
  maxTasks: 1000,
};

/** What a task is expected to need (F30). */
export interface MemoryEstimation {
  /** After an attempt that ran out of memory. */
  readonly growthFactor: number;
  /** Of the peaks of attempts that have ended. */
  readonly quantile: number;
}

export const DEFAULT_MEMORY_ESTIMATION: MemoryEstimation = { growthFactor: 3, quantile: 0.9 };

/** Nodes for tasks (F31). */
export interface AllocationLimits {
  /** Beside what a task is seen to use. */
  readonly usageOverheadBytes: number;
  /** What eager tasks may take of a node beyond its memory. */
  readonly eagerOvercommitBytes: number;
  /** NO_NODES_AVAILABLE after so long without any node that could ever take the task. */
  readonly noMatchingNodeMs: number;
  /** A task that would be better off on a node without room goes elsewhere after so long. */
  readonly exhaustedNodeWaitMs: number;
}

export const DEFAULT_ALLOCATION_LIMITS: AllocationLimits = {
  usageOverheadBytes: GIB,
  eagerOvercommitBytes: 20 * GIB,
  noMatchingNodeMs: 600_000,
  exhaustedNodeWaitMs: 120_000,
};

/** What may wait at a time (F7, §2.5). */
export interface QueueBounds {
  /** Tasks of each execution class that wait for a node. */
  readonly maxWaitingForNode: number;
  /** No further splits are loaded while so many standard tasks are queued. */
  readonly maxQueuedStandard: number;
}

export const DEFAULT_QUEUE_BOUNDS: QueueBounds = { maxWaitingForNode: 50, maxQueuedStandard: 10 };

/** Pauses after failures (T6, F19). */
export interface RetryDelays {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  readonly scaleFactor: number;
}

export const DEFAULT_RETRY_DELAYS: RetryDelays = {
  initialDelayMs: 10_000,
  maxDelayMs: 60_000,
  scaleFactor: 2,
};

/** When a slow task gets a second attempt (S16, K25). */
export interface SpeculationOptions {
  readonly isEnabled: boolean;
  /** Share of the stage's tasks that must have finished. */
  readonly quantile: number;
  /** Slow = this many times the median. */
  readonly multiplier: number;
  /** Whatever the median is, no younger task is slow. */
  readonly minRuntimeMs: number;
  /** A slow task that works at this share of the average rate or faster is left alone … */
  readonly efficientRate: number;
  /** … unless it has taken so many times what is slow. */
  readonly inefficientDuration: number;
  /** The only task of a stage, with nothing to compare it with, is slow after this; 0 = never. */
  readonly singleTaskMs: number;
}

export const DEFAULT_SPECULATION: SpeculationOptions = {
  isEnabled: true,
  quantile: 0.9,
  multiplier: 3,
  minRuntimeMs: 30_000,
  efficientRate: 0.75,
  inefficientDuration: 2,
  singleTaskMs: 0,
};

/** Failures after which a place gets no more work of a partition, a stage, a query (S17). */
export interface ExclusionOptions {
  readonly isEnabled: boolean;
  /** Failed attempts of a partition on one node; failed attempts of it on one host. */
  readonly perPartition: PlaceLimits;
  /** Partitions of a stage that failed on one node; nodes of one host excluded from the stage. */
  readonly perStage: PlaceLimits;
  /** The same over all stages of the query that went well in the end. */
  readonly perQuery: PlaceLimits;
  /** After this long a failure does not count against a place in the whole query any more. */
  readonly timeoutMs: number;
  /** A partition that no node may take fails the query after this long. */
  readonly unschedulableMs: number;
}

export interface PlaceLimits {
  readonly node: number;
  readonly host: number;
}

export const DEFAULT_EXCLUSION: ExclusionOptions = {
  isEnabled: false,
  perPartition: { node: 1, host: 2 },
  perStage: { node: 2, host: 2 },
  perQuery: { node: 2, host: 2 },
  timeoutMs: 3_600_000,
  unschedulableMs: 120_000,
};

/** Sizes of outputs that are not complete yet (§2.5). */
export interface OutputEstimation {
  /** Share of the tasks that must have finished before their outputs speak for the rest. */
  readonly minProgress: number;
  /** A stage that reads at most this much is small: its output is taken to be `smallInputFactor` times its input. */
  readonly smallInputBytes: number;
  readonly smallInputFactor: number;
  /** Input of a partition that reads files, where it is not known better. */
  readonly scanPartitionBytes: number;
}

export const DEFAULT_OUTPUT_ESTIMATION: OutputEstimation = {
  minProgress: 0.2,
  smallInputBytes: 20 * GIB,
  smallInputFactor: 1.2,
  scanPartitionBytes: 512 * MIB,
};

/** A fragment with a lower LIMIT starts before its inputs are known (§2.5). */
export const EAGER_ROW_LIMIT = 1_000_000;

/** Inline results of a query together (R9); 0 = any. */
export const DEFAULT_MAX_RESULT_BYTES = GIB;

/** Queries that retry tasks. */
export interface TaskRetryOptions {
  readonly sizing: TaskSizing;
  /** Of one partition: the first and the retries (F10). */
  readonly maxAttempts: number;
  /** So often an output of a partition may be lost and made again. */
  readonly maxOutputLosses: number;
  /** Descriptors of a query's tasks (F29). */
  readonly maxDescriptorBytes: number;
  /** What a task needs as long as nothing is known of its stage (F30, F11). */
  readonly taskMemoryBytes: number;
  readonly memory: MemoryEstimation;
  readonly limits: AllocationLimits;
  readonly queueBounds: QueueBounds;
  readonly speculation: SpeculationOptions;
  readonly exclusion: ExclusionOptions;
  /** Stages may begin before all that they read is stored, and tasks before all that they read is known (F3, F11). */
  readonly startsSpeculatively: boolean;
  readonly estimation: OutputEstimation;
}

export const DEFAULT_TASK_RETRIES: TaskRetryOptions = {
  sizing: DEFAULT_TASK_SIZING,
  maxAttempts: 5,
  maxOutputLosses: 4,
  maxDescriptorBytes: 256 * MIB,
  taskMemoryBytes: 5 * GIB,
  memory: DEFAULT_MEMORY_ESTIMATION,
  limits: DEFAULT_ALLOCATION_LIMITS,
  queueBounds: DEFAULT_QUEUE_BOUNDS,
  speculation: DEFAULT_SPECULATION,
  // It never bars a partition from all nodes, so that it can only help.
  exclusion: { ...DEFAULT_EXCLUSION, isEnabled: true },
  startsSpeculatively: true,
  estimation: DEFAULT_OUTPUT_ESTIMATION,
};

/** What a query's scheduler loop needs of the world; implemented in `rpc/`, `log/`, `split-source/` and `query/`. */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, NodeId, NodeInstanceId, SourceId, TaskId } from '../../common/ids.ts';
import type { FileSplit, PrunedInput } from '../../common/plan/split.ts';
import type { TaskStop, TaskUpdate } from '../../common/task/task-status.ts';
import type {
  ResultLocation,
  SchedulerEffect,
  SplitFilter,
} from '../scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../scheduler/scheduler-event.ts';
import type { QuerySchedulerInit } from '../scheduler/scheduler-options.ts';

/** One run of a worker. */
export interface NodeRun {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
}

/**
 * Orders to workers. Nothing is awaited: an order to a run that is known arrives, in order, or the run is reported
 * lost; an order to a run that is lost already is dropped.
 */
export interface WorkerGateway {
  updateTask(node: NodeRun, update: TaskUpdate): void;
  stopTask(node: NodeRun, taskId: TaskId, stop: TaskStop): void;
  /** The files of the task's stored outputs may go. */
  releaseOutput(node: NodeRun, taskId: TaskId): void;
}

export interface SplitBatch {
  readonly splits: readonly FileSplit[];
  /** The source has nothing behind these. */
  readonly last: boolean;
  /** What the filters spared. Absent = nothing. */
  readonly pruned?: PrunedInput;
}

/** The scans of one query. One batch of a source is asked for at a time. */
export interface SplitSources {
  nextBatch(
    sourceId: SourceId,
    maxCount: number,
    filters?: readonly SplitFilter[],
  ): Promise<SplitBatch>;
  /** It begins again with its first split. */
  rewind(sourceId: SourceId): void;
  close(sourceId: SourceId): void;
}

/** What becomes known of a query outside of its scheduler. Called in the order of the effects. */
export interface QueryListener {
  onResultLocations(locations: readonly ResultLocation[], noMore: boolean): void;
  /** Locations of older attempts are void; nothing of a withheld one may be shown. Committed at first. */
  onResultChange(attempt: number, commitment: 'withheld' | 'committed'): void;
  onState(state: 'running' | 'finishing'): void;
  /** The end, once; `error` when the query failed. */
  onEnd(error: ErrorReport | undefined): void;
  /** Counts or reasons have changed. */
  onProgress(): void;
}

/** One turn of the reducer, as the log keeps it. */
export type LoggedTurn =
  | {
      readonly kind: 'created';
      readonly now: Instant;
      readonly init: QuerySchedulerInit;
      readonly effects: readonly SchedulerEffect[];
    }
  | {
      readonly kind: 'event';
      readonly now: Instant;
      readonly event: SchedulerEvent;
      readonly effects: readonly SchedulerEffect[];
    };

/** The history of one query. Effects leave only after the turns that caused them are appended (group commit). */
export interface QueryLog {
  append(turns: readonly LoggedTurn[]): Promise<void>;
  close(): Promise<void>;
}

export const NO_QUERY_LOG: QueryLog = {
  append: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** What queries need of the rest of the coordinator; implemented in `planner/` and `rpc/`. */
import type { ErrorReport } from '../../common/error.ts';
import type { NodeId, NodeInstanceId, QueryId, TaskId } from '../../common/ids.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { Principal, TaskStatus, TaskStop, TaskUpdate } from '../../common/task/task-status.ts';
import type { SchedulerNode } from '../scheduler/scheduler-event.ts';

export interface PlanningRequest {
  readonly queryId: QueryId;
  readonly sql: string;
  readonly principal: Principal;
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly parameters: Uint8Array;
  /** What the plan is for: the cluster as it is now. */
  readonly workerCount: number;
  readonly tasksPerWorker: number;
}

export interface TableListing {
  readonly catalog: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

/**
 * The planner processes. Failures are EngineErrors: the statement's own, PLANNING_TIMEOUT, PLANNING_OUT_OF_MEMORY,
 * PLANNER_FAILED. When `signal` is aborted the call fails at once with its reason, and a planner that does not stop
 * by itself is killed.
 */
export interface Planner {
  plan(request: PlanningRequest, signal: AbortSignal): Promise<QueryPlan>;
  listTables(principal: Principal, catalog: string, signal: AbortSignal): Promise<readonly TableListing[]>;
}

/** A run of a worker's process. */
export interface WorkerRun {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
}

/**
 * The control streams. Orders to one run of a worker arrive in order, or that run is reported lost; orders to a run
 * that is gone are dropped, since its loss is on the way to the scheduler.
 */
export interface Workers {
  activeNodes(): readonly SchedulerNode[];
  updateTask(run: WorkerRun, update: TaskUpdate): void;
  stopTask(run: WorkerRun, taskId: TaskId, stop: TaskStop): void;
}

/** What the control streams report; implemented by the query registry. */
export interface WorkerEvents {
  onTaskStatus(status: TaskStatus): void;
  onNodeJoined(node: SchedulerNode): void;
  onNodeDraining(run: WorkerRun): void;
  /** `error`: NODE_LOST, naming the worker and the cause of its process's end as far as known. */
  onNodeLost(run: WorkerRun, error: ErrorReport): void;
}

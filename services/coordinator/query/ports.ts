/** What the query registry needs of the rest of the coordinator. */
import type { QueryId } from '../../common/ids.ts';
import type { QueryPlan } from '../../common/plan/plan-fragment.ts';
import type { SessionState } from '../../common/session-state.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { QueryLog } from '../runtime/ports.ts';
import type { SchedulerNode } from '../scheduler/scheduler-event.ts';

export interface PlanRequest {
  readonly queryId: QueryId;
  readonly sql: string;
  readonly principal: Principal;
  /** All that hold for the statement. */
  readonly sessionProperties: Readonly<Record<string, string>>;
  readonly session: SessionState;
  /** Arrow IPC stream of one row; empty = none. */
  readonly parameters: Uint8Array;
  /** What the question of an earlier plan was answered with, as an Arrow IPC stream; empty = none was asked. */
  readonly answers: Uint8Array;
  /** The cluster as it is now. */
  readonly workerCount: number;
  readonly tasksPerWorker: number;
}

/** Fails with the statement's error, or PLANNING_TIMEOUT, PLANNING_OUT_OF_MEMORY, PLANNER_FAILED. */
export interface Planner {
  /** When the signal is aborted it fails at once with the signal's reason, whatever becomes of the planning. */
  plan(request: PlanRequest, signal: AbortSignal): Promise<QueryPlan>;
}

export interface Cluster {
  /** Workers that take tasks, in a fixed order. */
  activeNodes(): readonly SchedulerNode[];
}

export type OpenQueryLog = (queryId: QueryId) => QueryLog;

/** Random bytes fit for secrets. */
export type RandomBytes = (count: number) => Uint8Array;

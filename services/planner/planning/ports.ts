import { type Column } from '../../common/plan/column-type.ts';
import { type QueryPlan } from '../../common/plan/plan-fragment.ts';
import { type SessionProperties } from '../../common/session-properties.ts';

/** A statement to plan, with what the plan is for. */
export interface PlanningRequest {
  readonly sql: string;
  readonly session: SessionProperties;
  /** Arrow IPC stream of one row; empty = no parameters. */
  readonly parameters: Uint8Array;
  readonly cluster: ClusterShape;
}

/** The cluster as it is when the statement is planned. */
export interface ClusterShape {
  readonly workerCount: number;
  /** Tasks of a stage on each worker. */
  readonly tasksPerWorker: number;
}

export interface TableDescription {
  readonly catalog: string;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly Column[];
}

/** What PlannerService serves. */
export interface StatementPlanner {
  /** @throws EngineError what is wrong with the statement */
  plan(request: PlanningRequest): Promise<QueryPlan>;
  /** Tables of a catalog, of the default one for ''. */
  listTables(catalog: string): Promise<readonly TableDescription[]>;
}

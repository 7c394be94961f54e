import { type EngineError } from '../../common/error.ts';
import { type Column } from '../../common/plan/column-type.ts';
import {
  type ExplainFormat,
  type PlanFragment,
  type QueryPlan,
  type ScanFile,
  type SeenPath,
} from '../../common/plan/plan-fragment.ts';
import { type SessionProperties } from '../../common/session-properties.ts';
import { type SessionState } from '../../common/session-state.ts';
import { type ResolvedScan } from '../catalog/scan-files.ts';
import { type Table } from '../catalog/table.ts';
import { type KnownRows } from '../explain/values-plan.ts';
import { type ScanStatistics } from '../distribution/scan-statistics.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan, type Scan, type SystemScan } from '../logical/logical-plan.ts';

/** A statement to plan, with what the plan is for. */
export interface PlanningRequest {
  readonly sql: string;
  /** All properties that hold for the statement. */
  readonly session: SessionProperties;
  readonly sessionState: SessionState;
  /** Arrow IPC stream of one row; empty = no parameters. */
  readonly parameters: Uint8Array;
  /** What the query answered that an earlier plan of the statement asked; Arrow IPC, empty = none yet. */
  readonly answers: Uint8Array;
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

/** A statement that passed the SQL door, by what has to be done with it. */
export type AdmittedStatement =
  | {
      readonly kind: 'query';
      readonly query: BoundQuery;
      /** Tables whose files alone decide what the statement means; undefined = other things do too. */
      readonly decidedBy: readonly Table[] | undefined;
    }
  | { readonly kind: 'explain'; readonly query: BoundQuery; readonly explain: Explain }
  /** SHOW, DESCRIBE: the planner itself knows the answer. */
  | { readonly kind: 'known'; readonly rows: KnownRows; readonly statement: string }
  /** Before it can be planned, this query has to be answered. */
  | { readonly kind: 'question'; readonly sql: string }
  /** Nothing but a change of the session; it answers columns without rows. */
  | {
      readonly kind: 'session';
      readonly columns: readonly Column[];
      readonly statement: string;
      readonly session: SessionState;
    };

/** What EXPLAIN is to tell of a query. */
export interface Explain {
  /** How it went, and not only how it would be run. */
  readonly isAnalyzed: boolean;
  readonly format: ExplainFormat;
}

/** A query as DuckDB has bound and optimized it. */
export interface BoundQuery {
  /** The result's columns as the user sees them. */
  readonly columns: readonly Column[];
  /** DuckDB settings of the session that change answers. */
  readonly settings: Readonly<Record<string, string>>;
  readonly plan: DecodedPlan;
  /** The statement itself over its scans, for the last rung; or why there is no such thing. Made when it is asked for. */
  whole(): Promise<WholeQuery>;
}

export type DecodedPlan =
  /** `isJoinOrdered`: DuckDB's optimizer has ordered its joins; else they are in the order of the statement. */
  | { readonly kind: 'plan'; readonly plan: LogicalPlan; readonly isJoinOrdered: boolean }
  | { readonly kind: 'unsupported'; readonly construct: string };

/**
 * `sql` reads `scan_<id>` of the scans and `remote_<id>` of the system scans, columns c0…cn, in one SELECT whose columns are
 * called c0…cn. Since it is bound again where it runs, `settings` are all of the session's.
 */
export type WholeQuery =
  | {
      readonly kind: 'sql';
      readonly sql: string;
      readonly scans: readonly Scan[];
      readonly systemScans: readonly SystemScan[];
      readonly settings: Readonly<Record<string, string>>;
      /** What the statement needs of its session: variables, macros. */
      readonly preparation: readonly string[];
      /** It calls random(), and nothing else that a seed does not bring back. */
      readonly isSeeded: boolean;
    }
  | ({ readonly kind: 'refused' } & Refutation);

/** Why SQL that the planner wrote is not what it is meant to be. */
export interface Refutation {
  readonly reason: string;
  /** What DuckDB threw, where that is the reason. */
  readonly error?: EngineError;
}

/** DuckDB as the planner uses it. */
export interface FrontEnd {
  /** @throws EngineError for a statement that is wrong, or that the SQL door refuses */
  admit(request: PlanningRequest): Promise<AdmittedStatement>;
  /** Binds a fragment's SQL; what differs from its declared columns, or the binder's error; undefined = proved. */
  refute(fragment: PlanFragment): Promise<Refutation | undefined>;
}

export type TablesSeen =
  | { readonly areSame: false }
  | {
      readonly areSame: true;
      /** They stay the same while these are unchanged; `undefined` when that takes another look. */
      readonly seen: readonly SeenPath[] | undefined;
    };

/** The files behind scans and tables. */
export interface ScanCatalog {
  /** Files and row groups of a scan; those that hold no row for the predicates, over its columns, are left out. */
  resolve(scan: Scan, predicates: readonly Expression[]): Promise<ResolvedScan>;
  /** What is known of the row groups of a resolved scan; undefined when its files have none. */
  statisticsOf(scan: Scan, files: readonly ScanFile[]): Promise<ScanStatistics | undefined>;
  /** The table that a scan reads, as the user knows it. */
  tableOf(scan: Scan): string;
  /** Whether tables still are what they were: their names lead to the same files. */
  lookAgain(tables: readonly Table[]): Promise<TablesSeen>;
  listTables(catalog: string): Promise<readonly TableDescription[]>;
}

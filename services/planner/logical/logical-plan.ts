import { type ColumnType } from '../../common/plan/column-type.ts';
import { type FileFormat } from '../../common/plan/file-reading.ts';
import { type SystemTableName } from '../../common/system/system-tables.ts';
import {
  type AggregateCall,
  type ComparisonOperator,
  type Expression,
  type SortKey,
  type WindowCall,
} from './expression.ts';

/**
 * DuckDB's optimized plan as our own closed tree. Columns have positions, not names: an expression refers to
 * position n of its operator's input. Projection maps are already applied, so `columns` is all a parent sees.
 */
export type LogicalPlan =
  | Scan
  | TableFunction
  | SystemScan
  | Values
  | DummyScan
  | Empty
  | Filter
  | Project
  | Aggregate
  | Distinct
  | Window
  | Unnesting
  | Join
  | AnyJoin
  | CrossProduct
  | PositionalJoin
  | DelimJoin
  | DelimGet
  | Order
  | TopN
  | Limit
  | Sample
  | SetOperation
  | MaterializedCte
  | RecursiveCte
  | CteRef
  | Remote;

interface Operator {
  /** Types of the output columns, in order. */
  readonly columns: readonly ColumnType[];
  /** DuckDB's estimate for this operator's output; absent where it gave none. */
  readonly estimatedRows?: number;
}

/** Identifies a scan within its query: its position in the decoded plan. */
export type ScanId = number;

/** The scan of the decoded plan: its statistics are those of all its copies. */
export function originalOf({ scanId, copyOf }: Scan): ScanId {
  return copyOf ?? scanId;
}

/** Reads files. Exactly these files: hive and filename filters were applied when they were listed. */
export interface Scan extends Operator {
  readonly kind: 'scan';
  readonly scanId: ScanId;
  /** The scan of the decoded plan that this one repeats (a CTE that is read in several places). */
  readonly copyOf?: ScanId;
  readonly format: FileFormat;
  /** None where the source is pinned. */
  readonly files: readonly string[];
  /** Id of the source that the planner pinned when it was bound: files of another format than Parquet. */
  readonly pinned?: string;
  /** What is read, one for one with `columns`. */
  readonly fileColumns: readonly ScanColumn[];
  readonly options: ParquetOptions;
}

export interface ScanColumn {
  readonly name: string;
  readonly type: ColumnType;
  /**
   * file: a column of read_parquet's result (hive partition and filename columns included) ·
   * virtual: a hidden column (`file_row_number`, `filename`) that is named to be read ·
   * none: only the row counts; its value is a NULL nobody reads.
   */
  readonly origin: 'file' | 'virtual' | 'none';
}

/** Options of read_parquet that decide what its columns mean. */
export interface ParquetOptions {
  readonly binaryAsString: boolean;
  readonly fileRowNumber: boolean;
  /** Name of the filename column, where there is one. */
  readonly filenameColumn?: string;
  readonly hivePartitioning: boolean;
  readonly hiveTypesAutocast: boolean;
  readonly hiveTypes: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly unionByName: boolean;
}

/** A table function whose rows follow from its constant arguments (range, generate_series, repeat). */
export interface TableFunction extends Operator {
  readonly kind: 'table-function';
  readonly name: string;
  readonly args: readonly Expression[];
  /** Names of all columns the function returns. */
  readonly names: readonly string[];
  /** Positions among `names` of the output columns. */
  readonly projected: readonly number[];
}

/** Reads all columns of a table of the catalog `system`: rows that the coordinator has, at that moment. */
export interface SystemScan extends Operator {
  readonly kind: 'system-scan';
  readonly scanId: ScanId;
  readonly table: SystemTableName;
}

/** Rows of expressions without columns (VALUES, IN lists turned into joins). */
export interface Values extends Operator {
  readonly kind: 'values';
  readonly rows: readonly (readonly Expression[])[];
}

/** One row; its single column is never read. */
export interface DummyScan extends Operator {
  readonly kind: 'dummy-scan';
}

export interface Empty extends Operator {
  readonly kind: 'empty';
}

export interface Filter extends Operator {
  readonly kind: 'filter';
  readonly child: LogicalPlan;
  /** All must be true; over the child's columns. */
  readonly predicates: readonly Expression[];
}

export interface Project extends Operator {
  readonly kind: 'project';
  readonly child: LogicalPlan;
  readonly expressions: readonly Expression[];
}

/** Output: groups ++ aggregates ++ grouping functions. Without groups and sets: exactly one row. */
export interface Aggregate extends Operator {
  readonly kind: 'aggregate';
  readonly child: LogicalPlan;
  readonly groups: readonly Expression[];
  /** Positions in `groups`; a group outside the set is NULL there. One set of all groups = plain GROUP BY. */
  readonly groupingSets: readonly (readonly number[])[];
  readonly aggregates: readonly AggregateCall[];
  /** Each GROUPING(…) call: positions in `groups`. */
  readonly groupingFunctions: readonly (readonly number[])[];
}

/** `on` empty: DISTINCT over all columns; else DISTINCT ON, the first row by `orderBy` of each. */
export interface Distinct extends Operator {
  readonly kind: 'distinct';
  readonly child: LogicalPlan;
  readonly on: readonly Expression[];
  readonly orderBy: readonly SortKey[];
}

/** Output: child's columns ++ one per call. */
export interface Window extends Operator {
  readonly kind: 'window';
  readonly child: LogicalPlan;
  readonly calls: readonly WindowCall[];
}

/** Output: child's columns ++ one per unnested list, in step, the shorter ones padded with NULL. */
export interface Unnesting extends Operator {
  readonly kind: 'unnesting';
  readonly child: LogicalPlan;
  readonly lists: readonly Expression[];
}

/**
 * inner, left, right, full, single: output left ++ right (single = left join that fails on a second match) ·
 * semi, anti: left · right-semi, right-anti: right · mark: left ++ one BOOLEAN, NULL where SQL's IN says unknown.
 */
export type JoinType =
  | 'inner'
  | 'left'
  | 'right'
  | 'full'
  | 'semi'
  | 'anti'
  | 'right-semi'
  | 'right-anti'
  | 'mark'
  | 'single';

/** `left` over the left child's columns, `right` over the right child's. */
export interface JoinCondition {
  readonly operator: ComparisonOperator;
  readonly left: Expression;
  readonly right: Expression;
}

/**
 * Which columns of both children reach the output; positions in the children's columns. The side that
 * the join type drops is empty.
 */
export interface JoinOutput {
  readonly left: readonly number[];
  readonly right: readonly number[];
}

/** A join by comparisons, all of which must be true. */
export interface Join extends Operator {
  readonly kind: 'join';
  readonly joinType: JoinType;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly conditions: readonly JoinCondition[];
  /** Of the right rows that match, each left row meets only the nearest by the one inequality; inner or left. */
  readonly isAsof?: true;
  readonly output: JoinOutput;
}

/** A join by any predicate, over left ++ right columns of the children. */
export interface AnyJoin extends Operator {
  readonly kind: 'any-join';
  readonly joinType: JoinType;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly predicate: Expression;
  readonly output: JoinOutput;
}

export interface CrossProduct extends Operator {
  readonly kind: 'cross-product';
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
}

/** Row n of the left beside row n of the right, in the order they come; NULLs beside what is left over. */
export interface PositionalJoin extends Operator {
  readonly kind: 'positional-join';
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
}

/** Identifies a delim join and the delim-gets that read its distinct keys. */
export type DelimId = number;

/**
 * A decorrelated subquery: the distinct `keys` of the outer side (`left`, or `right` when `isFlipped`) feed
 * the delim-gets with the same `delimId` in the other side; NULL keys count as equal there.
 */
export interface DelimJoin extends Operator {
  readonly kind: 'delim-join';
  readonly delimId: DelimId;
  readonly joinType: JoinType;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly conditions: readonly JoinCondition[];
  /** Over the columns of the outer side. */
  readonly keys: readonly Expression[];
  readonly isFlipped: boolean;
  readonly output: JoinOutput;
}

/** The distinct keys of the enclosing delim join with this id. */
export interface DelimGet extends Operator {
  readonly kind: 'delim-get';
  readonly delimId: DelimId;
}

export interface Order extends Operator {
  readonly kind: 'order';
  readonly child: LogicalPlan;
  readonly keys: readonly SortKey[];
}

export interface TopN extends Operator {
  readonly kind: 'top-n';
  readonly child: LogicalPlan;
  readonly keys: readonly SortKey[];
  readonly limit: bigint;
  readonly offset: bigint;
}

export interface Limit extends Operator {
  readonly kind: 'limit';
  readonly child: LogicalPlan;
  readonly limit?: LimitValue;
  readonly offset?: LimitValue;
}

/** A percentage is of all input rows. */
export type LimitValue =
  | { readonly kind: 'rows'; readonly rows: bigint }
  | { readonly kind: 'percentage'; readonly percentage: number };

/** Some rows by chance; the same ones each time when there is a seed. */
export interface Sample extends Operator {
  readonly kind: 'sample';
  readonly child: LogicalPlan;
  readonly size: LimitValue;
  readonly method: 'system' | 'bernoulli' | 'reservoir';
  readonly seed?: bigint;
}

export interface SetOperation extends Operator {
  readonly kind: 'set-operation';
  readonly operator: 'union' | 'intersect' | 'except';
  readonly all: boolean;
  /** Two for intersect and except, two or more for union (always ALL: the import puts a distinct above). */
  readonly children: readonly LogicalPlan[];
  /** False: a union all whose rows come in the order of its children. */
  readonly allowOutOfOrder: boolean;
}

export type CteId = number;

/** Evaluates `definition` once; cte-refs with the id inside `child` read it. Output: child's columns. */
export interface MaterializedCte extends Operator {
  readonly kind: 'materialized-cte';
  readonly cteId: CteId;
  readonly name: string;
  readonly definition: LogicalPlan;
  readonly child: LogicalPlan;
}

/** Repeats `recursion` over its own last rows, which are the cte-refs with the id, until there are none. */
export interface RecursiveCte extends Operator {
  readonly kind: 'recursive-cte';
  readonly cteId: CteId;
  readonly anchor: LogicalPlan;
  readonly recursion: LogicalPlan;
  /** UNION ALL; else rows that were there already are dropped. */
  readonly all: boolean;
}

export interface CteRef extends Operator {
  readonly kind: 'cte-ref';
  readonly cteId: CteId;
}

/** Number of a remote input within its query; `remote_<id>` in SQL. */
export type RemoteId = number;

/** Rows of another stage. Never in a decoded plan: distribution puts it where a stage's body is cut from its input. */
export interface Remote extends Operator {
  readonly kind: 'remote';
  readonly remoteId: RemoteId;
}

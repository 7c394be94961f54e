/**
 * The contract between planner, scheduler and worker: a query as fragments of DuckDB SQL over named
 * inputs, joined by exchanges. Values only, safe as JSON.
 */
import type { CollectedKey, FilteredColumn } from '../dynamic-filter/dynamic-filter.ts';
import type { KeyBounds } from '../dynamic-filter/key-domain.ts';
import type { FragmentId, SourceId } from '../ids.ts';
import type { SessionState } from '../session-state.ts';
import type { SystemTableName } from '../system/system-tables.ts';
import type { Column, ColumnType } from './column-type.ts';
import type { FileFormat, FileReading } from './file-reading.ts';

/** How the tasks of a fragment are made. */
export type Partitioning =
  /** One task on any worker. */
  | { readonly kind: 'single' }
  /** Tasks follow the splits of `sourceId`: `task_concurrency` tasks on every worker that gets splits. */
  | { readonly kind: 'source'; readonly sourceId: SourceId }
  /** A fixed number of tasks; task i reads partition i of each partitioned remote source (T30, P2). */
  | { readonly kind: 'hash' }
  /** A fixed number of tasks that share the pages of an arbitrary remote source (round robin). */
  | { readonly kind: 'arbitrary' }
  /** The same with as many tasks as the rows need: one at first, more while their producers wait for them (T31). */
  | { readonly kind: 'scaled-writer' }
  /**
   * Task i reads the row groups of partition i of every scan: their files lie apart by a key, so that equal keys of all
   * scans meet without an exchange, or row groups of one scan meet all those of the others (T29). `layout`: by what, for
   * EXPLAIN: `range(l_orderkey, 8)`.
   */
  | { readonly kind: 'fixed-source'; readonly partitionCount: number; readonly layout: string };

/** How a fragment's rows are dealt to the tasks of one consumer. */
export type PartitioningScheme =
  /** All rows to one reader: the single task of the consumer, or the client. */
  | { readonly kind: 'single' }
  /** `hash(keys) % tasks of the consumer`; each key is a SQL expression over c0…cn of this fragment. */
  | { readonly kind: 'hash'; readonly keys: readonly string[] }
  /** All rows to each task of the consumer. */
  | { readonly kind: 'broadcast' }
  /** Each page to whichever task of the consumer asks. */
  | { readonly kind: 'arbitrary' }
  /** Nobody gets the rows: they are computed and counted (EXPLAIN ANALYZE). To the client only. */
  | { readonly kind: 'discard' };

export type OutputConsumer =
  | { readonly kind: 'client' }
  | { readonly kind: 'fragment'; readonly fragmentId: FragmentId; readonly sourceId: SourceId };

/** One consumer of a fragment's rows. A shared fragment (materialized CTE) has several outputs. */
export interface FragmentOutput {
  readonly consumer: OutputConsumer;
  readonly scheme: PartitioningScheme;
}

/**
 * A file scan of a fragment. The worker offers it to the fragment's SQL as a relation called `name`
 * with columns c0…cn: `columns[i]` of the file, read with its declared type.
 */
export interface ScanInput {
  readonly sourceId: SourceId;
  /** `scan_<sourceId>`. */
  readonly name: string;
  /** Of all files of the scan. */
  readonly format: FileFormat;
  readonly columns: readonly Column[];
  /** The table as the user knows it, for messages and EXPLAIN. */
  readonly table: string;
  /** Which rows of its splits belong to a task of a fixed-source fragment. Absent = all of them. */
  readonly partitioning?: ScanPartitioning;
  /** Dynamic filters that its rows must pass. Absent = none. */
  readonly filteredColumns?: readonly FilteredColumn[];
  /** The rows are wanted in the order of (file, row number). */
  readonly inFileOrder?: true;
}

/**
 * The rows of a scan by partition: SQL over c0…cn for each, of which exactly one is true of a row, whatever its
 * NULLs. `mismatch`: what becomes of a row that a split of another partition brings. `skip`: that partition's own
 * splits bring it too · `fail`: no file of that partition has it, so the files are not what they promise.
 */
export interface ScanPartitioning {
  readonly predicates: readonly string[];
  readonly mismatch: 'skip' | 'fail';
}

/**
 * Rows of another fragment. The worker offers them as a relation called `name` with columns c0…cn.
 * `delivery`: `partitioned` = task i reads buffer i; `broadcast` = every task reads all rows;
 * `gather` = the single task reads all rows; `arbitrary` = tasks share the pages.
 */
export interface RemoteSource {
  readonly sourceId: SourceId;
  /** `remote_<sourceId>`. */
  readonly name: string;
  /** Producers; more than one for a UNION ALL that is concatenated at the consumer (T16). */
  readonly producers: readonly FragmentId[];
  /** In place of producers: the coordinator's own rows of this table. Gathered by a single task. */
  readonly systemTable?: SystemTableName;
  readonly delivery: 'partitioned' | 'broadcast' | 'gather' | 'arbitrary';
  readonly types: readonly ColumnType[];
  /** Told to DuckDB as the source's cardinality. */
  readonly estimatedRows: number;
  /** The fragment needs at most this many rows of it (LIMIT): the input ends there. */
  readonly rowLimit?: number;
}

/**
 * `incremental`: the fragment's SQL may run once per batch of splits, since its output over a union of
 * batches is the union of the outputs (or a partial result that the consumer combines); broadcast inputs
 * are kept between batches. `complete`: one statement over all of its input.
 */
export type InputMode = 'incremental' | 'complete';

/**
 * How the inputs of a fragment come together, as far as their order matters: `build` of a join is read to its end before
 * the first row of `probe` is needed; nothing leaves an aggregation before all of its input is read; inputs that are
 * `together` (unions …) have no order. Inputs are scans and remote sources; each is named once.
 */
export type InputTree =
  | { readonly kind: 'source'; readonly sourceId: SourceId }
  | { readonly kind: 'join'; readonly probe: InputTree; readonly build: InputTree }
  | { readonly kind: 'aggregate'; readonly input: InputTree }
  | { readonly kind: 'together'; readonly inputs: readonly InputTree[] };

/** What a re-run of a task may change of its output (Spark's deterministic levels). */
export type Determinism = 'deterministic' | 'order-sensitive' | 'indeterminate';

/**
 * DuckDB threads of a task. `task`: its share · `worker`: its one statement may use all of the worker's (small queries,
 * single stages) · `one`: a single one, whose random numbers are seeded by (query, stage, partition), so that a task
 * that is run again over the same rows in the same order gives the same ones.
 */
export type ThreadUse = 'task' | 'worker' | 'one';

/**
 * Ways to run an incremental fragment that ends in a partial aggregate: as its consumer merges what it gives, each batch
 * may take another one.
 */
export interface PartialAggregation {
  /** As the fragment's SQL, with one more column, INTEGER: how many rows of its input each row was made of. */
  readonly countingSql: string;
  /** As the fragment's SQL, but each row of the aggregate's input is a group of its own. */
  readonly rowwiseSql: string;
  /** Rows of its input that a task aggregates before it may go over to the row-wise form. */
  readonly minRows: number;
}

export interface PlanFragment {
  readonly id: FragmentId;
  /** DuckDB SQL, one SELECT; columns of the result are called c0…cn. */
  readonly sql: string;
  /** Output columns: user-visible names in the root fragment, c0…cn elsewhere. */
  readonly columns: readonly Column[];
  readonly partitioning: Partitioning;
  readonly outputs: readonly FragmentOutput[];
  readonly scans: readonly ScanInput[];
  readonly remoteSources: readonly RemoteSource[];
  /** Absent = all inputs together. */
  readonly inputTree?: InputTree;
  readonly inputMode: InputMode;
  readonly determinism: Determinism;
  /** Rows after which the output is complete whatever input is left (LIMIT without ORDER BY). */
  readonly rowLimit?: number;
  readonly threads: ThreadUse;
  /**
   * The SQL's joins are in the order of the statement, not of a plan. Absent: a plan has ordered them, and their sides, by
   * the statistics of all tables, which the DuckDB that runs the fragment does not know; it keeps them and builds on the right.
   */
  readonly mayReorderJoins?: true;
  readonly estimatedRows: number;
  readonly estimatedBytes: number;
  /** DuckDB settings that change answers (TimeZone …), set where the fragment runs. */
  readonly settings: Readonly<Record<string, string>>;
  /** Statements that make of a connection what the SQL needs of its session: variables, macros. Absent = none. */
  readonly preparation?: readonly string[];
  /** Absent: the fragment is run as it is. */
  readonly partialAggregation?: PartialAggregation;
  /** Keys of its output that dynamic filters are made of. Absent = none. */
  readonly collectedKeys?: readonly CollectedKey[];
}

/** One row group of a Parquet file that survived pruning; all of a file of another format, its rows estimated. */
export interface RowGroup {
  /** Number of the group's first row in the file. */
  readonly firstRow: number;
  readonly rowCount: number;
  /** Compressed bytes of the columns that the scan reads. */
  readonly bytes: number;
  /** Of a fixed-source fragment: the partitions that may have rows in it, ascending. */
  readonly partitions?: readonly number[];
  /** One for each filtered column of the scan, in their order. Absent = none is filtered. */
  readonly bounds?: readonly KeyBounds[];
}

/** A file as it was when the query was planned; any difference later is SOURCE_CHANGED. */
export interface ScanFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAtMs: number;
  readonly rowGroups: readonly RowGroup[];
  /** Absent: a Parquet file that has all columns. */
  readonly reading?: FileReading;
}

/** All that a scan reads; the coordinator makes splits of it lazily. */
export interface ScanDescriptor {
  readonly sourceId: SourceId;
  readonly files: readonly ScanFile[];
  readonly totalRows: number;
  readonly totalBytes: number;
  readonly pruned?: PrunedCounts;
}

/** What statistics have left out of a scan. Row groups of files that are left out whole count too. */
export interface PrunedCounts {
  readonly files: number;
  readonly rowGroups: number;
}

/** Which rung of the ladder a query is on (design: fallback ladder). */
export type Rung = 'distributed' | 'small' | 'single-over-scans' | 'whole';

/** How EXPLAIN is answered. */
export type ExplainFormat = 'text' | 'json';

/** A statement, planned. `fragments` are in topological order, producers first, the root last. */
export interface QueryPlan {
  readonly fragments: readonly PlanFragment[];
  readonly scans: readonly ScanDescriptor[];
  readonly rung: Rung;
  readonly rungReason: string;
  /** EXPLAIN ANALYZE: the plan is run, its rows are dropped, and the answer tells how it went. */
  readonly analysis?: ExplainFormat;
  /** No plan yet: the columns of the statement follow from the answer of this query. */
  readonly question?: string;
  /** The session behind the statement, where it has changed it. */
  readonly session?: SessionState;
  /**
   * Every equal request has this plan while these are as they were seen; none of them: for ever. Absent: only the
   * planner can tell.
   */
  readonly holdsWhile?: readonly SeenPath[];
}

/** A file or folder of the local file system, and when it had last changed (its inode: ctime). */
export interface SeenPath {
  readonly path: string;
  readonly changedAtMs: number;
}

export function rootFragment(plan: QueryPlan): PlanFragment {
  const root = plan.fragments.at(-1);
  if (root === undefined) throw new Error('a plan has at least one fragment');
  return root;
}

/**
 * The port through which a task runs its fragment: a slot is a thread with a DuckDB of its own.
 * Implemented in ../duckdb; the simulator and the unit tests have their own.
 */
import type { CollectedDomain, DynamicFilter } from '../../common/dynamic-filter/dynamic-filter.ts';
import type { EngineError } from '../../common/error.ts';
import type { PartitionId, SourceId } from '../../common/ids.ts';
import type { Page } from '../../common/page/page.ts';
import type { PlanFragment, ThreadUse } from '../../common/plan/plan-fragment.ts';
import type { PageLayout } from '../../common/plan/type-table.ts';
import type { SlotClaim } from './slot-turns.ts';
import type { FileSplit } from '../../common/plan/split.ts';

export interface SlotRequest {
  readonly threads: ThreadUse;
  /** DuckDB may order the joins of the task's SQL. */
  readonly mayReorderJoins: boolean;
  /** DuckDB memory of the task; 0 = the worker decides. */
  readonly memoryLimitBytes: number;
  /** DuckDB settings that change answers. */
  readonly settings: Readonly<Record<string, string>>;
  /** For whom it is. */
  readonly claim: SlotClaim;
}

export interface FragmentSlots {
  /**
   * A slot, when it is the query's turn (slot-turns.ts). @throws the signal's reason when it is aborted first; EngineError
   * when no slot can be opened.
   */
  acquire(request: SlotRequest, signal: AbortSignal): Promise<FragmentSlot>;
}

/** One way of dealing a fragment's rows; outputs that deal alike share its pages. */
export interface RowDeal {
  /** SQL expressions over c0…cn; `undefined`: all rows go to partition 0. */
  readonly keys: readonly string[] | undefined;
  readonly partitionCount: number;
  readonly layout: PageLayout;
}

export interface FragmentRun {
  readonly fragment: PlanFragment;
  /** Run before the first statement, and forgotten behind the run. */
  readonly preparation: readonly string[];
  /** The task's; says which rows of partitioned scans are its own. */
  readonly partition: PartitionId;
  readonly deals: readonly RowDeal[];
  /** Rows in the order that the fragment's SQL gives them. */
  readonly ordered: boolean;
  /** Rows after which no more are needed. */
  readonly rowLimit: number | undefined;
  /** Rows of each remote source: its estimate, or the count when that is known. */
  readonly inputRows: ReadonlyMap<SourceId, number>;
  /** Statements are measured exactly, which costs them some time. */
  readonly isProfiled: boolean;
}

export interface DealtPage {
  /** Position in `deals`. */
  readonly deal: number;
  readonly partition: number;
  readonly page: Page;
  readonly rowCount: number;
}

export interface FragmentIo {
  /** The next page of a remote source, the caller's own; `undefined` after the last. */
  readPage(sourceId: SourceId): Promise<Page | undefined>;
  /** Takes a page; a promise asks the slot to wait before it makes many more. */
  acceptPage(page: DealtPage): Promise<void> | undefined;
  /** DuckDB's memory at this moment of a statement that takes longer. */
  onMemory(memoryBytes: number): void;
}

export interface StatementResult extends FlushResult {
  readonly outputRows: number;
  /** Of a counting statement: rows that were aggregated to these. */
  readonly aggregatedRows?: number;
  /** The row limit is reached: further statements would add nothing. */
  readonly limitReached: boolean;
  /** Elapsed time; of it, what the rows waited for room. */
  readonly busyMs: number;
  readonly outputFullMs: number;
  readonly cpuMs: number;
  /** The largest values that were seen; exact for a profiled run. */
  readonly peakMemoryBytes: number;
  readonly spilledBytes: number;
  /** Rows of scans that dynamic filters kept out, as far as they were counted. */
  readonly filteredRows: number;
}

export interface FlushResult {
  /** What all rows since the last flush say of each collected key. Absent = nothing. */
  readonly collectedDomains?: readonly CollectedDomain[];
}

/** A slot that belongs to one task, from `acquire` to `release`. */
export interface FragmentSlot {
  /** Says what is to run, and by what the rows come and go. Once, before the first statement. */
  begin(run: FragmentRun, io: FragmentIo): void;
  /**
   * Runs the fragment over these splits. Rows are held back until they fill pages; `flush`: none is held back
   * when the promise resolves. @throws EngineError with the cause of the failure, or the one given to `abort`;
   * what was handed over by then is no result.
   */
  execute(batch: StatementBatch): Promise<StatementResult>;
  /** Hands over the rows that are held back. @throws EngineError as `execute` does. */
  flush(): Promise<FlushResult>;
  /** Between statements: false = somebody has more right to the slot, which is to be flushed and given back. */
  mayKeep(): boolean;
  /** Makes the running statement, and all later ones, fail soon with this error. */
  abort(error: EngineError): void;
  /** Gives the slot back when no statement runs. Never throws. */
  release(): Promise<void>;
}

/**
 * How a statement runs the fragment: its SQL as it is; `counting`, `rowwise`: in the forms of its partial aggregation.
 */
export type StatementForm = 'plain' | 'counting' | 'rowwise';

export interface StatementBatch {
  /** Absent = plain. */
  readonly form?: StatementForm;
  readonly splits: ReadonlyMap<SourceId, readonly FileSplit[]>;
  /** New since the statement before; they hold for this and all later statements of the run. Absent = none. */
  readonly filters?: readonly DynamicFilter[];
  readonly flush: boolean;
}

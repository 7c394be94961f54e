/** Dynamic filters as plan, tasks and scans name them (scheduling.md §7). */
import type { FilterId } from '../ids.ts';
import type { ColumnType } from '../plan/column-type.ts';
import type { KeyDomain } from './key-domain.ts';

/** A column of a fragment's output, of whose keys each task reports the domain once its rows are complete. */
export interface CollectedKey {
  readonly filterId: FilterId;
  /** Position in the output. */
  readonly column: number;
  /** The type that the join compares in: the column's own, or a wider integer. */
  readonly type: ColumnType;
  /** Of the bloom filter, a power of two; 0 = none. */
  readonly bloomBits: number;
  /** Distinct values, where they are few. */
  readonly collectsValues: boolean;
}

/** A column of a scan: rows whose key is not in the filter's domain are not needed. */
export interface FilteredColumn {
  readonly filterId: FilterId;
  /** Position in the scan's columns. */
  readonly column: number;
  readonly type: ColumnType;
  /** The join takes NULLs for equal: rows with a NULL key are needed. */
  readonly keepsNulls: boolean;
  /** The scan's splits wait for the filter, within the session's limit. */
  readonly isAwaited: boolean;
  /** Rows are tested one by one; else only the bounds of the filter count, for the join is in the scan's own fragment. */
  readonly testsRows: boolean;
}

/** What one task has collected of a key: final, and the same however often it is told. */
export interface CollectedDomain {
  readonly filterId: FilterId;
  readonly domain: KeyDomain;
}

/** A filter as a task is told of it; an older or equal version is ignored. */
export interface DynamicFilter {
  readonly filterId: FilterId;
  readonly version: number;
  readonly domain: KeyDomain;
}

/** What the files of a scan say of its rows, as far as distribution asks. */
import { type Datum } from '../logical/datum.ts';
import { type ScanId } from '../logical/logical-plan.ts';

export interface ScanStatistics {
  /** In the order of the scan's description. */
  readonly rowGroups: readonly RowGroupSize[];
  /** Bounds of one of the scan's columns in each of these row groups. */
  boundsOf(column: number): readonly ColumnBounds[];
}

export interface RowGroupSize {
  readonly rowCount: number;
  /** Compressed bytes of the columns that the scan reads. */
  readonly bytes: number;
}

/** Of a column in a row group. They need not be values of it, but no value lies outside. */
export interface ColumnBounds {
  /** Absent: nothing is known. */
  readonly min?: Datum;
  readonly max?: Datum;
  /** How many of its rows are NULL; `some` is also what is not known. */
  readonly nulls: 'none' | 'some' | 'all';
}

/** By scan; a scan without an entry says nothing. */
export type StatisticsOfScans = ReadonlyMap<ScanId, ScanStatistics>;

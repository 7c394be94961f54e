/** What the files of a scan say of its rows, as far as distribution asks. */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { type ScanId } from '../logical/logical-plan.ts';

export interface ScanStatistics {
  /** In the order of the scan's description. */
  readonly rowGroups: readonly RowGroupSize[];
  /** Bounds of one of the scan's columns in each of these row groups. */
  boundsOf(column: number): readonly ColumnBounds[];
  /** Absent: the files are not buckets. */
  readonly bucketing?: ScanBucketing;
}

/** Each file has the rows of one bucket: `hash(columns) % bucketCount`. */
export interface ScanBucketing {
  /** `hashType`: what the column is cast to before it is hashed, without loss. */
  readonly columns: readonly { readonly name: string; readonly hashType: ColumnType }[];
  readonly bucketCount: number;
  /** The bucket of each of the row groups. */
  readonly buckets: readonly number[];
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
  /** How many values that are not NULL, if the file says so. For estimates: a writer may be wrong. */
  readonly distinctValues?: number;
}

/** By scan; a scan without an entry says nothing. */
export type StatisticsOfScans = ReadonlyMap<ScanId, ScanStatistics>;

/** The relation that a scan offers to its fragment's SQL: rows of its files, columns c0…cn. */
import { assert, assertNever } from '../../common/assert.ts';
import {
  formatColumnType,
  quoteIdentifier,
  quoteString,
  type Column,
} from '../../common/plan/column-type.ts';
import type { FileFormat, FileReading } from '../../common/plan/file-reading.ts';
import type { ScanInput, ScanPartitioning } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';

/** Rows [firstRow, endRow) of a Parquet file; all rows of a file of another format. */
export interface RowRange {
  readonly path: string;
  readonly firstRow: number;
  readonly endRow: number;
  readonly reading?: FileReading;
}

/** The splits as ranges, neighbours of one file joined, in the order of the files' first splits. */
export function joinRanges(splits: readonly FileSplit[]): readonly RowRange[] {
  const byPath = new Map<string, FileSplit[]>();
  for (const split of splits) {
    const ofFile = byPath.get(split.path);
    if (ofFile === undefined) byPath.set(split.path, [split]);
    else ofFile.push(split);
  }
  return [...byPath.values()].flatMap(joinRangesOfFile);
}

function joinRangesOfFile(splits: readonly FileSplit[]): readonly RowRange[] {
  const ranges: RowRange[] = [];
  for (const split of splits.toSorted((a, b) => a.firstRow - b.firstRow)) {
    const { path, firstRow, reading } = split;
    const last = ranges.at(-1);
    const endRow = firstRow + split.rowCount;
    if (last?.endRow === firstRow) ranges[ranges.length - 1] = { ...last, endRow };
    else ranges.push({ path, firstRow, endRow, ...(reading === undefined ? {} : { reading }) });
  }
  return ranges;
}

/** Which rows of the splits are wanted. */
export interface ScanRows {
  /** The task's own, of a partitioned scan. */
  readonly partition: number;
  /** True of the rows that are needed, over c0…cn. */
  readonly predicates?: readonly string[] | undefined;
}

/**
 * SQL of the scan over the splits, of a partitioned scan only the rows of this partition; without any split, a relation
 * of the same columns without rows.
 */
export function scanRelation(
  scan: ScanInput,
  splits: readonly FileSplit[],
  { partition, predicates = [] }: ScanRows,
): string {
  const ranges = joinRanges(splits);
  if (ranges.length === 0) return emptyRelation(scan.columns);
  const isSorted = scan.inFileOrder === true && ranges.length > 1;
  const rows = ranges
    .map((range, i) => (isSorted ? placedRange(scan, range, i) : rangeRelation(scan, range)))
    .join('\nUNION ALL ');
  const { partitioning } = scan;
  const own = partitioning === undefined ? [] : [partitionPredicate(partitioning, partition)];
  const all = [...own, ...predicates];
  const kept = all.length === 0 ? rows : `SELECT * FROM (${rows}) WHERE ${all.join(' AND ')}`;
  return isSorted
    ? `SELECT * EXCLUDE (range_place, row_place) FROM (${kept}) ORDER BY range_place, row_place`
    : kept;
}

/**
 * The rows of the range with the place of each among all rows: DuckDB runs the branches of a UNION ALL in any order, with
 * one thread too, where a pipeline ends in a join's probe.
 */
function placedRange(scan: ScanInput, range: RowRange, place: number): string {
  const rowPlace = scan.format === 'parquet' ? 'file_row_number' : 'row_number() OVER ()';
  const places = `${place} AS range_place, ${rowPlace} AS row_place`;
  return rangeRelation(scan, range, [places]);
}

/** A row that no file of the partition may have ends the statement: `findSourceError` says in which file it is. */
function partitionPredicate(partitioning: ScanPartitioning, partition: number): string {
  const predicate = predicateOf(partitioning, partition);
  if (partitioning.mismatch === 'skip') return predicate;
  return `CASE WHEN ${predicate} THEN TRUE ELSE error('a row of another partition') END`;
}

/** True of the rows of the partition. */
export function predicateOf({ predicates }: ScanPartitioning, partition: number): string {
  const predicate = predicates[partition];
  assert(predicate !== undefined, `the scan has a partition ${partition}`);
  return predicate;
}

export function rangeRelation(
  { columns, format }: ScanInput,
  range: RowRange,
  more: readonly string[] = [],
): string {
  const valueOf = ({ name }: Column): string =>
    isMissing(name, range) ? 'NULL' : quoteIdentifier(name);
  const values = [selectList(columns, valueOf), ...more].join(', ');
  return `SELECT ${values} FROM ${rangeRows(format, range)}`;
}

export function isMissing(column: string, { reading }: RowRange): boolean {
  return reading?.missing.includes(column) ?? false;
}

/** The range's rows; `file_row_number` prunes row groups by their position (duckdb.md §6). */
export function rangeRows(format: FileFormat, range: RowRange): string {
  const rows = fileRows(format, range);
  return format === 'parquet'
    ? `${rows} WHERE file_row_number BETWEEN ${range.firstRow} AND ${range.endRow - 1}`
    : rows;
}

/** All rows of the range's file. */
export function fileRows(format: FileFormat, { path, reading }: RowRange): string {
  const own = reading?.options ?? '';
  const options = [...(format === 'parquet' ? ['file_row_number = true'] : []), own];
  const args = [quoteString(path), ...options.filter((option) => option !== '')];
  return `${readerOf(format)}(${args.join(', ')})`;
}

function readerOf(format: FileFormat): string {
  switch (format) {
    case 'parquet':
      return 'read_parquet';
    case 'csv':
      return 'read_csv';
    case 'json':
      return 'read_json';
    default:
      return assertNever(format);
  }
}

function emptyRelation(columns: readonly Column[]): string {
  return `SELECT ${selectList(columns, () => 'NULL')} LIMIT 0`;
}

/** A relation needs a column, even if only its rows are counted. */
function selectList(columns: readonly Column[], value: (column: Column) => string): string {
  if (columns.length === 0) return 'NULL AS c0';
  return columns
    .map((column, i) => `CAST(${value(column)} AS ${formatColumnType(column.type)}) AS c${i}`)
    .join(', ');
}

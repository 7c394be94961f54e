/** The relation that a scan offers to its fragment's SQL: rows of Parquet files, columns c0…cn. */
import {
  formatColumnType,
  quoteIdentifier,
  quoteString,
  type Column,
} from '../../common/plan/column-type.ts';
import type { ScanInput } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';

/** Rows [firstRow, endRow) of a file. */
export interface RowRange {
  readonly path: string;
  readonly firstRow: number;
  readonly endRow: number;
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
    const last = ranges.at(-1);
    const endRow = split.firstRow + split.rowCount;
    if (last?.endRow === split.firstRow) ranges[ranges.length - 1] = { ...last, endRow };
    else ranges.push({ path: split.path, firstRow: split.firstRow, endRow });
  }
  return ranges;
}

/** SQL of the scan over the splits; without any, a relation of the same columns without rows. */
export function scanRelation(scan: ScanInput, splits: readonly FileSplit[]): string {
  const ranges = joinRanges(splits);
  if (ranges.length === 0) return emptyRelation(scan.columns);
  return ranges.map((range) => rangeRelation(scan.columns, range)).join('\nUNION ALL ');
}

/** The range's rows; `file_row_number` prunes row groups by their position (duckdb.md §6). */
export function rangeRelation(columns: readonly Column[], range: RowRange): string {
  return (
    `SELECT ${selectList(columns, (column) => quoteIdentifier(column.name))}` +
    ` FROM read_parquet(${quoteString(range.path)}, file_row_number = true)` +
    ` WHERE file_row_number BETWEEN ${range.firstRow} AND ${range.endRow - 1}`
  );
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

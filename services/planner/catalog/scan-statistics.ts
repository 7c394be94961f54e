import { formatColumnType } from '../../common/plan/column-type.ts';
import { type RowGroup, type ScanFile } from '../../common/plan/plan-fragment.ts';
import { type ColumnBounds, type ScanStatistics } from '../distribution/scan-statistics.ts';
import { type ScanColumn } from '../logical/logical-plan.ts';
import { type FooterRowGroup, type ParquetFooter } from './parquet-footer.ts';
import { findChunk } from './prune-row-groups.ts';
import { readStatistic } from './statistic.ts';

/** Of the files' row groups, in their order; each file with its footer. Bounds are read for columns that are asked for. */
export function scanStatistics(
  files: readonly { readonly file: ScanFile; readonly footer: ParquetFooter }[],
  columns: readonly ScanColumn[],
): ScanStatistics {
  const rowGroups = files.flatMap(({ file, footer }) => {
    const byFirstRow = new Map(footer.rowGroups.map((group) => [group.firstRow, group]));
    return file.rowGroups.map((size) => ({
      size,
      group: sameRows(size, byFirstRow),
      file,
      footer,
    }));
  });
  return {
    rowGroups: rowGroups.map(({ size }) => size),
    boundsOf: (index) => {
      const column = columns[index];
      return rowGroups.map(({ group, file, footer }) =>
        group === undefined || column === undefined || !isOwnColumn(file, footer, column)
          ? NOTHING_KNOWN
          : boundsOf(group, column),
      );
    },
  };
}

function sameRows(
  { firstRow, rowCount }: RowGroup,
  byFirstRow: ReadonlyMap<number, FooterRowGroup>,
): FooterRowGroup | undefined {
  const group = byFirstRow.get(firstRow);
  return group?.rowCount === rowCount ? group : undefined;
}

const NOTHING_KNOWN: ColumnBounds = { nulls: 'some' };

/** Statistics of another type are ordered as that type is, and a folder's `name=value` hides a column. */
function isOwnColumn(
  { path }: ScanFile,
  { columns }: ParquetFooter,
  { name, type }: ScanColumn,
): boolean {
  const found = columns.filter((column) => column.name === name);
  const isHidden = path.toLowerCase().includes(`/${name.toLowerCase()}=`);
  return !isHidden && found.length === 1 && found[0]?.type === formatColumnType(type);
}

function boundsOf(group: FooterRowGroup, column: ScanColumn): ColumnBounds {
  const chunk = findChunk(group, column);
  if (chunk === undefined) return NOTHING_KNOWN;
  const min = readStatistic(chunk.min, column.type);
  const max = readStatistic(chunk.max, column.type);
  return {
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(chunk.distinctCount === undefined ? {} : { distinctValues: chunk.distinctCount }),
    nulls: chunk.nullCount === 0 ? 'none' : chunk.nullCount === group.rowCount ? 'all' : 'some',
  };
}

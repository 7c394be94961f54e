/**
 * How scans lie apart by a key in their files: tasks that read one part of each scan have all rows with their keys, and
 * need no exchange. A range layout cuts row groups by the bounds of their statistics (design: RANGE(key, bounds)).
 */
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { type Expression } from '../logical/expression.ts';
import { originalOf, type Scan, type ScanId } from '../logical/logical-plan.ts';
import { rowWidthOf } from './estimate.ts';
import { chooseBounds, partitionsOf, type KeyedRowGroup } from './range-bounds.ts';
import { type ScanStatistics } from './scan-statistics.ts';

/** `partitionCount` ≥ 2. */
export interface Layout {
  readonly scans: readonly KeyedScan[];
  readonly bounds: readonly Datum[];
}

/** A scan and the column by which it is cut. */
export interface KeyedScan {
  readonly scanId: ScanId;
  /** The scan whose description has these row groups, in this order. */
  readonly original: ScanId;
  readonly column: number;
  readonly name: string;
  readonly type: ColumnType;
  readonly rowGroups: readonly KeyedRowGroup[];
}

/** Types whose literals compare with columns of any of these types as numbers do. */
const INTEGERS: ReadonlySet<ColumnType['id']> = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
]);
/** NaN, which is no part of statistics, rules out floating-point keys. */
const ORDERED: ReadonlySet<ColumnType['id']> = new Set([
  ...INTEGERS,
  'DECIMAL',
  'DATE',
  'TIMESTAMP',
  'VARCHAR',
]);

/** A layout that has to read more than this many times what the scans hold is none. */
const MAX_READ_RATIO = 2;

/** The scan by one of its columns; undefined when the column has no order, or nothing is known of it. */
export function keyedScan(
  scan: Scan,
  column: number,
  statistics: ScanStatistics | undefined,
): KeyedScan | undefined {
  const type = scan.columns[column];
  const name = scan.fileColumns[column]?.name;
  if (statistics === undefined || type === undefined || name === undefined) return undefined;
  if (!ORDERED.has(type.id)) return undefined;
  const width = rowWidthOf(scan.columns);
  const bounds = statistics.boundsOf(column);
  const rowGroups = statistics.rowGroups.map(({ rowCount }, index): KeyedRowGroup => ({
    ...(bounds[index] ?? { nulls: 'some' }),
    load: rowCount * width,
  }));
  return { scanId: scan.scanId, original: originalOf(scan), column, name, type, rowGroups };
}

/** The scans cut by common ranges into at most `partitionCount` parts; undefined when they do not lie apart. */
export function rangeLayout(
  scans: readonly KeyedScan[],
  partitionCount: number,
): Layout | undefined {
  const [first, ...others] = scans;
  if (first === undefined || !others.every(({ type }) => areComparable(first.type, type))) {
    return undefined;
  }
  const bounds = chooseBounds(
    scans.flatMap(({ rowGroups }) => rowGroups),
    partitionCount,
  );
  const layout = { scans, bounds };
  const { readRatio } = loadOf(layout);
  return bounds.length > 0 && readRatio <= MAX_READ_RATIO ? layout : undefined;
}

function areComparable(a: ColumnType, b: ColumnType): boolean {
  return sameColumnType(a, b) || (INTEGERS.has(a.id) && INTEGERS.has(b.id));
}

export function partitionCountOf({ bounds }: Layout): number {
  return bounds.length + 1;
}

/** For EXPLAIN: `range(l_orderkey, 8)`. */
export function layoutText(layout: Layout): string {
  return `range(${layout.scans[0]?.name ?? ''}, ${partitionCountOf(layout)})`;
}

export interface LayoutLoad {
  /** Bytes of the scans' rows in all of their row groups. */
  readonly totalBytes: number;
  /** Of the total: the row groups that the busiest task reads. */
  readonly busiestShare: number;
  /** The row groups that all tasks read together, to the total. */
  readonly readRatio: number;
}

export function loadOf({ scans, bounds }: Layout): LayoutLoad {
  const loads = Array.from({ length: bounds.length + 1 }, () => 0);
  let totalBytes = 0;
  for (const rowGroup of scans.flatMap(({ rowGroups }) => rowGroups)) {
    totalBytes += rowGroup.load;
    for (const partition of partitionsOf(rowGroup, bounds)) {
      loads[partition] = (loads[partition] ?? 0) + rowGroup.load;
    }
  }
  const readBytes = loads.reduce((sum, load) => sum + load, 0);
  const total = Math.max(1, totalBytes);
  return { totalBytes, busiestShare: Math.max(...loads) / total, readRatio: readBytes / total };
}

/** For each row group of the scan: the partitions that may have rows of it. */
export function partitionsOfScan(
  { bounds }: Layout,
  { rowGroups }: KeyedScan,
): readonly (readonly number[])[] {
  return rowGroups.map((rowGroup) => partitionsOf(rowGroup, bounds));
}

/** One for each partition, over the scan's columns: exactly one is true of a row. */
export function partitionPredicates(
  { bounds }: Layout,
  { column, type }: KeyedScan,
): readonly Expression[] {
  const key: Expression = { kind: 'column', type, index: column };
  const compare = (operator: '<' | '>=', bound: Datum): Expression => ({
    kind: 'comparison',
    type: BOOLEAN,
    operator,
    left: key,
    right: { kind: 'constant', type: boundType(type), value: bound },
  });
  return Array.from({ length: bounds.length + 1 }, (_, partition): Expression => {
    const from = bounds[partition - 1];
    const to = bounds[partition];
    const isBelow = to === undefined ? [] : [compare('<', to)];
    if (from !== undefined) {
      return conjunction('AND', [compare('>=', from), ...isBelow]);
    }
    const isNull: Expression = { kind: 'null-test', type: BOOLEAN, child: key, isNegated: false };
    return conjunction('OR', [...isBelow, isNull]);
  });
}

const BOOLEAN: ColumnType = { id: 'BOOLEAN' };

/** A bound may come from a column of a wider type. */
function boundType(type: ColumnType): ColumnType {
  return INTEGERS.has(type.id) ? { id: 'BIGINT' } : type;
}

function conjunction(operator: 'AND' | 'OR', children: readonly Expression[]): Expression {
  const [only, ...others] = children;
  if (only !== undefined && others.length === 0) return only;
  return { kind: 'conjunction', type: BOOLEAN, operator, children };
}

/** Scans whose row groups are clustered on a key: tasks take ranges of it, chosen by the row groups' statistics. */
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { type Expression } from '../logical/expression.ts';
import { originalOf, type Scan, type ScanId } from '../logical/logical-plan.ts';
import { rowWidthOf } from './estimate.ts';
import { chooseBounds, type KeyedRowGroup } from './range-bounds.ts';
import { type ScanStatistics } from './scan-statistics.ts';

/** Task i reads the keys of partition i (range-bounds.ts) of all scans. */
export interface RangeLayout {
  readonly kind: 'range';
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

/** The scans cut by common ranges into at most `partitionCount` parts; undefined when no range tells them apart. */
export function rangeLayout(
  scans: readonly KeyedScan[],
  partitionCount: number,
): RangeLayout | undefined {
  const [first, ...others] = scans;
  if (first === undefined || !others.every(({ type }) => areComparable(first.type, type))) {
    return undefined;
  }
  const bounds = chooseBounds(
    scans.flatMap(({ rowGroups }) => rowGroups),
    partitionCount,
  );
  return bounds.length > 0 ? { kind: 'range', scans, bounds } : undefined;
}

function areComparable(a: ColumnType, b: ColumnType): boolean {
  return sameColumnType(a, b) || (INTEGERS.has(a.id) && INTEGERS.has(b.id));
}

/** One for each partition, over the scan's columns: exactly one is true of a row. */
export function rangePredicates(
  { bounds }: RangeLayout,
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

import { assertNever } from '../../common/assert.ts';
import { type Comparison, type Constant, type Expression } from '../logical/expression.ts';
import { compareValues } from '../logical/datum-order.ts';
import { type ScanColumn } from '../logical/logical-plan.ts';
import { type ColumnChunk, type FooterRowGroup } from './parquet-footer.ts';
import { readStatistic } from './statistic.ts';

/**
 * The row groups that may hold a row for which all predicates are true, by the statistics of their column
 * chunks. Never leaves out one that does. `columns` are what the predicates' references mean.
 */
export function pruneRowGroups(
  rowGroups: readonly FooterRowGroup[],
  predicates: readonly Expression[],
  columns: readonly ScanColumn[],
): readonly FooterRowGroup[] {
  if (predicates.length === 0) return rowGroups;
  return rowGroups.filter((rowGroup) => {
    const chunkOf = (index: number): ColumnChunk | undefined => findChunk(rowGroup, columns[index]);
    return predicates.every((predicate) => mayBeTrue(predicate, { rowGroup, chunkOf }));
  });
}

interface Statistics {
  readonly rowGroup: FooterRowGroup;
  readonly chunkOf: (index: number) => ColumnChunk | undefined;
}

/** Nested columns have several chunks, none of which bounds their values; a doubtful name has none. */
export function findChunk(
  rowGroup: FooterRowGroup,
  column: ScanColumn | undefined,
): ColumnChunk | undefined {
  if (column === undefined || column.origin !== 'file') return undefined;
  const matches = rowGroup.chunks.filter((chunk) => chunk.path === column.name);
  return matches.length === 1 ? matches[0] : undefined;
}

/** Whether the predicate may be true, rather than false or unknown, for a row. */
function mayBeTrue(predicate: Expression, statistics: Statistics): boolean {
  switch (predicate.kind) {
    case 'conjunction':
      return predicate.operator === 'AND'
        ? predicate.children.every((child) => mayBeTrue(child, statistics))
        : predicate.children.some((child) => mayBeTrue(child, statistics));
    case 'comparison':
      return mayCompare(predicate, statistics);
    case 'between': {
      const { child, lower, upper } = predicate;
      return (
        mayRelate({ operator: '>=', column: child, value: lower }, statistics) &&
        mayRelate({ operator: '<=', column: child, value: upper }, statistics)
      );
    }
    case 'in-list':
      if (predicate.isNegated) return true;
      return predicate.values.some((value) =>
        mayRelate({ operator: '=', column: predicate.child, value }, statistics),
      );
    case 'null-test': {
      if (predicate.child.kind !== 'column') return true;
      const nullCount = statistics.chunkOf(predicate.child.index)?.nullCount;
      if (nullCount === undefined) return true;
      return predicate.isNegated ? nullCount < statistics.rowGroup.rowCount : nullCount > 0;
    }
    default:
      return true;
  }
}

const MIRRORED: Readonly<Record<Comparison['operator'], Comparison['operator']>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  'IS DISTINCT FROM': 'IS DISTINCT FROM',
  'IS NOT DISTINCT FROM': 'IS NOT DISTINCT FROM',
};

function mayCompare({ operator, left, right }: Comparison, statistics: Statistics): boolean {
  return left.kind === 'constant'
    ? mayRelate({ operator: MIRRORED[operator], column: right, value: left }, statistics)
    : mayRelate({ operator, column: left, value: right }, statistics);
}

interface Relation {
  readonly operator: Comparison['operator'];
  readonly column: Expression;
  readonly value: Expression;
}

function mayRelate({ operator, column, value }: Relation, statistics: Statistics): boolean {
  if (column.kind !== 'column' || value.kind !== 'constant') return true;
  const isNullSafe = operator === 'IS DISTINCT FROM' || operator === 'IS NOT DISTINCT FROM';
  // A comparison with NULL is never true; a null-safe one is not decided here.
  if (value.value === null) return isNullSafe;
  const chunk = statistics.chunkOf(column.index);
  if (chunk === undefined || operator === 'IS DISTINCT FROM') return true;
  if (chunk.nullCount === statistics.rowGroup.rowCount) return false;
  return mayReach(operator, value, chunk);
}

function mayReach(
  operator: Exclude<Comparison['operator'], 'IS DISTINCT FROM'>,
  constant: Constant,
  chunk: ColumnChunk,
): boolean {
  const min = readStatistic(chunk.min, constant.type);
  const max = readStatistic(chunk.max, constant.type);
  // Statistics leave NaN out, which DuckDB holds to be the largest number.
  const mayBeNaN = constant.type.id === 'FLOAT' || constant.type.id === 'DOUBLE';
  if (mayBeNaN && Number.isNaN(constant.value)) return true;
  const minToValue = min === undefined ? undefined : compareValues(min, constant.value);
  const maxToValue = max === undefined ? undefined : compareValues(max, constant.value);
  switch (operator) {
    case '=':
    case 'IS NOT DISTINCT FROM':
      return (
        !(minToValue !== undefined && minToValue > 0) &&
        !(maxToValue !== undefined && maxToValue < 0)
      );
    case '<>':
      return mayBeNaN || !(minToValue === 0 && maxToValue === 0);
    case '<':
      return minToValue === undefined || minToValue < 0;
    case '<=':
      return minToValue === undefined || minToValue <= 0;
    case '>':
      return mayBeNaN || maxToValue === undefined || maxToValue > 0;
    case '>=':
      return mayBeNaN || maxToValue === undefined || maxToValue >= 0;
    default:
      return assertNever(operator);
  }
}

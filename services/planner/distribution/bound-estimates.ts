/**
 * DuckDB knows of Parquet files neither how many values a column has nor that a group key has them from a small table,
 * and takes groups for nearly as many as rows. There are not more of them than values of the keys together.
 */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { columnsIn, isVolatile } from '../logical/expression-tree.ts';
import { type Expression } from '../logical/expression.ts';
import { type CteId, type LogicalPlan, originalOf, type Scan } from '../logical/logical-plan.ts';
import { childrenOf, walkPlan, withChildren } from '../logical/plan-children.ts';
import { referencesTo } from './columns.ts';
import { rowsOf } from './estimate.ts';
import { type ColumnBounds, type RowGroupSize, type StatisticsOfScans } from './scan-statistics.ts';

/** The plan with smaller estimates, where the keys of groups or the operators below say that there are fewer rows. */
export function boundEstimates(plan: LogicalPlan, statistics: StatisticsOfScans): LogicalPlan {
  const ctes = [...walkPlan(plan)].filter((node) => node.kind === 'materialized-cte');
  const definitions = new Map(ctes.map(({ cteId, definition }) => [cteId, definition]));
  return bounded(plan, { statistics, definitions });
}

interface Known {
  readonly statistics: StatisticsOfScans;
  readonly definitions: ReadonlyMap<CteId, LogicalPlan>;
}

function bounded(plan: LogicalPlan, known: Known): LogicalPlan {
  const operator = withChildren(
    plan,
    childrenOf(plan).map((child) => bounded(child, known)),
  );
  const rows = maxRowsOf(operator, known);
  return rows < rowsOf(operator) ? { ...operator, estimatedRows: rows } : operator;
}

function maxRowsOf(plan: LogicalPlan, known: Known): number {
  switch (plan.kind) {
    case 'aggregate': {
      const { child, groups, groupingSets } = plan;
      const sets = groupingSets.length === 0 ? [[...groups.keys()]] : groupingSets;
      const groupsOfSets = sets.map((positions) => {
        const keys = positions.flatMap((position) => groups[position] ?? []);
        return Math.min(rowsOf(child), productOf(keys, child, known));
      });
      return Math.max(1, sum(groupsOfSets));
    }
    case 'distinct': {
      const { child, on } = plan;
      const keys = on.length === 0 ? referencesTo(child.columns) : on;
      return Math.min(rowsOf(child), productOf(keys, child, known));
    }
    case 'filter':
    case 'project':
    case 'window':
    case 'order':
    case 'top-n':
    case 'limit':
      return rowsOf(plan.child);
    default:
      return Infinity;
  }
}

function productOf(keys: readonly Expression[], child: LogicalPlan, known: Known): number {
  return keys.reduce((product, key) => product * valuesOf(key, child, known), 1);
}

/** An expression has not more values than the columns that it is made of have together. */
function valuesOf(expression: Expression, child: LogicalPlan, known: Known): number {
  if (isVolatile(expression)) return Infinity;
  const columns = [...columnsIn(expression)];
  const combined = columns.reduce(
    (product, column) => product * valuesOfColumn(child, column, known),
    1,
  );
  return Math.min(partOfDates(expression, combined), valuesOfType(expression.type));
}

const DAYS_OF_YEAR = 365;
/** How many values parts of dates and times have. */
const PARTS_OF_DATES: ReadonlyMap<string, number> = new Map([
  ['quarter', 4],
  ['month', 12],
  ['day', 31],
  ['dayofweek', 7],
  ['isodow', 7],
  ['hour', 24],
  ['minute', 60],
  ['second', 60],
]);

/** As many as the dates, or as the part that is taken of them has. */
function partOfDates(expression: Expression, dates: number): number {
  if (expression.kind !== 'function') return dates;
  if (expression.name === 'year' && expression.args[0]?.type.id === 'DATE') {
    return Math.ceil(dates / DAYS_OF_YEAR) + 1;
  }
  return Math.min(dates, PARTS_OF_DATES.get(expression.name) ?? Infinity);
}

/** With NULL. */
function valuesOfType(type: ColumnType): number {
  switch (type.id) {
    case 'BOOLEAN':
      return 3;
    case 'TINYINT':
    case 'UTINYINT':
      return 257;
    case 'ENUM':
      return type.values.length + 1;
    default:
      return Infinity;
  }
}

function valuesOfColumn(plan: LogicalPlan, column: number, known: Known): number {
  return Math.min(rowsOf(plan), valuesBelow(plan, column, known));
}

function valuesBelow(plan: LogicalPlan, column: number, known: Known): number {
  switch (plan.kind) {
    case 'scan':
      return valuesInFiles(plan, column, known);
    case 'filter':
    case 'order':
    case 'top-n':
    case 'limit':
    case 'distinct':
      return valuesOfColumn(plan.child, column, known);
    case 'project':
    case 'aggregate': {
      const source = plan.kind === 'project' ? plan.expressions[column] : plan.groups[column];
      return source === undefined ? Infinity : valuesOf(source, plan.child, known);
    }
    case 'window':
    case 'unnesting':
      return column < plan.child.columns.length
        ? valuesOfColumn(plan.child, column, known)
        : Infinity;
    case 'join':
    case 'any-join': {
      const { left, right } = plan.output;
      const isLeft = column < left.length;
      const source = isLeft ? left[column] : right[column - left.length];
      if (source === undefined) return Infinity;
      return valuesOfColumn(isLeft ? plan.left : plan.right, source, known);
    }
    case 'cross-product': {
      const leftCount = plan.left.columns.length;
      return column < leftCount
        ? valuesOfColumn(plan.left, column, known)
        : valuesOfColumn(plan.right, column - leftCount, known);
    }
    case 'cte-ref': {
      const definition = known.definitions.get(plan.cteId);
      return definition === undefined ? Infinity : valuesOfColumn(definition, column, known);
    }
    default:
      return Infinity;
  }
}

/** As many as whole numbers between the bounds, or as the row groups say that they have. */
function valuesInFiles(scan: Scan, column: number, { statistics }: Known): number {
  const ofScan = statistics.get(originalOf(scan));
  const bounds = ofScan?.boundsOf(column) ?? [];
  if (ofScan === undefined || bounds.length === 0) return Infinity;
  const counted = countedValues(bounds, ofScan.rowGroups);
  return Math.min(counted, valuesInRange(bounds, scan.columns[column]));
}

/** Values that have so many rows each in a row group come in others too, where least and greatest are the same ones. */
const ROWS_OF_COMMON_VALUE = 10;

/** Values that are common are counted where there are most of them, others in each row group. */
function countedValues(
  bounds: readonly ColumnBounds[],
  rowGroups: readonly RowGroupSize[],
): number {
  const common = new Map<string, number>();
  let rare = 0;
  bounds.forEach(({ min, max, distinctValues = Infinity }, index) => {
    const rowCount = rowGroups[index]?.rowCount ?? 0;
    if (min === undefined || distinctValues * ROWS_OF_COMMON_VALUE > rowCount) {
      rare += distinctValues;
      return;
    }
    const range = `${String(min)} ${String(max)}`;
    common.set(range, Math.max(distinctValues, common.get(range) ?? 0));
  });
  return rare + sum([...common.values()]);
}

const WHOLE_NUMBERS = /^(U?(TINYINT|SMALLINT|INTEGER|BIGINT)|DATE|DECIMAL)$/;

function valuesInRange(bounds: readonly ColumnBounds[], type: ColumnType | undefined): number {
  if (type === undefined || !WHOLE_NUMBERS.test(type.id)) return Infinity;
  let [least, greatest] = [Infinity, -Infinity];
  for (const { min, max, nulls } of bounds) {
    if (nulls === 'all') continue;
    if (typeof min !== 'bigint' || typeof max !== 'bigint') return Infinity;
    least = Math.min(least, Number(min));
    greatest = Math.max(greatest, Number(max));
  }
  return Math.max(0, greatest - least) + 1;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

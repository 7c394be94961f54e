/** Rows and bytes as far as the planner knows: DuckDB's own estimates, and guesses where it gives none. */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { childrenOf } from '../logical/plan-children.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { type Placed } from './placed.ts';

export const UNKNOWN_ROWS = 1_000;
const AVERAGE_TEXT_BYTES = 24;
const AVERAGE_LIST_LENGTH = 4;

/** Bytes that a value takes in a page, on average. */
export function widthOf(type: ColumnType): number {
  switch (type.id) {
    case 'BOOLEAN':
    case 'TINYINT':
    case 'UTINYINT':
    case 'NULL':
      return 1;
    case 'SMALLINT':
    case 'USMALLINT':
      return 2;
    case 'INTEGER':
    case 'UINTEGER':
    case 'FLOAT':
    case 'DATE':
    case 'ENUM':
      return 4;
    case 'HUGEINT':
    case 'UHUGEINT':
    case 'UUID':
    case 'INTERVAL':
      return 16;
    case 'DECIMAL':
      return type.width > 18 ? 16 : type.width > 9 ? 8 : 4;
    case 'VARCHAR':
    case 'BLOB':
    case 'BIT':
    case 'BIGNUM':
    case 'JSON':
      return AVERAGE_TEXT_BYTES;
    case 'LIST':
      return AVERAGE_LIST_LENGTH * widthOf(type.child);
    case 'ARRAY':
      return type.size * widthOf(type.child);
    case 'STRUCT':
      return widthOfAll(type.fields.map((field) => field.type));
    case 'UNION':
      return widthOfAll(type.members.map((member) => member.type));
    case 'MAP':
      return AVERAGE_LIST_LENGTH * (widthOf(type.key) + widthOf(type.value));
    default:
      return 8;
  }
}

function widthOfAll(types: readonly ColumnType[]): number {
  return types.reduce((sum, type) => sum + widthOf(type), 0);
}

/** Bytes of a row in a page: its columns and their validity. */
export function rowWidthOf(columns: readonly ColumnType[]): number {
  return Math.max(1, widthOfAll(columns) + columns.length / 8);
}

export function rowsOf(plan: LogicalPlan): number {
  if (plan.estimatedRows !== undefined) return plan.estimatedRows;
  const inputs = childrenOf(plan).map(rowsOf);
  switch (plan.kind) {
    case 'values':
      return plan.rows.length;
    case 'dummy-scan':
      return 1;
    case 'empty':
      return 0;
    case 'aggregate':
      return plan.groups.length === 0 ? 1 : sum(inputs);
    case 'set-operation':
      return sum(inputs);
    case 'cross-product':
      return inputs.reduce((product, rows) => product * rows, 1);
    case 'top-n':
      return Math.min(sum(inputs), Number(plan.limit));
    case 'sample':
      return plan.size.kind === 'rows'
        ? Math.min(sum(inputs), Number(plan.size.rows))
        : (sum(inputs) * plan.size.percentage) / 100;
    case 'limit':
      return plan.limit?.kind === 'rows'
        ? Math.min(sum(inputs), Number(plan.limit.rows))
        : sum(inputs);
    case 'materialized-cte':
      return rowsOf(plan.child);
    default:
      return inputs.length === 0 ? UNKNOWN_ROWS : Math.max(...inputs);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

export function bytesOf(plan: LogicalPlan): number {
  return rowsOf(plan) * rowWidthOf(plan.columns);
}

/** So many rows a group are some in every task too: no question then whether aggregating is worth its work. */
const PLENTY_OF_ROWS = 100;

export function hasFewGroups(groups: LogicalPlan, input: LogicalPlan): boolean {
  return rowsOf(groups) * PLENTY_OF_ROWS <= rowsOf(input);
}

export function placedRows(placed: Placed): number {
  return sum(placed.branches.map(({ body }) => rowsOf(body)));
}

export function placedBytes(placed: Placed): number {
  return sum(placed.branches.map(({ body }) => bytesOf(body)));
}

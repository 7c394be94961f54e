import { assertNever } from '../../../common/assert.ts';
import {
  type ColumnType,
  formatColumnType,
  quoteIdentifier,
  sameColumnType,
} from '../../../common/plan/column-type.ts';
import {
  type Between,
  type Case,
  type Cast,
  type Comparison,
  type Expression,
  type InList,
  type SortKey,
} from '../../logical/expression.ts';
import { isVolatile } from '../../logical/expression-tree.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';
import { atom, LEVEL, operand, type Sql } from './sql.ts';
import { writeBareConstant, writeConstant } from './write-constant.ts';
import { writeFunction } from './write-function.ts';
import { writeFinalized } from './write-state.ts';
import { hasTypeText } from './write-type.ts';

/** SQL of the columns that an expression's references mean, by position. */
export type ColumnSql = readonly Sql[];

/**
 * An expression as DuckDB SQL that binds to the same functions on the same types.
 * Throws UnsupportedError for what has no such SQL.
 */
export function writeExpression(expression: Expression, columns: ColumnSql): string {
  return write(expression, columns).text;
}

/** Direction and place of NULLs are spelled out: their defaults are settings. */
export function writeSortKeys(keys: readonly SortKey[], columns: ColumnSql): string {
  return keys.map((key) => writeSortKey(key, columns)).join(', ');
}

/** A bare literal would be a position, or refused. */
function writeSortKey(key: SortKey, columns: ColumnSql): string {
  const direction = key.descending ? 'DESC' : 'ASC';
  const place = key.nullsFirst ? 'FIRST' : 'LAST';
  const { expression } = key;
  const text = writeExpression(expression, columns);
  const isLiteral = expression.kind === 'constant';
  const value = isLiteral ? `CAST(${text} AS ${formatColumnType(expression.type)})` : text;
  return `${value} ${direction} NULLS ${place}`;
}

/** As `writeExpression`, with how tightly the text binds. */
export function write(expression: Expression, columns: ColumnSql): Sql {
  const inner = (child: Expression): Sql => write(child, columns);
  switch (expression.kind) {
    case 'column': {
      const column = columns[expression.index];
      if (column === undefined)
        throw new UnsupportedError(`column ${expression.index} of an expression`);
      return column;
    }
    case 'constant':
      return atom(writeConstant(expression));
    case 'function':
      return writeFunction(expression, inner);
    case 'cast':
      return atom(writeCast(expression, inner));
    case 'comparison':
      return writeComparison(expression, inner);
    case 'conjunction': {
      const level = expression.operator === 'AND' ? LEVEL.and : LEVEL.or;
      const parts = expression.children.map((child) => operand(inner(child), level));
      return { text: parts.join(` ${expression.operator} `), level };
    }
    case 'not':
      return {
        text: `NOT ${operand(inner(expression.child), LEVEL.comparison)}`,
        level: LEVEL.not,
      };
    case 'null-test': {
      const test = expression.isNegated ? 'IS NOT NULL' : 'IS NULL';
      const text = `${operand(inner(expression.child), LEVEL.operator)} ${test}`;
      return { text, level: LEVEL.comparison };
    }
    case 'in-list':
      return writeInList(expression, inner);
    case 'between':
      return writeBetween(expression, inner);
    case 'case':
      return writeCase(expression, inner);
    case 'coalesce':
      return atom(`coalesce(${expression.children.map((child) => inner(child).text).join(', ')})`);
    case 'try':
      return atom(`TRY(${inner(expression.child).text})`);
    case 'unnest':
      return atom(`unnest(${inner(expression.child).text})`);
    case 'finalized-state':
      return atom(writeFinalized(expression.aggregate, inner(expression.child).text));
    case 'lambda':
      return {
        text: `lambda ${expression.parameters.map(quoteIdentifier).join(', ')}: ${inner(expression.body).text}`,
        level: LEVEL.lambda,
      };
    case 'lambda-parameter':
      return atom(quoteIdentifier(expression.name));
    default:
      return assertNever(expression);
  }
}

type Inner = (child: Expression) => Sql;

function writeCast(cast: Cast, inner: Inner): string {
  const { child, type, isTry } = cast;
  if (hasTypeText(type)) {
    return `${isTry ? 'TRY_CAST' : 'CAST'}(${inner(child).text} AS ${formatColumnType(type)})`;
  }
  // Field by field, as DuckDB casts a row: a type without a text cannot be named.
  if (isTry || type.id !== 'STRUCT' || child.type.id !== 'STRUCT' || isVolatile(child)) {
    throw new UnsupportedError('a cast to rows without field names');
  }
  const { fields } = child.type;
  const row = inner(child).text;
  const items = type.fields.map((field, i): string => {
    const from = fields[i];
    if (from === undefined) throw new UnsupportedError('a cast between rows of different widths');
    const item = atom(`struct_extract_at(${row}, ${i + 1})`);
    return sameColumnType(from.type, field.type)
      ? item.text
      : writeCast({ ...cast, type: field.type, child: columnZero(from.type) }, () => item);
  });
  return `CASE WHEN ${operand(inner(child), LEVEL.operator)} IS NOT NULL THEN row(${items.join(', ')}) END`;
}

function columnZero(type: ColumnType): Expression {
  return { kind: 'column', type, index: 0 };
}

function writeComparison(comparison: Comparison, inner: Inner): Sql {
  const { left, right, operator } = comparison;
  const text = `${compared(left, right, inner)} ${operator} ${compared(right, left, inner)}`;
  if (!isNestedOrder(comparison)) return { text, level: LEVEL.comparison };
  return { text: `(${text}) = TRUE`, level: LEVEL.comparison };
}

/** Of two of them with constants DuckDB makes a BETWEEN, which as a filter it refuses to execute over nested values. */
function isNestedOrder({ left, operator }: Comparison): boolean {
  return /^[<>]=?$/.test(operator) && NESTED_TYPES.has(left.type.id);
}

const NESTED_TYPES: ReadonlySet<string> = new Set([
  'LIST',
  'ARRAY',
  'STRUCT',
  'MAP',
  'UNION',
  'VARIANT',
]);

/** A constant beside a value of its own type needs no cast of its own. */
function compared(side: Expression, other: Expression, inner: Inner): string {
  const isBare = side.kind === 'constant' && other.kind !== 'constant';
  return isBare ? writeBareConstant(side) : operand(inner(side), LEVEL.operator);
}

function writeInList(list: InList, inner: Inner): Sql {
  const values = list.values.map((value) => compared(value, list.child, inner));
  const child = operand(inner(list.child), LEVEL.operator);
  const text = `${child} ${list.isNegated ? 'NOT IN' : 'IN'} (${values.join(', ')})`;
  return { text, level: LEVEL.comparison };
}

function writeBetween(between: Between, inner: Inner): Sql {
  const { child, lower, upper, lowerInclusive, upperInclusive } = between;
  if (lowerInclusive && upperInclusive && (!NESTED_TYPES.has(child.type.id) || isVolatile(child))) {
    const bounds = `${compared(lower, child, inner)} AND ${compared(upper, child, inner)}`;
    const text = `${operand(inner(child), LEVEL.operator)} BETWEEN ${bounds}`;
    return { text, level: LEVEL.comparison };
  }
  if (isVolatile(child)) throw new UnsupportedError('open BETWEEN of a volatile expression');
  const half = (operator: '>' | '>=' | '<' | '<=', right: Expression): string =>
    writeComparison({ kind: 'comparison', type: between.type, operator, left: child, right }, inner)
      .text;
  const [above, below] = [lowerInclusive ? '>=' : '>', upperInclusive ? '<=' : '<'] as const;
  return { text: `${half(above, lower)} AND ${half(below, upper)}`, level: LEVEL.and };
}

function writeCase(expression: Case, inner: Inner): Sql {
  const branches = expression.branches.map(
    ({ when, then }) => `WHEN ${inner(when).text} THEN ${inner(then).text}`,
  );
  return atom(`CASE ${branches.join(' ')} ELSE ${inner(expression.otherwise).text} END`);
}

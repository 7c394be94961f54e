/** Rows of constants as a FROM item. */
import { assert } from '../../../common/assert.ts';
import {
  type ColumnType,
  formatColumnType,
  quoteString,
} from '../../../common/plan/column-type.ts';
import { type Constant, type Expression } from '../../logical/expression.ts';
import { type Values } from '../../logical/logical-plan.ts';
import { dateText, hasDateText } from './calendar-text.ts';
import { writeExpression } from './write-expression.ts';

/** So many rows are written as one constant a column: DuckDB reads it ten times as fast as VALUES. */
const MANY_ROWS = 500;

/** A relation whose columns have no names of their own. */
export function writeValues({ rows, columns }: Values): string {
  if (rows.length >= MANY_ROWS) {
    const lists = columns.map((type, column) => listOf(rows, column, type));
    if (lists.every((list) => list !== undefined)) {
      return `(SELECT ${lists.map((list) => `unnest(${list})`).join(', ')})`;
    }
  }
  const written = rows.map((row) => {
    return `(${row.map((cell) => writeExpression(cell, [])).join(', ')})`;
  });
  return `(VALUES ${written.join(', ')})`;
}

/** The column as a list; undefined for what a text of a list might not give back. */
function listOf(rows: Values['rows'], column: number, type: ColumnType): string | undefined {
  const texts: string[] = [];
  for (const row of rows) {
    const cell = row[column];
    assert(cell !== undefined, `a row has a column ${column}`);
    const text = itemText(cell, type);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  const list = quoteString(`[${texts.join(', ')}]`);
  // Strings in JSON, where every character has an escape.
  return type.id === 'VARCHAR'
    ? `from_json(${list}::JSON, '["VARCHAR"]')`
    : `CAST(${list} AS ${formatColumnType(type)}[])`;
}

function itemText(cell: Expression, type: ColumnType): string | undefined {
  if (cell.kind !== 'constant' || cell.type.id !== type.id) return undefined;
  const { value } = cell;
  switch (type.id) {
    case 'VARCHAR':
      return stringText(value);
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
    case 'HUGEINT':
    case 'UTINYINT':
    case 'USMALLINT':
    case 'UINTEGER':
    case 'UBIGINT':
    case 'UHUGEINT':
      return value === null ? 'NULL' : String(value);
    case 'DATE':
      if (typeof value !== 'bigint') return 'NULL';
      return hasDateText(value) ? dateText(value) : undefined;
    default:
      return undefined;
  }
}

/** Neither the parser nor from_json takes a NUL character. */
function stringText(value: Constant['value']): string | undefined {
  const isText = value === null || (typeof value === 'string' && !value.includes('\0'));
  return isText ? JSON.stringify(value) : undefined;
}

/**
 * When two answers are the same (the rules that hold for all of the engine's tests): names and types exactly;
 * the rows as a multiset, and by the ORDER BY's columns in sequence, with ties in any order; doubles within 1e-12
 * relative; everything else exactly.
 */
import { DataType, RecordBatchReader, type Field } from 'apache-arrow';
import { rowsOf } from '../../services/cli/format/batch-rows.ts';
import { cellText } from '../../services/cli/format/cell.ts';

export interface AnswerColumn {
  readonly name: string;
  /** DuckDB's text of the type. */
  readonly type: string;
}

/** A result as text, cell by cell as DuckDB shows it; null = NULL. Doubles in any notation. */
export interface Answer {
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
}

type Row = Answer['rows'][number];

const RELATIVE_TOLERANCE = 1e-12;

/** Reads an Arrow IPC stream, as FetchResults delivers it. */
export function readArrowAnswer(arrowIpc: Uint8Array): Answer {
  return readAnswer(RecordBatchReader.from(arrowIpc).open());
}

/** Reads Arrow IPC streams that follow each other, as `skein sql --format arrow` writes them. */
export function readArrowAnswers(arrowIpc: Uint8Array): readonly Answer[] {
  const answers: Answer[] = [];
  // Not spread: each stream is read before the next one begins.
  for (const reader of RecordBatchReader.readAll(arrowIpc)) answers.push(readAnswer(reader));
  return answers;
}

function readAnswer(reader: RecordBatchReader): Answer {
  const columns = reader.schema.fields.map((field) => ({
    name: field.name,
    type: duckdbType(field),
  }));
  const rows = [...reader].flatMap((batch) =>
    rowsOf(batch).map((row) => row.map((cell) => (cell.kind === 'null' ? null : cellText(cell)))),
  );
  return { columns, rows };
}

/** DuckDB's name of the Arrow types that the answers of TPC-H and TPC-DS have; others by Arrow's own name, which is never equal. */
function duckdbType(field: Field): string {
  const { type } = field;
  const extension = field.metadata.get('ARROW:extension:metadata');
  if (extension?.includes('"hugeint"') === true) return 'HUGEINT';
  if (DataType.isDecimal(type)) return `DECIMAL(${type.precision},${type.scale})`;
  const names: Readonly<Record<string, string>> = {
    Int32: 'INTEGER',
    Int64: 'BIGINT',
    Float64: 'DOUBLE',
    Utf8: 'VARCHAR',
    'Date32<DAY>': 'DATE',
    Bool: 'BOOLEAN',
  };
  return names[String(type)] ?? `Arrow ${String(type)}`;
}

/** The first difference between two answers to `sql`; undefined when they are the same. */
export function answerDifference(
  actual: Answer,
  expected: Answer,
  sql: string,
): string | undefined {
  const keys = orderColumns(sql, expected.columns);
  return (
    shapeDifference(actual, expected) ??
    multisetDifference(actual, expected) ??
    sequenceDifference(project(actual, keys), project(expected, keys))
  );
}

/** The first difference in the columns or in the number of rows. */
export function shapeDifference(actual: Answer, expected: Answer): string | undefined {
  const shapes = [actual, expected].map(({ columns }) =>
    columns.map(({ name, type }) => `${name} ${type}`).join(', '),
  );
  if (shapes[0] !== shapes[1]) return `columns (${shapes[0]}), not (${shapes[1]})`;
  return actual.rows.length === expected.rows.length
    ? undefined
    : `${actual.rows.length} rows, not ${expected.rows.length}`;
}

/** The first difference between as many rows of the same columns, in any sequence. */
export function multisetDifference(actual: Answer, expected: Answer): string | undefined {
  const isDouble = doublesOf(expected);
  return rowsDifference(sorted(actual.rows, isDouble), sorted(expected.rows, isDouble), isDouble);
}

/** The first difference between as many rows of the same columns, in their sequence. */
export function sequenceDifference(actual: Answer, expected: Answer): string | undefined {
  return rowsDifference(actual.rows, expected.rows, doublesOf(expected));
}

/** The first row of `actual` that `expected` does not have, or not as often. */
export function missingRow(actual: Answer, expected: Answer): string | undefined {
  const isDouble = doublesOf(expected);
  const exact = (row: Row): string => JSON.stringify(row.filter((_, index) => !isDouble[index]));
  const left = new Map<string, Row[]>();
  for (const row of expected.rows) {
    const same = left.get(exact(row));
    if (same === undefined) left.set(exact(row), [row]);
    else same.push(row);
  }
  const missing = actual.rows.find((row) => {
    const candidates = left.get(exact(row)) ?? [];
    const found = candidates.findIndex((other) => isSameRow(row, other, isDouble));
    return candidates.splice(found < 0 ? candidates.length : found, 1).length === 0;
  });
  return missing === undefined ? undefined : `row (${missing.join(', ')}) is too much`;
}

function doublesOf({ columns }: Answer): readonly boolean[] {
  return columns.map(({ type }) => type === 'DOUBLE' || type === 'FLOAT');
}

/** Positions of the columns that the statement's last ORDER BY names; empty when it orders nothing. */
function orderColumns(sql: string, columns: readonly AnswerColumn[]): readonly number[] {
  const clause = /ORDER BY([^()]*?)(?:LIMIT\s+\d+\s*)?;?\s*$/i.exec(sql)?.[1];
  if (clause === undefined) return [];
  return clause.split(',').map((item) => {
    const name = item.trim().replace(/\s+(ASC|DESC)$/i, '');
    const position = columns.findIndex((column) => column.name === name);
    if (position < 0) throw new Error(`ORDER BY ${name} is no column of the result`);
    return position;
  });
}

function project({ columns, rows }: Answer, keys: readonly number[]): Answer {
  return {
    columns: keys.flatMap((key) => columns[key] ?? []),
    rows: rows.map((row) => keys.map((key) => row[key] ?? null)),
  };
}

/** Rows in an order that depends on their values only: exact columns first, since doubles may differ a little. */
function sorted(rows: readonly Row[], isDouble: readonly boolean[]): readonly Row[] {
  const exact = (row: Row): string => JSON.stringify(row.filter((_, index) => !isDouble[index]));
  const doubles = (row: Row): readonly number[] =>
    row.filter((_, index) => isDouble[index]).map((cell) => Number(cell));
  return rows
    .map((row) => ({ row, key: exact(row), doubles: doubles(row) }))
    .sort((a, b) => compareTexts(a.key, b.key) || compareNumbers(a.doubles, b.doubles))
    .map(({ row }) => row);
}

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, position) => value !== b[position]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

function rowsDifference(
  actual: readonly Row[],
  expected: readonly Row[],
  isDouble: readonly boolean[],
): string | undefined {
  const index = actual.findIndex(
    (row, position) => !isSameRow(row, expected[position] ?? [], isDouble),
  );
  return index < 0
    ? undefined
    : `row (${actual[index]?.join(', ')}), not (${expected[index]?.join(', ')})`;
}

function isSameRow(row: Row, other: Row, isDouble: readonly boolean[]): boolean {
  return row.every((cell, column) => {
    const value = other[column] ?? null;
    return isDouble[column] === true ? nearlyEqual(cell, value) : cell === value;
  });
}

function nearlyEqual(a: string | null, b: string | null): boolean {
  if (a === b) return true;
  if (a === null || b === null) return false;
  const [x, y] = [Number(a), Number(b)];
  return Math.abs(x - y) <= RELATIVE_TOLERANCE * Math.max(Math.abs(x), Math.abs(y));
}

/** Answers of DuckDB statements, compared as the equality rules say: rows as a multiset, doubles within rounding. */
import type { DuckDBConnection } from '@duckdb/node-api';

export interface TableAnswer {
  readonly types: readonly string[];
  readonly names: readonly string[];
  /** Cell by cell as DuckDB shows it; null = NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const RELATIVE_TOLERANCE = 1e-12;

/** Types and rows of relations that have the same columns, one after the other. */
export async function readAnswer(
  connection: DuckDBConnection,
  relations: readonly string[],
): Promise<TableAnswer> {
  const described = await connection.runAndReadAll(`DESCRIBE FROM ${relations[0] ?? ''}`);
  const [names, types] = [0, 1].map((column) => {
    return described.getRows().map((row) => String(row[column]));
  }) as [string[], string[]];
  const aliases = types.map((_, index) => `c${index}`).join(', ');
  const cells = types.map((_, index) => `c${index}::VARCHAR`).join(', ');
  const parts = relations.map((relation) => `SELECT ${cells} FROM ${relation} AS t(${aliases})`);
  const read = await connection.runAndReadAll(parts.join(' UNION ALL '));
  return { names, types, rows: read.getRows() as (string | null)[][] };
}

export interface Equality {
  /** The rows come in one order. */
  readonly isOrdered?: boolean;
  /** Not where two columns have one name: tables have none of those. */
  readonly isOfNames?: boolean;
  /** How much doubles may differ, of their size. */
  readonly tolerance?: number;
}

/** The first difference; undefined when the answers are the same. */
export function differenceOf(
  actual: TableAnswer,
  expected: TableAnswer,
  { isOrdered = false, isOfNames = false, tolerance = RELATIVE_TOLERANCE }: Equality = {},
): string | undefined {
  if (actual.types.join() !== expected.types.join()) {
    return `types (${actual.types.join(', ')}), not (${expected.types.join(', ')})`;
  }
  if (isOfNames && actual.names.join() !== expected.names.join()) {
    return `columns (${actual.names.join(', ')}), not (${expected.names.join(', ')})`;
  }
  if (actual.rows.length !== expected.rows.length) {
    return `${actual.rows.length} rows, not ${expected.rows.length}`;
  }
  const holdsDoubles = expected.types.map((type) => /DOUBLE|FLOAT/.test(type));
  const isDouble = expected.types.map((type) => type === 'DOUBLE' || type === 'FLOAT');
  const [rows, others] = [actual, expected].map((answer) => {
    const unsigned = answer.rows.map((row) => withoutSignOfNaN(row, holdsDoubles));
    return isOrdered ? unsigned : sorted(unsigned, isDouble);
  }) as [readonly Row[], readonly Row[]];
  for (const [index, row] of rows.entries()) {
    const other = others[index] ?? [];
    const isSame = row.every((cell, column) =>
      isDouble[column] === true
        ? isClose(cell, other[column] ?? null, tolerance)
        : cell === other[column],
    );
    if (!isSame) return `row (${row.join(', ')}), not (${other.join(', ')})`;
  }
  return undefined;
}

type Row = TableAnswer['rows'][number];

/** Constants that are folded lose it; for DuckDB each NaN is as the other. */
function withoutSignOfNaN(row: Row, holdsDoubles: readonly boolean[]): Row {
  return row.map((cell, column) =>
    holdsDoubles[column] === true ? (cell?.replaceAll('-nan', 'nan') ?? null) : cell,
  );
}

/** By the exact columns first: doubles may differ a little. */
function sorted(rows: readonly Row[], isDouble: readonly boolean[]): readonly Row[] {
  const keyed = rows.map((row) => ({
    row,
    exact: JSON.stringify(row.filter((_, column) => isDouble[column] !== true)),
    doubles: row.filter((_, column) => isDouble[column] === true).map(rankOf),
  }));
  const compare = (a: (typeof keyed)[number], b: (typeof keyed)[number]): number => {
    if (a.exact !== b.exact) return a.exact < b.exact ? -1 : 1;
    const column = a.doubles.findIndex((value, index) => value !== b.doubles[index]);
    return column < 0 ? 0 : (a.doubles[column] ?? 0) < (b.doubles[column] ?? 0) ? -1 : 1;
  };
  return keyed.sort(compare).map(({ row }) => row);
}

/** A number that no other double has: NULL and what is not finite beyond all that are. */
function rankOf(cell: string | null): number {
  if (cell === null) return -Infinity;
  const unusual = ['-inf', 'inf', 'nan', '-nan'].indexOf(cell);
  if (unusual < 0) return Number(cell);
  return [-Number.MAX_VALUE, Number.MAX_VALUE][unusual] ?? Infinity;
}

function isClose(a: string | null, b: string | null, tolerance: number): boolean {
  if (a === b || a === null || b === null) return a === b;
  if (a.endsWith('nan')) return b.endsWith('nan');
  const [x, y] = [Number(a), Number(b)];
  return Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y));
}

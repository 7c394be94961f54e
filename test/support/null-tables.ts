/**
 * Small tables for tests of the planner, with NULLs in every column and several files each, so that each has
 * several splits: n1, n2, n3 and keys (no NULLs) with columns k, g, v, x, m, d, l, s, b; empty has no rows.
 */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

interface TableShape {
  readonly name: string;
  readonly fileCount: number;
  readonly rowCount: number;
  /** Of a hundred values, this many are NULL. */
  readonly nullPercent: number;
  readonly firstKey: number;
}

const TABLES: readonly TableShape[] = [
  { name: 'n1', fileCount: 6, rowCount: 17, nullPercent: 15, firstKey: 0 },
  { name: 'n2', fileCount: 5, rowCount: 9, nullPercent: 15, firstKey: 3 },
  { name: 'n3', fileCount: 4, rowCount: 6, nullPercent: 10, firstKey: 0 },
  { name: 'keys', fileCount: 4, rowCount: 12, nullPercent: 0, firstKey: 1 },
  { name: 'empty', fileCount: 2, rowCount: 0, nullPercent: 0, firstKey: 0 },
];

export const NULL_TABLES: readonly string[] = TABLES.map(({ name }) => name);

/** Writes the tables into a directory of their own, which is the answer. */
export async function writeNullTables(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skein-null-tables-'));
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  for (const table of TABLES) {
    await mkdir(join(directory, table.name));
    for (let file = 0; file < table.fileCount; file += 1) {
      const path = join(directory, table.name, `part-${file}.parquet`);
      await connection.run(`COPY (${rowsOf(table, file)}) TO '${path}'`);
    }
  }
  connection.disconnectSync();
  instance.closeSync();
  return directory;
}

/** Rows that follow from the table's name, the file and the row's number alone. */
function rowsOf({ name, rowCount, nullPercent, firstKey }: TableShape, file: number): string {
  const dice = (column: string, sides: number): string =>
    `(hash('${name}', ${file}, i, '${column}') % ${sides})::INTEGER`;
  const nullable = (column: string, value: string): string =>
    `CASE WHEN ${dice(`${column} is null`, 100)} >= ${nullPercent} THEN ${value} END AS ${column}`;
  return `SELECT
    ${nullable('k', `${dice('k', 12)} + ${firstKey}`)},
    ${nullable('g', `(['red', 'green', 'blue', '', 'Ünï'])[1 + ${dice('g', 5)}]`)},
    ${nullable('v', `${dice('v', 1000)}::BIGINT - 500`)},
    ${nullable('x', `${dice('x', 100_000)} / 1000`)},
    ${nullable('m', `(${dice('m', 10_000)} / 100)::DECIMAL(10, 2)`)},
    ${nullable('d', `DATE '2024-01-01' + ${dice('d', 30)}`)},
    ${nullable('l', `[${dice('l0', 4)}, ${dice('l1', 4)}]`)},
    ${nullable('s', `{'a': ${dice('s', 3)}, 'b': 'z'}`)},
    ${dice('b', 2)} = 1 AS b
  FROM range(${Math.max(rowCount, 1)}) AS rows(i)
  WHERE ${rowCount} > 0`;
}

/** Tables whose files lie apart by a key, more or less, with everything that makes cutting them by it hard. */
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { quoteString } from '../../services/common/plan/column-type.ts';

/** The same key in each type that files can be cut by; `k_double` is one that they cannot. */
export const KEYS = ['k', 'k_int', 'k_decimal', 'k_date', 'k_timestamp', 'k_text'];

/** Each file is a row group: SQL for its key, a BIGINT, over the row number i, and how many rows it has. */
const TABLES: Readonly<Record<string, readonly (readonly [key: string, rowCount: number])[]>> = {
  /** In order, each key several times, also across the border of two files. */
  ordered: Array.from({ length: 9 }, (_, file) => [`(${file * 40} + i) // 3`, 41]),
  /** In order, without duplicates; other borders than those of `ordered`. */
  unique_keys: Array.from({ length: 5 }, (_, file) => [`${file * 30} + i`, 30]),
  /** Each file reaches into the next two. */
  overlapping: Array.from({ length: 8 }, (_, file) => [`${file * 15} + (i * 7) % 34`, 40]),
  /** Every file may have every key. */
  unsorted: Array.from({ length: 6 }, (_, file) => [`(i * 37 + ${file}) % 130`, 30]),
  /** NULLs in every file, a file of nothing else, in order otherwise. */
  nulls: [
    ['NULL', 25],
    ...Array.from({ length: 7 }, (_, file): [string, number] => [
      `CASE WHEN i % 4 = 0 THEN NULL ELSE ${file * 18} + i END`,
      30,
    ]),
  ],
  /** Nine of ten rows have one key, which fills files of its own. */
  skewed: [
    ['i', 20],
    ['20', 200],
    ['20', 200],
    ['20 + i // 2', 60],
    ['50 + i', 40],
  ],
  /** Files without rows, and files with one. */
  holes: [
    ['i', 0],
    ['i', 12],
    ['i', 0],
    ['17', 1],
    ['40 + i', 30],
    ['90', 1],
    ['i', 0],
  ],
  /** No rows at all. */
  nothing: [
    ['i', 0],
    ['i', 0],
  ],
};

export const KEYED_TABLES: readonly string[] = Object.keys(TABLES);

/** Statistics of long texts are cut: those of `k_text` say which five keys it may be. */
const COLUMNS = `
  k,
  CAST(k AS INTEGER) AS k_int,
  CAST(k * 1.25 AS DECIMAL(12, 2)) AS k_decimal,
  DATE '1999-11-20' + CAST(k AS INTEGER) AS k_date,
  TIMESTAMP '1969-12-31 23:00:00' + to_minutes(k) AS k_timestamp,
  printf('%04d', k // 5) || repeat('ä', 150) || k AS k_text,
  CASE WHEN k % 11 = 0 THEN 'NaN'::DOUBLE ELSE k END AS k_double,
  i AS v`;

/** A catalog directory with all of them, for the caller to remove. */
export async function writeKeyedTables(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'skein-keyed-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  for (const [table, files] of Object.entries(TABLES)) {
    await mkdir(join(directory, table));
    for (const [file, [key, rowCount]] of files.entries()) {
      const path = join(directory, table, `part-${file}.parquet`);
      const rows = `SELECT i, CAST(${key} AS BIGINT) AS k FROM range(${rowCount}) AS rows(i)`;
      await connection.run(`COPY (SELECT ${COLUMNS} FROM (${rows})) TO ${quoteString(path)}`);
    }
  }
  connection.disconnectSync();
  instance.closeSync();
  return directory;
}

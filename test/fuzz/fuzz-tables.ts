/**
 * Nasty tables in Parquet, several files and row groups each: NULLs in every column, duplicates, skew, one row, no
 * rows, more rows than a vector, files that are clustered on the key, in Hive partitions or in buckets, files of CSV and
 * JSON. All have the same columns, one for each type that Parquet keeps; those of text have some of them.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { hashFingerprint } from '../../services/common/duckdb/hash-fingerprint.ts';
import { BUCKETING_FILE } from '../../services/planner/catalog/table-bucketing.ts';

interface TableShape {
  readonly name: string;
  readonly fileCount: number;
  /** Rows of a file. */
  readonly rowCount: number;
  /** Of a hundred values, this many are NULL. */
  readonly nullPercent: number;
  /** Keys are in `firstKey` … `firstKey + keyCount - 1`. */
  readonly firstKey: number;
  readonly keyCount: number;
  /** Of a hundred rows, this many have the first key. */
  readonly skewPercent: number;
  /** Distinct rows; 0 = no limit. */
  readonly distinctRows: number;
  /** `hive`: a partition for each file, NULL the last · `bucketed`: by the hash of the key, a file for each bucket. */
  readonly layout: 'plain' | 'clustered' | 'hive' | 'bucketed';
  readonly format: 'parquet' | 'csv' | 'json';
}

const PLAIN: TableShape = {
  name: '',
  fileCount: 3,
  rowCount: 12,
  nullPercent: 15,
  firstKey: 0,
  keyCount: 9,
  skewPercent: 0,
  distinctRows: 0,
  layout: 'plain',
  format: 'parquet',
};

const SHAPES: readonly TableShape[] = [
  { ...PLAIN, name: 'first' },
  { ...PLAIN, name: 'second', fileCount: 2, rowCount: 10, firstKey: 3 },
  { ...PLAIN, name: 'skewed', fileCount: 2, rowCount: 30, skewPercent: 90 },
  { ...PLAIN, name: 'repeated', nullPercent: 5, distinctRows: 4 },
  { ...PLAIN, name: 'complete', nullPercent: 0, keyCount: 30 },
  { ...PLAIN, name: 'nothings', rowCount: 5, nullPercent: 100 },
  { ...PLAIN, name: 'single', fileCount: 1, rowCount: 1, nullPercent: 0 },
  { ...PLAIN, name: 'empty', fileCount: 2, rowCount: 0 },
  { ...PLAIN, name: 'clustered', fileCount: 4, keyCount: 8, layout: 'clustered' },
  { ...PLAIN, name: 'partitioned', layout: 'hive' },
  { ...PLAIN, name: 'bucketed', fileCount: 4, layout: 'bucketed' },
  { ...PLAIN, name: 'rebucketed', fileCount: 4, rowCount: 9, firstKey: 2, layout: 'bucketed' },
  { ...PLAIN, name: 'commas', fileCount: 2, format: 'csv' },
  { ...PLAIN, name: 'lines', fileCount: 2, format: 'json' },
  { ...PLAIN, name: 'long', fileCount: 2, rowCount: 2500, keyCount: 400 },
];

export interface FuzzTable {
  readonly name: string;
  /** So that a grammar can foresee what a join makes of them. */
  readonly rows: number;
  /** Has the columns that files of text keep: TEXT_COLUMNS. */
  readonly isText: boolean;
}

export const FUZZ_TABLES: readonly FuzzTable[] = SHAPES.map(
  ({ name, fileCount, rowCount, format }) => {
    return { name, rows: fileCount * rowCount, isText: format !== 'parquet' };
  },
);

const TEXT_COLUMNS = 'k, g, v, b, m, dt, ts';

/** Writes the tables, each into a folder of its own. */
export async function writeFuzzTables(directory: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  for (const shape of SHAPES) {
    if (shape.layout === 'bucketed') {
      await writeBuckets(connection, join(directory, shape.name), shape);
      continue;
    }
    for (let file = 0; file < shape.fileCount; file += 1) {
      const folder = join(
        directory,
        shape.name,
        shape.layout === 'hive' ? `part=${['a', 'b', '__HIVE_DEFAULT_PARTITION__'][file]}` : '',
      );
      await mkdir(folder, { recursive: true });
      const path = join(folder, `file-${file}.${shape.format}`);
      await connection.run(copyStatement(shape, rowsOf(shape, file), path));
    }
  }
  connection.disconnectSync();
  instance.closeSync();
}

function copyStatement({ format, rowCount }: TableShape, rows: string, path: string): string {
  const options = rowCount > 2000 ? '(ROW_GROUP_SIZE 2048)' : '';
  return format === 'parquet'
    ? `COPY (${rows}) TO '${path}' ${options}`
    : `COPY (SELECT ${TEXT_COLUMNS} FROM (${rows})) TO '${path}' (FORMAT ${format})`;
}

/** As scripts/write-bucketed-table.mjs writes them. */
async function writeBuckets(
  connection: DuckDBConnection,
  folder: string,
  shape: TableShape,
): Promise<void> {
  const { fileCount } = shape;
  await mkdir(folder, { recursive: true });
  const files = Array.from({ length: fileCount }, (_, file) => rowsOf(shape, file));
  await connection.run(`CREATE OR REPLACE TEMP TABLE all_rows AS ${files.join(' UNION ALL ')}`);
  for (let bucket = 0; bucket < fileCount; bucket += 1) {
    const path = join(folder, `bucket-${bucket}.parquet`);
    const rows = `FROM all_rows WHERE hash(k) % ${fileCount} = ${bucket}`;
    await connection.run(`COPY (${rows}) TO '${path}'`);
  }
  const metadata = {
    version: 1,
    columns: ['k'],
    types: ['INTEGER'],
    bucket_count: fileCount,
    hash_fingerprint: await hashFingerprint(connection),
    files: 'bucket-{bucket}.parquet',
  };
  await writeFile(join(folder, BUCKETING_FILE), JSON.stringify(metadata));
}

/** Rows that follow from the table's name, the file and the row's number alone. */
function rowsOf(shape: TableShape, file: number): string {
  const { name, rowCount, nullPercent, distinctRows } = shape;
  const row = distinctRows === 0 ? `(i + ${file * 10_000})` : `(i % ${distinctRows})`;
  const dice = (column: string, sides: number): string =>
    `(hash('${name}', ${row}, '${column}') % ${sides})::INTEGER`;
  const values = columnValues(shape, file, dice).map(([column, value]) => {
    const isPresent = `${dice(`${column} is null`, 100)} >= ${nullPercent}`;
    return `CASE WHEN ${isPresent} THEN ${value} END AS ${column}`;
  });
  const order = shape.layout === 'clustered' ? 'ORDER BY k' : '';
  return `SELECT ${values.join(', ')} FROM range(${Math.max(rowCount, 1)}) AS rows(i)
    WHERE ${rowCount} > 0 ${order}`;
}

type Dice = (column: string, sides: number) => string;

function columnValues(
  shape: TableShape,
  file: number,
  dice: Dice,
): readonly (readonly [string, string])[] {
  const pick = (column: string, values: readonly string[]): string =>
    `[${values.join(', ')}][1 + ${dice(column, values.length)}]`;
  return [
    ['k', keyOf(shape, file, dice)],
    ['g', pick('g', ["'red'", "'green'", "''", "'Ünï😀'", "'12'", "'a long text of many bytes'"])],
    ['v', `${dice('v', 1000)}::BIGINT - 500`],
    ['ti', `(${dice('ti', 256)} - 128)::TINYINT`],
    ['si', `${pick('si', ['-32768', '0', '7', '32767'])}::SMALLINT`],
    ['ut', `${dice('ut', 256)}::UTINYINT`],
    ['us', `${dice('us', 65_536)}::USMALLINT`],
    ['ui', `${pick('ui', ['0', '3', '4294967295'])}::UINTEGER`],
    ['ub', `${pick('ub', ["'0'", "'18446744073709551615'", "'9007199254740993'"])}::UBIGINT`],
    ['f', `(${dice('f', 64)} / 8)::FLOAT`],
    [
      'd',
      `${pick('d', ["'nan'", "'inf'", "'-inf'", "'0'", "'1e300'", "'0.125'", "'-2.5'"])}::DOUBLE`,
    ],
    ['m', `(${dice('m', 10_000)} / 100)::DECIMAL(10, 2)`],
    ['w', `(${dice('w', 1000)} - 500)::DECIMAL(30, 6) * 1234567890123.5::DECIMAL(14,1)`],
    ['b', `${dice('b', 2)} = 1`],
    ['dt', `DATE '2024-02-25' + ${dice('dt', 9)}`],
    ['tm', `TIME '23:59:50' + to_microseconds(${dice('tm', 20)} * 500_000)`],
    ['ts', `TIMESTAMP '1969-12-31 23:00:00' + to_minutes(${dice('ts', 200)})`],
    ['tz', `TIMESTAMPTZ '2024-03-10 06:30:00+00' + to_minutes(${dice('tz', 90)})`],
    [
      'iv',
      `to_months(${dice('iv', 3)}) + to_days(${dice('iv2', 5)}) + to_seconds(${dice('iv3', 9)})`,
    ],
    ['id', `md5(${dice('id', 6)}::VARCHAR)::UUID`],
    ['bl', pick('bl', ["'\\x00\\xFF'::BLOB", "''::BLOB", "'abcdefghijklmnop'::BLOB"])],
    ['l', pick('l', ['[1, NULL, 3]', '[]', '[1]', `[${dice('l2', 5)}, 4]`])],
    ['lt', pick('lt', ["['a', NULL]", '[]', "['red', 'green']"])],
    ['s', `{'a': ${dice('sa', 3)}, 'b': ${pick('sb', ["'z'", 'NULL', "'red'"])}}`],
    ['mp', pick('mp', ["MAP {'a': 1}", "MAP {'a': NULL, 'b': 2}", 'MAP {}'])],
    ['ls', pick('ls', ["[{'a': 1, 'b': 'x'}]", "[{'a': NULL, 'b': 'y'}, NULL]", '[]'])],
    ['j', `${pick('j', [`'{"a": 1, "b": [true, null]}'`, `'[]'`, `'"text"'`, `'null'`])}::JSON`],
  ];
}

function keyOf(shape: TableShape, file: number, dice: Dice): string {
  const { firstKey, keyCount, skewPercent, fileCount, layout } = shape;
  if (layout === 'clustered') {
    const perFile = keyCount / fileCount;
    // Neighbouring files overlap in one key.
    return `${dice('k', perFile + 1)} + ${firstKey + file * perFile}`;
  }
  const key = `${dice('k', keyCount)} + ${firstKey}`;
  if (skewPercent === 0) return key;
  return `CASE WHEN ${dice('skew', 100)} < ${skewPercent} THEN ${firstKey} ELSE ${key} END`;
}

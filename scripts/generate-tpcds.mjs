// Writes the 24 TPC-DS tables as Parquet, with DuckDB's own generator.
//
//   node scripts/generate-tpcds.mjs --scale 1 --out DIR [--queries DIR]
//
// DIR must not exist; it appears only when it is complete. Each table is one file, below scale 1 in small row groups,
// so that even the sample (scale 0.01) has several splits a table. With --queries, the 99 queries are written as
// q01.sql … q99.sql into a directory that exists.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyOut, generateDirectory, positiveNumber } from './generated-directory.mjs';

/** Large in bytes and small in rows that matter: one row group compresses best. */
const DIMENSIONS = ['date_dim', 'time_dim', 'catalog_page', 'customer_demographics'];

function rowGroupRows(table, scale) {
  return scale >= 1 || DIMENSIONS.includes(table) ? 122_880 : 8_192;
}

async function writeQueries(connection, directory) {
  const queries = await connection.runAndReadAll('SELECT query_nr, query FROM tpcds_queries()');
  for (const [number, sql] of queries.getRows()) {
    const name = `q${String(number).padStart(2, '0')}.sql`;
    writeFileSync(join(directory, name), `${sql.trim()}\n`);
  }
}

async function writeTables(connection, directory, scale) {
  await connection.run(`CALL dsdgen(sf = ${scale})`);
  const tables = await connection.runAndReadAll('SELECT table_name FROM duckdb_tables()');
  for (const [table] of tables.getRows()) {
    const file = join(directory, `${table}.parquet`);
    await copyOut(connection, {
      table,
      file,
      rowGroupRows: rowGroupRows(table, scale),
      isSmallest: scale < 1,
    });
  }
}

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '0.01' },
    out: { type: 'string' },
    queries: { type: 'string' },
  },
});
if (values.out === undefined) {
  throw new Error('usage: generate-tpcds.mjs --scale N --out DIR [--queries DIR]');
}
const scale = positiveNumber(values.scale, 'scale');
await generateDirectory(values.out, 'tpcds', async (connection, directory) => {
  await writeTables(connection, directory, scale);
  if (values.queries !== undefined) await writeQueries(connection, values.queries);
});

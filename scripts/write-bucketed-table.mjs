// Writes a bucketed table: one Parquet file for each bucket of hash(columns), and the file that says so.
//
//   npm run build
//   node scripts/write-bucketed-table.mjs --from 'FILE or GLOB' --columns a,b --buckets N --out DIR [--order-by a,c]
//
// DIR, a folder of a catalog, must not exist; it appears only when it is complete.
import { DuckDBInstance } from '@duckdb/node-api';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { hashFingerprint } from '../dist/services/common/duckdb/hash-fingerprint.js';

const quoteName = (name) => `"${name.replaceAll('"', '""')}"`;
const quoteText = (text) => `'${text.replaceAll("'", "''")}'`;
const listed = (text) => (text === undefined ? [] : text.split(',').map((name) => name.trim()));

function readOptions() {
  const { values } = parseArgs({
    options: {
      from: { type: 'string' },
      columns: { type: 'string' },
      buckets: { type: 'string' },
      out: { type: 'string' },
      'order-by': { type: 'string' },
    },
  });
  const options = {
    from: values.from,
    columns: listed(values.columns),
    buckets: Number(values.buckets),
    out: values.out,
    orderBy: listed(values['order-by']),
  };
  const isWhole = Number.isInteger(options.buckets) && options.buckets > 0;
  if (options.from === undefined || options.out === undefined || !isWhole) return undefined;
  return options.columns.length === 0 ? undefined : options;
}

async function typesOf(connection, { from, columns }) {
  const reader = await connection.runAndReadAll(
    `DESCRIBE SELECT ${columns.map(quoteName).join(', ')} FROM read_parquet(${quoteText(from)})`,
  );
  return reader.getRows().map((row) => String(row[1]));
}

async function writeBuckets(connection, directory, options) {
  const { from, columns, buckets, orderBy } = options;
  const hash = `hash(${columns.map(quoteName).join(', ')})`;
  const order = orderBy.length === 0 ? '' : ` ORDER BY ${orderBy.map(quoteName).join(', ')}`;
  for (let bucket = 0; bucket < buckets; bucket += 1) {
    const rows = `SELECT * FROM read_parquet(${quoteText(from)}) WHERE ${hash} % ${buckets} = ${bucket}`;
    const file = join(directory, `bucket-${String(bucket).padStart(5, '0')}.parquet`);
    await connection.run(`COPY (${rows}${order}) TO ${quoteText(file)} (FORMAT parquet)`);
  }
}

async function writeTable(connection, directory, options) {
  const metadata = {
    version: 1,
    columns: options.columns,
    types: await typesOf(connection, options),
    bucket_count: options.buckets,
    hash_fingerprint: await hashFingerprint(connection),
    files: 'bucket-{bucket}.parquet',
  };
  await writeBuckets(connection, directory, options);
  writeFileSync(
    join(directory, '_skein_bucketing.json'),
    `${JSON.stringify(metadata, undefined, 2)}\n`,
  );
}

const options = readOptions();
if (options === undefined) {
  console.error(
    'usage: write-bucketed-table.mjs --from FILES --columns a,b --buckets N --out DIR [--order-by a,c]',
  );
  process.exit(2);
}
if (existsSync(options.out)) {
  console.error(`${options.out} exists`);
  process.exit(1);
}
// Hidden, so that no catalog takes it for a table.
const unfinished = join(dirname(options.out), `.${basename(options.out)}.unfinished`);
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
try {
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await writeTable(connection, unfinished, options);
  renameSync(unfinished, options.out);
} catch (error) {
  rmSync(unfinished, { recursive: true, force: true });
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  connection.disconnectSync();
  instance.closeSync();
}

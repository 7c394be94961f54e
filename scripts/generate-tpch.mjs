// Writes the eight TPC-H tables as Parquet, with DuckDB's own generator.
//
//   node scripts/generate-tpch.mjs --scale 1 --out DIR [--row-group-rows N]
//
// DIR must not exist; it appears only when it is complete. Below scale 1 each table is one file in small
// row groups, so that even the sample (scale 0.01, examples/data) has several splits a table. From scale 1
// on, lineitem and orders are folders of files, generated piece by piece in bounded memory.
import { DuckDBInstance } from '@duckdb/node-api';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { tpchExtensionPath } from './tpch-extension.mjs';

const PIECEWISE_TABLES = ['lineitem', 'orders'];
const WHOLE_TABLES = ['customer', 'nation', 'part', 'partsupp', 'region', 'supplier'];
const PIECES_PER_SCALE = 4;

/** Rows per row group: DuckDB accepts multiples of 2,048 only; 122,880 is its default. */
function rowGroupRows(table, options) {
  if (options.rowGroupRows !== undefined) return options.rowGroupRows;
  if (options.scale >= 1) return 122_880;
  return table === 'lineitem' ? 8_192 : 2_048;
}

async function copyOut(connection, { table, file, options }) {
  const path = file.replaceAll("'", "''");
  await connection.run(
    `COPY ${table} TO '${path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows(table, options)})`,
  );
}

async function writePieces(connection, directory, options) {
  const pieces = Math.ceil(options.scale * PIECES_PER_SCALE);
  for (const table of PIECEWISE_TABLES) mkdirSync(join(directory, table));
  for (let piece = 0; piece < pieces; piece++) {
    await connection.run(
      `CALL dbgen(sf = ${options.scale}, children = ${pieces}, step = ${piece})`,
    );
    for (const table of PIECEWISE_TABLES) {
      const name = `part-${String(piece).padStart(4, '0')}.parquet`;
      await copyOut(connection, { table, file: join(directory, table, name), options });
      await connection.run(`DELETE FROM ${table}`);
    }
    console.error(`scale ${options.scale}: piece ${piece + 1} of ${pieces}`);
  }
}

async function writeTables(connection, directory, options) {
  const whole = [...WHOLE_TABLES];
  if (options.scale >= 1) {
    await writePieces(connection, directory, options);
  } else {
    await connection.run(`CALL dbgen(sf = ${options.scale})`);
    whole.push(...PIECEWISE_TABLES);
  }
  for (const table of whole) {
    await copyOut(connection, { table, file: join(directory, `${table}.parquet`), options });
  }
}

/** Generates all tables at `options.scale` into the new directory `out`. */
export async function generateTpch(out, options) {
  const target = resolve(out);
  if (existsSync(target)) throw new Error(`${target} exists already`);
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const version = (await connection.runAndReadAll('SELECT version()')).getRows()[0][0];
    const extension = tpchExtensionPath(version).replaceAll("'", "''");
    await connection.run(`LOAD '${extension}'`);
    await writeTables(connection, partial, options);
    renameSync(partial, target);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(partial, { recursive: true, force: true });
  }
}

function positiveNumber(text, name) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} needs a positive number, not ${text}`);
  return value;
}

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '0.01' },
    out: { type: 'string' },
    'row-group-rows': { type: 'string' },
  },
});
if (values.out === undefined) {
  throw new Error('usage: generate-tpch.mjs --scale N --out DIR [--row-group-rows N]');
}
const rows = values['row-group-rows'];
await generateTpch(values.out, {
  scale: positiveNumber(values.scale, 'scale'),
  rowGroupRows: rows === undefined ? undefined : positiveNumber(rows, 'row-group-rows'),
});

// What the generators of benchmark data have in common.
import { DuckDBInstance } from '@duckdb/node-api';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { extensionPath } from './duckdb-extension.mjs';

/**
 * Fills the new directory `out`, which appears only when it is complete: `write(connection, directory)` is
 * called with a connection that has loaded the extension.
 */
export async function generateDirectory(out, extension, write) {
  const target = resolve(out);
  if (existsSync(target)) throw new Error(`${target} exists already`);
  const partial = `${target}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const version = (await connection.runAndReadAll('SELECT version()')).getRows()[0][0];
    await connection.run(`LOAD ${quoted(extensionPath(extension, version))}`);
    await write(connection, partial);
    renameSync(partial, target);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * Row groups have multiples of 2,048 rows; DuckDB's default is 122,880. `isSmallest` takes longer to write, for
 * files that are kept in the repository.
 */
export async function copyOut(connection, { table, file, rowGroupRows, isSmallest = false }) {
  const format = isSmallest ? ', COMPRESSION_LEVEL 19, PARQUET_VERSION v2' : '';
  await connection.run(
    `COPY ${table} TO ${quoted(file)} (FORMAT parquet, COMPRESSION zstd${format}, ROW_GROUP_SIZE ${rowGroupRows})`,
  );
}

function quoted(text) {
  return `'${text.replaceAll("'", "''")}'`;
}

export function positiveNumber(text, name) {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} needs a positive number, not ${text}`);
  return value;
}

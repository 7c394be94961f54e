// Writes the eight TPC-H tables as Parquet, with DuckDB's own generator.
//
//   node scripts/generate-tpch.mjs --scale 1 --out DIR [--row-group-rows N]
//
// DIR must not exist; it appears only when it is complete. Below scale 1 each table is one file in small
// row groups, so that even the sample (scale 0.01, examples/data) has several splits a table. From scale 1
// on, lineitem and orders are folders of files, generated piece by piece in bounded memory.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyOut, generateDirectory, positiveNumber } from './generated-directory.mjs';

const PIECEWISE_TABLES = ['lineitem', 'orders'];
const WHOLE_TABLES = ['customer', 'nation', 'part', 'partsupp', 'region', 'supplier'];
const PIECES_PER_SCALE = 4;

/** Rows per row group: DuckDB accepts multiples of 2,048 only; 122,880 is its default. */
function rowGroupRows(table, options) {
  if (options.rowGroupRows !== undefined) return options.rowGroupRows;
  if (options.scale >= 1) return 122_880;
  return table === 'lineitem' ? 8_192 : 2_048;
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
      await copyOut(connection, {
        table,
        file: join(directory, table, name),
        rowGroupRows: rowGroupRows(table, options),
      });
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
    await copyOut(connection, {
      table,
      file: join(directory, `${table}.parquet`),
      rowGroupRows: rowGroupRows(table, options),
    });
  }
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
const options = {
  scale: positiveNumber(values.scale, 'scale'),
  rowGroupRows: rows === undefined ? undefined : positiveNumber(rows, 'row-group-rows'),
};
await generateDirectory(values.out, 'tpch', async (connection, directory) => {
  await writeTables(connection, directory, options);
});

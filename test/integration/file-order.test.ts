/** Answers that follow the order of (file, row number), over tables of many files and row groups. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const FILES = 6;
const ROWS = 512;
/** Rows that come as they may are in another order in every second run. */
const RUNS = 10;

let directory: string;
let cluster: Cluster;
let client: SkeinClient;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-order-'));
  using duckdb = await PlainDuckDB.open();
  for (const [table, format] of [
    ['orders', 'parquet'],
    ['cust', 'parquet'],
    ['lines', 'csv'],
  ] as const) {
    await mkdir(join(directory, table));
    const options = format === 'parquet' ? 'FORMAT parquet, ROW_GROUP_SIZE 128' : 'HEADER';
    for (let file = 0; file < FILES; file += 1) {
      const rows = `SELECT range + ${file * ROWS} AS id FROM range(${ROWS})`;
      const path = join(directory, table, `p${file}.${format}`);
      await duckdb.run(`COPY (${rows}) TO '${path}' (${options})`);
    }
  }
  cluster = await startServe({ workers: 2, catalog: directory });
  client = new SkeinClient(cluster.address);
});

afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  await rm(directory, { recursive: true });
});

/** Each row has its own number as its id: those that meet another are out of order. */
describe('rows in the order of the files', () => {
  it.each([
    ['always', 'orders o POSITIONAL JOIN cust c'],
    ['never', 'orders o POSITIONAL JOIN cust c'],
    ['always', 'lines o POSITIONAL JOIN cust c'],
    ['always', '(FROM orders WHERE id % 3 >= 0) o POSITIONAL JOIN cust c'],
    [
      'never',
      `(SELECT id, row_number() OVER () AS n FROM orders) o
         JOIN (SELECT id, row_number() OVER () AS n FROM cust) c USING (n)`,
    ],
  ])('are DuckDB’s own in every run, distribution %s: %s', async (distribution, tables) => {
    const sql = `SELECT o.id, c.id FROM ${tables} WHERE o.id IS DISTINCT FROM c.id`;
    for (let run = 0; run < RUNS; run += 1) {
      expect((await client.run(sql, { distribution })).rows).toEqual([]);
    }
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer } from '../../bench/tpch/answer.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

let directory: string;
let duckdb: PlainDuckDB;
let cluster: Cluster;
let client: SkeinClient;

/** Nine rows of ten have the same key. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-skew-'));
  duckdb = await PlainDuckDB.open(directory);
  const copy = (rows: string, table: string) =>
    duckdb.run(`COPY (${rows}) TO '${join(directory, table)}.parquet' (ROW_GROUP_SIZE 20480)`);
  await copy(
    `SELECT CASE WHEN i % 10 < 9 THEN 1 ELSE i END AS k, (i * 7919) % 500009 AS v,
       'row ' || i || ' of many' AS s
     FROM range(600000) t(i)`,
    'facts',
  );
  await copy(`SELECT i AS k, 'name ' || i AS n FROM range(600000) t(i)`, 'names');
  duckdb[Symbol.dispose]();
  duckdb = await PlainDuckDB.open(directory);
  cluster = await startServe({
    workers: 2,
    catalog: directory,
    environment: { SKEIN_WORKER_MEMORY_LIMIT: '128MiB' },
  });
  client = new SkeinClient(cluster.address);
});

afterAll(async () => {
  client[Symbol.dispose]();
  duckdb[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true, force: true });
});

/** By hash: one task gets nine rows of ten. */
const DEALT_BY_KEY = {
  distribution: 'always',
  broadcast_threshold: '0B',
  colocated_execution: 'off',
};

describe('a key that most rows have', () => {
  it.each([
    'SELECT count(*), sum(v), max(n), max(s) FROM facts JOIN names USING (k)',
    'SELECT k, count(DISTINCT v), max(s) FROM facts GROUP BY k',
    'SELECT sum(r * v) FROM (SELECT v, row_number() OVER (PARTITION BY k ORDER BY v, s) r FROM facts)',
    "SELECT count(*) FROM facts WHERE k NOT IN (SELECT k FROM names WHERE n LIKE '%9%')",
  ])('does not overload the task that gets it: %s', async (sql) => {
    const { queryId, arrowIpc } = await client.runToArrow(sql, DEALT_BY_KEY);
    const difference = answerDifference(readArrowAnswer(arrowIpc), await duckdb.answer(sql), sql);
    expect(difference).toBeUndefined();
    const { progress } = await client.get(queryId);
    expect(progress?.exchangeBytes).toBeGreaterThan(600_000n);
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer } from '../../bench/tpch/answer.ts';
import type { StageProgress } from '../../proto/gen/skein/v1/query.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { type Properties, SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

let directory: string;
let duckdb: PlainDuckDB;
let cluster: Cluster;
let client: SkeinClient;

/** Events by day, as they came in; days and items that have a name; some of both are NULL. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-filters-'));
  duckdb = await PlainDuckDB.open(directory);
  const copy = (rows: string, table: string) =>
    duckdb.run(`COPY (${rows}) TO '${join(directory, table)}.parquet' (ROW_GROUP_SIZE 4096)`);
  await copy(
    `SELECT i AS id, DATE '2024-01-01' + (i // 1000)::INTEGER AS day,
       CASE WHEN i % 13 <> 5 THEN (i * 7919) % 20000 END AS item, i % 97 AS amount,
       'code ' || (i % 3000) AS code
     FROM range(60000) t(i)`,
    'events',
  );
  await copy(
    `SELECT DATE '2024-01-01' + i::INTEGER AS day, 'week ' || (i // 7) AS week FROM range(90) t(i)`,
    'days',
  );
  await copy(
    `SELECT CASE WHEN i % 50 <> 7 THEN i END AS item, 'code ' || i AS code, i % 40 AS kind
     FROM range(4000) t(i)`,
    'items',
  );
  duckdb[Symbol.dispose]();
  duckdb = await PlainDuckDB.open(directory);
  cluster = await startServe({ workers: 2, catalog: directory });
  client = new SkeinClient(cluster.address);
});

afterAll(async () => {
  client[Symbol.dispose]();
  duckdb[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true, force: true });
});

/** Small and clustered as the tables are, they would be read without exchange. */
const EXCHANGES = {
  distribution: 'always',
  colocated_execution: 'off',
  replicated_scans: 'off',
};

interface Cost {
  readonly splits: number;
  readonly inputRows: bigint;
  readonly inputBytes: bigint;
  readonly exchangeBytes: bigint;
  readonly prunedRows: bigint;
  readonly prunedBytes: bigint;
  readonly filteredRows: bigint;
}

/** Runs the query, compares its answer with plain DuckDB's, and tells what it cost. */
async function costOf(sql: string, properties: Properties): Promise<Cost> {
  const session = { ...EXCHANGES, dynamic_filter_wait: '30s', ...properties };
  const { queryId, arrowIpc } = await client.runToArrow(sql, session);
  const difference = answerDifference(readArrowAnswer(arrowIpc), await duckdb.answer(sql), sql);
  expect(difference, sql).toBeUndefined();
  const { progress } = await client.get(queryId);
  if (progress === undefined) throw new Error('an ended query has its progress');
  const sum = (of: (stage: StageProgress) => bigint): bigint =>
    progress.stages.reduce((total, stage) => total + of(stage), 0n);
  return {
    splits: progress.totalSplits,
    inputRows: progress.inputRows,
    inputBytes: progress.inputBytes,
    exchangeBytes: progress.exchangeBytes,
    prunedRows: sum((stage) => stage.prunedRows),
    prunedBytes: sum((stage) => stage.prunedBytes),
    filteredRows: sum((stage) => stage.filteredRows),
  };
}

const WEEK = `SELECT count(*), sum(amount) FROM events JOIN days ON events.day = days.day`;
const PARTITIONED = { broadcast_threshold: '0B' };

describe('dynamic filtering', () => {
  it('keeps row groups of other days from being read: splits, rows and bytes fall', async () => {
    const sql = `${WEEK} WHERE week = 'week 3'`;
    const without = await costOf(sql, { dynamic_filtering: 'off' });
    const withFilters = await costOf(sql, {});
    expect(without.prunedRows).toBe(0n);
    expect(withFilters.prunedRows).toBeGreaterThan(30_000n);
    expect(withFilters.splits).toBeLessThan(without.splits);
    expect(withFilters.inputRows + withFilters.prunedRows).toBe(without.inputRows);
    expect(withFilters.inputBytes + withFilters.prunedBytes).toBe(without.inputBytes);
  });

  it('reads nothing of the probe side when the build side is empty', async () => {
    const sql = `${WEEK} WHERE week LIKE '%month%'`;
    const { prunedRows, inputRows } = await costOf(sql, {});
    expect(prunedRows).toBe(60_000n);
    expect(inputRows).toBeLessThanOrEqual(90n);
  });

  it('keeps rows from being sent to a partitioned join: exchanged bytes fall', async () => {
    const sql = `SELECT kind, count(*), sum(amount) FROM events JOIN items USING (item)
      WHERE kind = 3 GROUP BY kind`;
    const without = await costOf(sql, { ...PARTITIONED, dynamic_filtering: 'off' });
    const withFilters = await costOf(sql, PARTITIONED);
    expect(without.filteredRows).toBe(0n);
    expect(withFilters.filteredRows).toBeGreaterThan(5_000n);
    expect(withFilters.exchangeBytes * 4n).toBeLessThan(without.exchangeBytes);
  });

  it.each([
    PARTITIONED,
    { broadcast_threshold: '1GiB', colocated_execution: 'on' },
    { dynamic_filter_wait: '0ms' },
  ])('changes no answer: %o', async (properties) => {
    const few = 'SELECT item, code, kind FROM items WHERE kind < 3';
    const queries = [
      `SELECT count(*), sum(amount) FROM events JOIN (${few}) i USING (code)`,
      `SELECT count(*), sum(amount) FROM events e JOIN (${few}) i ON e.item IS NOT DISTINCT FROM i.item`,
      `SELECT count(*), count(kind) FROM events LEFT JOIN (${few}) i USING (item)`,
      `SELECT count(*), count(amount) FROM events RIGHT JOIN (${few}) i USING (item)`,
      `SELECT count(*), count(amount), count(kind) FROM events FULL JOIN (${few}) i USING (item)`,
      `SELECT count(*) FROM events WHERE item IN (SELECT item FROM (${few}))`,
      `SELECT count(*) FROM events WHERE item NOT IN (SELECT item FROM (${few}))`,
      `SELECT count(*) FROM events WHERE item NOT IN (SELECT item FROM (${few}) WHERE item IS NOT NULL)`,
      `SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM (${few}) i WHERE i.item = e.item)`,
      `SELECT count(*) FROM (${few}) i WHERE EXISTS (SELECT 1 FROM events e WHERE e.item = i.item)`,
      `SELECT i.kind, s FROM (SELECT item, sum(amount) s FROM events GROUP BY item) e
           JOIN (SELECT item, kind FROM items WHERE kind = 1) i USING (item) ORDER BY kind, s`,
      `SELECT count(*), sum(n) FROM (SELECT item, row_number() OVER (PARTITION BY item ORDER BY id) n
           FROM events) e JOIN (${few}) i USING (item)`,
      `SELECT count(*), sum(amount) FROM events e JOIN (${few}) i USING (item)
           JOIN days d ON d.day = e.day WHERE week = 'week 2'`,
      `SELECT count(*) FROM (SELECT item FROM events UNION ALL SELECT id FROM events) u
           JOIN (${few}) i USING (item)`,
      `WITH e AS MATERIALIZED (SELECT * FROM events WHERE amount > 3)
           SELECT (SELECT count(*) FROM e JOIN (${few}) i USING (item)), (SELECT count(*) FROM e)`,
      `SELECT sum((SELECT count(*) FROM events e WHERE e.item = i.item)) FROM (${few}) i`,
    ];
    for (const sql of queries) await costOf(sql, properties);
  });

  it('is shown by EXPLAIN', async () => {
    const sql = `EXPLAIN SELECT count(*) FROM events JOIN items USING (item) WHERE kind = 3`;
    const { rows } = await client.run(sql, { ...EXCHANGES, ...PARTITIONED });
    const text = rows.flat().join('\n');
    expect(text).toMatch(
      /dynamic filter 0: collected from c0 \(bounds, values, bloom of \d+ bits\)/,
    );
    expect(text).toMatch(/dynamic filter 0: on scan_\d+\.item, awaited, tests rows/);
  });

  it('leaves small queries alone', async () => {
    const sql = `EXPLAIN SELECT count(*) FROM events JOIN items USING (item) WHERE kind = 3`;
    const { rows } = await client.run(sql, { distribution: 'never' });
    expect(rows.flat().join('\n')).not.toContain('dynamic filter');
  });
});

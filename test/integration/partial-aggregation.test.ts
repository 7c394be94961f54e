/** Partial aggregation over a real cluster: given up by the tasks in which it leaves nearly all rows, and only there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer } from '../../bench/tpch/answer.ts';
import type { Analysis, StageAnalysis } from '../../services/coordinator/explain/analysis.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { type Properties, SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const ROWS = 60_000;

let directory: string;
let duckdb: PlainDuckDB;
let cluster: Cluster;
let client: SkeinClient;

/** Each pair of `a` and `b` comes once or twice, each `few` often; some values are NULL. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-partial-'));
  duckdb = await PlainDuckDB.open(directory);
  await duckdb.run(
    `COPY (SELECT (i * 7919) % 59000 AS a, CASE WHEN i % 11 <> 3 THEN i % 59000 END AS b, i % 40 AS few,
       CASE WHEN i % 7 <> 2 THEN (i % 1000)::DECIMAL(10, 2) END AS amount
     FROM range(${ROWS}) t(i)) TO '${join(directory, 'facts')}.parquet' (ROW_GROUP_SIZE 2048)`,
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

/** Many splits, so that a task has several batches of them. */
const SMALL_SPLITS = {
  distribution: 'always',
  colocated_execution: 'off',
  replicated_scans: 'off',
  task_concurrency: '1',
  split_target_bytes: '1',
  partial_aggregation_min_rows: '2000',
};

/** The stage that scans, after the answer has been compared with plain DuckDB's. */
async function scanStage(sql: string, changes: Properties = {}): Promise<StageAnalysis> {
  const properties = { ...SMALL_SPLITS, ...changes };
  const { arrowIpc } = await client.runToArrow(sql, properties);
  const difference = answerDifference(readArrowAnswer(arrowIpc), await duckdb.answer(sql), sql);
  expect(difference, sql).toBeUndefined();
  const { rows } = await client.run(`EXPLAIN (ANALYZE, FORMAT json) ${sql}`, properties);
  const { stages } = JSON.parse(rows[0]?.[1] ?? '') as Analysis;
  const [stage] = stages;
  if (stage === undefined) throw new Error('a query has a stage');
  expect(stage).toMatchObject({ partitioning: 'source', scanned_rows: ROWS });
  return stage;
}

const GROUPS =
  'SELECT a, b, sum(amount) AS s, avg(amount) AS m, count(*) AS n, count(b) AS p FROM facts GROUP BY a, b';
const UNIQUE = `SELECT count(*), sum(a * s), sum(b * s), sum(a * m), sum(a * n), sum(b * p), max(n) FROM (${GROUPS})`;

describe('partial aggregation', () => {
  it('stops in tasks where it leaves nearly every row', async () => {
    const { tasks, unaggregated_rows, output_rows } = await scanStage(UNIQUE);
    expect(tasks.map((task) => task.unaggregated_rows > 0)).toEqual([true, true]);
    // The first batch of a task is counted; of 30 splits it is one.
    expect(unaggregated_rows).toBeGreaterThanOrEqual(ROWS - 2 * 2048);
    expect(output_rows).toBeLessThanOrEqual(ROWS);
    expect(output_rows).toBeGreaterThanOrEqual(unaggregated_rows);
  });

  it('stops for DISTINCT too', async () => {
    const { unaggregated_rows } = await scanStage(
      'SELECT count(*), sum(a * b) FROM (SELECT DISTINCT a, b FROM facts)',
    );
    expect(unaggregated_rows).toBeGreaterThan(0);
  });

  it('goes on where it leaves few rows', async () => {
    const { unaggregated_rows, output_rows, tasks } = await scanStage(
      'SELECT few, sum(amount), count(*) FROM facts GROUP BY few',
    );
    expect(unaggregated_rows).toBe(0);
    // At most every group of every statement.
    expect(output_rows).toBeLessThanOrEqual(40 * 30);
    expect(tasks).toHaveLength(2);
  });

  it('goes on before it has seen enough rows', async () => {
    const late = await scanStage(UNIQUE, { partial_aggregation_min_rows: '1000000' });
    expect(late.unaggregated_rows).toBe(0);
  });

  it('is done always or never on demand: fewer bytes are exchanged for as many rows', async () => {
    const always = await scanStage(UNIQUE, { partial_aggregation: 'always' });
    const never = await scanStage(UNIQUE, { partial_aggregation: 'never' });
    expect(always).toMatchObject({ unaggregated_rows: 0 });
    expect(never).toMatchObject({ unaggregated_rows: 0, output_rows: ROWS });
    expect(never.output_bytes).toBeLessThan(always.output_bytes);
  });

  it('says in EXPLAIN ANALYZE in how many tasks it has stopped', async () => {
    const { rows } = await client.run(`EXPLAIN ANALYZE ${UNIQUE}`, SMALL_SPLITS);
    const text = rows.map(([, value]) => value).join('\n');
    expect(text).toMatch(/partial aggregation: stopped in 2 tasks, [\d,]+ rows passed on/);
  });
});

/** A quarter of TPC-DS on a cluster; `npm run test:tpcds` runs all of it, at any scale. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differenceFromOracle } from '../../bench/tpcds/answer-match.ts';
import { readArrowAnswer } from '../../bench/tpch/answer.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const DIRECTORY = join(import.meta.dirname, '..', 'sql', 'tpcds');
const DATA = join(DIRECTORY, 'data');

/** Those that have rows at this scale and, together, every operator of the 99. */
const QUERIES: readonly (readonly [name: string, operators: string])[] = [
  ['q02', 'a CTE read twice, UNION ALL'],
  ['q05', 'ROLLUP over UNION ALL'],
  ['q09', 'scalar subqueries in CASE'],
  ['q12', 'a window over an aggregate'],
  ['q14', 'INTERSECT, ROLLUP, shared CTEs, a scalar subquery'],
  ['q16', 'EXISTS and NOT EXISTS, count(DISTINCT) without groups'],
  ['q22', 'ROLLUP with avg'],
  ['q27', 'GROUPING'],
  ['q28', 'DISTINCT aggregates side by side'],
  ['q32', 'a correlated subquery'],
  ['q35', 'EXISTS under OR: mark joins'],
  ['q36', 'rank within the levels of a ROLLUP'],
  ['q38', 'INTERSECT of three'],
  ['q45', 'IN under OR'],
  ['q47', 'windows joined with themselves'],
  ['q51', 'running sums, FULL JOIN'],
  ['q59', 'week over week'],
  ['q67', 'rank over ROLLUP'],
  ['q70', 'a ranked subquery inside IN'],
  ['q72', 'LEFT JOIN, non-equi conditions'],
  ['q75', 'UNION, LEFT JOINs'],
  ['q77', 'LEFT JOIN of aggregates, a cross join'],
  ['q78', 'LEFT JOIN … IS NULL'],
  ['q87', 'EXCEPT'],
  ['q88', 'a cross product of counts'],
  ['q95', 'IN over a CTE that joins itself'],
  ['q97', 'FULL JOIN of aggregates'],
];

let cluster: Cluster;
let client: SkeinClient;
let duckdb: PlainDuckDB;

beforeAll(async () => {
  duckdb = await PlainDuckDB.open(DATA);
  // No test of failures: a worker that is slow to answer on a busy machine is not lost.
  const environment = { SKEIN_HEARTBEAT_TIMEOUT: '30s' };
  cluster = await startServe({ workers: 2, catalog: DATA, environment });
  client = new SkeinClient(cluster.address);
});

afterAll(async () => {
  duckdb[Symbol.dispose]();
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

describe('TPC-DS on 2 workers', () => {
  it.each(QUERIES)('%s: %s', async (name) => {
    const sql = readFileSync(join(DIRECTORY, `${name}.sql`), 'utf8');
    const { queryId, arrowIpc } = await client.runToArrow(sql, { distribution: 'always' });
    const answer = readArrowAnswer(arrowIpc);
    expect(answer.rows.length).toBeGreaterThan(0);
    expect(await differenceFromOracle(duckdb, sql, answer)).toBeUndefined();
    const { rung, rungReason } = await client.get(queryId);
    expect({ rung, rungReason }).toMatchObject({ rung: 'distributed' });
  });
});

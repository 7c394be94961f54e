/** Partial aggregates in their forms: whichever of them the statements of a task take, the answer is DuckDB's. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGGREGATE_METHODS } from '../../../services/planner/distribution/aggregate-table.ts';
import type { PartialForm } from '../../support/local-execution.ts';
import { writeNullTables } from '../../support/null-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

/** Small as the tables are, they would be read without exchange. */
const EXCHANGES = { colocated_execution: 'off', replicated_scans: 'off' };
const FORMS: readonly PartialForm[] = ['rowwise', 'mixed'];

/** Arguments by the name of the aggregate; `v` is BIGINT, `x` DOUBLE, `m` DECIMAL, `b` BOOLEAN, all with NULLs. */
const ARGUMENTS: readonly (readonly [names: string, args: readonly string[]])[] = [
  ['count_star', ['']],
  ['count', ['v', 'g']],
  ['sum', ['v', 'm', 'x', 'k::HUGEINT', 'k::TINYINT', 'b']],
  ['avg mean', ['v', 'm', 'x', 'k']],
  ['min max', ['v', 'm', 'g', 'd', 'l']],
  // Of values that are the same in all rows of a group: which one it is, is free.
  ['any_value', ['k', '[k]']],
  ['bool_and bool_or', ['b']],
  ['bit_and bit_or bit_xor', ['v', 'k::UTINYINT']],
  ['count_if countif', ['b', 'v > 0']],
  ['product fsum kahan_sum sumkahan', ['x / 100']],
  ['regr_count', ['x, v']],
  [
    'arg_max argmax max_by arg_max_null arg_min argmin min_by arg_min_null',
    ['v::VARCHAR, v', 'nullif(v // 2, 7), v'],
  ],
];

/** What has no state of one row in SQL, or is never called by its name. */
const WITHOUT = new Set(['bitstring_agg', 'sum_no_overflow']);

const CALLS = ARGUMENTS.flatMap(([names, args]) =>
  names.split(' ').flatMap((name) => args.map((arg) => ({ name, arg }))),
);

let directory: string;
let oracle: PlannerOracle;

beforeAll(async () => {
  directory = await writeNullTables();
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

/** Whether its scans have the other forms, and how the answers of each form differ from DuckDB's. */
async function compareForms(sql: string): Promise<{ hasForms: boolean; differences: string[] }> {
  const differences: string[] = [];
  let hasForms = false;
  for (const partialForm of FORMS) {
    const { plan, difference } = await oracle.compare(sql, {
      taskCount: 2,
      partialForm,
      properties: EXCHANGES,
    });
    hasForms = plan.fragments.some(({ partialAggregation }) => partialAggregation !== undefined);
    if (difference !== undefined) differences.push(`${partialForm}: ${difference}`);
  }
  return { hasForms, differences };
}

describe('partial aggregates row by row', () => {
  it('are those of all aggregates that are computed from parts', () => {
    const parted = [...AGGREGATE_METHODS].filter(([, method]) => method === 're-aggregate');
    const names = parted.map(([name]) => name).filter((name) => !WITHOUT.has(name));
    expect(new Set(CALLS.map(({ name }) => name))).toEqual(new Set(names));
  });

  it.each(CALLS)('$name($arg) equals DuckDB', async ({ name, arg }) => {
    const call = name === 'count_star' ? 'count(*)' : `${name}(${arg})`;
    const sql = `SELECT k, d, ${call}, ${call} FILTER (WHERE v > 0), ${call} FILTER (WHERE m < 0)
      FROM n1 GROUP BY k, d`;
    expect(await compareForms(sql)).toEqual({ hasForms: true, differences: [] });
  });

  it.each([
    'SELECT DISTINCT k, g FROM n1',
    'SELECT max(k), count(DISTINCT k), sum(DISTINCT k), count(v) FROM n1',
    'SELECT l, s, count(*) FROM n1 GROUP BY l, s',
    'SELECT sum(v), count(*) FROM n1 GROUP BY row(k, g)',
    'SELECT k + 1 AS a, upper(g) AS b, avg(m), count(*) FROM n1 WHERE v < 300 GROUP BY ALL HAVING count(*) > 1',
    'SELECT n1.k, n2.g, sum(n1.v), max(n2.x) FROM n1 JOIN n2 ON n1.k = n2.k GROUP BY ALL',
    'SELECT k, sum(v) FROM n1 WHERE v + 1 > 10000 GROUP BY k',
    'SELECT k, sum(v), sum(x) FROM (SELECT k, v, x FROM n1 UNION ALL SELECT k, v, m FROM n2) GROUP BY k',
    'SELECT k, g FROM n1 UNION SELECT k, g FROM n2',
  ])('equal DuckDB in %s', async (sql) => {
    expect(await compareForms(sql)).toEqual({ hasForms: true, differences: [] });
  });

  it.each([
    ['a state of DuckDB', 'SELECT k, stddev(v), count(*) FROM n1 GROUP BY k'],
    ['several sets of groups', 'SELECT k, g, sum(v) FROM n1 GROUP BY ROLLUP (k, g)'],
    ['one group', 'SELECT sum(v) FROM n1'],
    ['rows that are gathered', 'SELECT k, median(v) FROM n1 GROUP BY k'],
    ['few groups of many rows', 'SELECT n1.b, count(*) FROM n1, n2 GROUP BY n1.b'],
  ])('are not made of %s', async (_what, sql) => {
    expect(await compareForms(sql)).toEqual({ hasForms: false, differences: [] });
  });

  it('are left out by session property', async () => {
    const sql = 'SELECT k, d, sum(v) FROM n1 GROUP BY k, d';
    const planned = async (partial_aggregation: string) =>
      await oracle.plan(sql, { taskCount: 2, properties: { ...EXCHANGES, partial_aggregation } });
    const always = await planned('always');
    expect(always.fragments[0]).not.toHaveProperty('partialAggregation');
    expect(always.fragments[0]?.sql).toMatch(/GROUP BY/);
    const never = await planned('never');
    expect(never.fragments).toHaveLength(2);
    expect(never.fragments[0]?.sql).not.toMatch(/GROUP BY/);
    const { difference } = await oracle.compare(sql, {
      taskCount: 2,
      properties: { ...EXCHANGES, partial_aggregation: 'never' },
    });
    expect(difference).toBeUndefined();
  });
});

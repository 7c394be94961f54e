import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { QueryState } from '../../proto/gen/skein/v1/query.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const ALWAYS = { distribution: 'always' };

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({ workers: 2 });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  expect(cluster.log()).not.toContain('process ended');
});
afterEach(async () => {
  const count = 'SELECT count(*) FROM lineitem WHERE l_quantity > 0';
  expect((await client.run(count, ALWAYS)).rows).toEqual([['60175']]);
});

const BIG = '170141183460469231731687303715884105727::HUGEINT';
const LOWEST = "('-9223372036854775808'::BIGINT + l_orderkey - l_orderkey)";

/** Where in the plan the error strikes, which error, the statement. */
const ERRORS: readonly (readonly [string, string, string])[] = [
  ['a leaf', 'CONVERSION_ERROR', 'SELECT CAST(l_comment AS INTEGER) FROM lineitem'],
  ['a leaf', 'CONVERSION_ERROR', 'SELECT CAST(l_comment AS DATE) FROM lineitem'],
  ['a leaf', 'CONVERSION_ERROR', 'SELECT l_orderkey::TINYINT FROM lineitem'],
  ['a leaf', 'OUT_OF_RANGE', `SELECT l_orderkey + ${BIG} FROM lineitem`],
  ['a leaf', 'OUT_OF_RANGE', `SELECT ${LOWEST} // -1 FROM lineitem`],
  ['a leaf', 'OUT_OF_RANGE', `SELECT -${LOWEST} FROM lineitem`],
  [
    'a leaf',
    'INVALID_INPUT',
    `SELECT error('struck') FROM lineitem WHERE l_orderkey > 30000 AND l_linenumber = 7`,
  ],
  [
    'a filter of a leaf',
    'CONVERSION_ERROR',
    'SELECT count(*) FROM lineitem WHERE l_comment::INTEGER > 0',
  ],
  [
    'a partial aggregate',
    'CONVERSION_ERROR',
    'SELECT l_returnflag, sum(l_comment::INTEGER) FROM lineitem GROUP BY 1',
  ],
  [
    'a join',
    'CONVERSION_ERROR',
    'SELECT CAST(o_comment || l_comment AS INTEGER) FROM orders JOIN lineitem ON o_orderkey = l_orderkey',
  ],
  [
    'the condition of a join',
    'CONVERSION_ERROR',
    `SELECT count(*) FROM orders JOIN lineitem ON o_orderkey = l_orderkey AND (o_comment || l_comment)::INTEGER > 0`,
  ],
  [
    'an outer join of two stages',
    'CONVERSION_ERROR',
    `SELECT a.k, CAST(coalesce(b.c, 'none') AS INTEGER) FROM (SELECT DISTINCT l_suppkey k FROM lineitem) a
       FULL JOIN (SELECT o_custkey k, min(o_comment) c FROM orders GROUP BY 1) b ON a.k = b.k`,
  ],
  [
    'a final aggregate',
    'CONVERSION_ERROR',
    'SELECT CAST(min(l_comment) AS INTEGER) FROM lineitem GROUP BY l_returnflag',
  ],
  ['a final aggregate', 'OUT_OF_RANGE', `SELECT sum(${BIG} - l_orderkey) FROM lineitem`],
  [
    'a final aggregate',
    'CONVERSION_ERROR',
    'SELECT sum(l_orderkey)::TINYINT FROM lineitem GROUP BY l_linenumber',
  ],
  [
    'a HAVING',
    'CONVERSION_ERROR',
    `SELECT l_suppkey FROM lineitem GROUP BY 1 HAVING max(l_comment)::INTEGER > 0`,
  ],
  [
    'a window',
    'CONVERSION_ERROR',
    'SELECT CAST(lag(l_comment) OVER (PARTITION BY l_suppkey ORDER BY l_orderkey) AS INTEGER) FROM lineitem',
  ],
  [
    'the last sort',
    'CONVERSION_ERROR',
    'SELECT l_orderkey FROM lineitem ORDER BY (l_comment || l_shipmode)::INTEGER',
  ],
  [
    'behind a limit',
    'CONVERSION_ERROR',
    'SELECT c::INTEGER FROM (SELECT l_comment c FROM lineitem ORDER BY 1 LIMIT 10)',
  ],
  [
    'a distinct',
    'CONVERSION_ERROR',
    'SELECT c::INTEGER FROM (SELECT DISTINCT l_comment c FROM lineitem)',
  ],
  [
    'a set operation',
    'CONVERSION_ERROR',
    'SELECT c::INTEGER FROM (SELECT l_comment c FROM lineitem EXCEPT SELECT p_comment FROM part)',
  ],
  [
    'a scalar subquery',
    'INVALID_INPUT',
    'SELECT (SELECT l_comment FROM lineitem WHERE l_orderkey = o_orderkey) FROM orders',
  ],
];

describe('an error while running', () => {
  it.each(ERRORS)('in %s is %s: %s', async (_stage, code, sql) => {
    const { queryId } = await client.submit(sql, ALWAYS);
    await expect(client.readAll(queryId)).rejects.toMatchObject({ code });
    const { state, error, rung } = await client.get(queryId);
    expect({ state, rung }).toEqual({
      state: QueryState.QUERY_STATE_FAILED,
      rung: 'distributed',
    });
    expect(error?.code).toBe(code);
    await eventually(async () => {
      const busy = (await client.nodes()).filter(({ runningTasks }) => runningTasks > 0);
      return busy.length === 0 ? true : undefined;
    }, 'no worker has a task of it');
  });

  it.each(['auto', 'never'])('is the same with distribution=%s', async (distribution) => {
    for (const [, code, sql] of ERRORS.slice(0, 9)) {
      const { queryId } = await client.submit(sql, { distribution });
      await expect(client.readAll(queryId), sql).rejects.toMatchObject({ code });
    }
  });

  it.each([20, 60])('never lets a result end that it struck after %i MB', async (megabytes) => {
    const rows = Math.round((megabytes * 1_000_000) / 2_700);
    // Only the last row of the table is bad, so that much of the result has left by then.
    const sql = `SELECT CASE WHEN l_orderkey = 60000 AND l_linenumber = 6 THEN error('struck')
        ELSE repeat(l_comment, 100) END AS c FROM lineitem WHERE l_orderkey > ${60_000 - rows}`;
    const { queryId } = await client.submit(sql, { ...ALWAYS, split_target_bytes: '1MiB' });
    let bytes = 0;
    let isComplete = false;
    const reading = (async () => {
      for await (const part of client.fetch(queryId)) {
        bytes += part.arrowIpc.length;
        isComplete ||= part.complete;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(isComplete).toBe(false);
    expect(bytes).toBeGreaterThan(0);
  });

  it('is OUT_OF_MEMORY for the task that needs more than its limit', async () => {
    const sql = `SELECT l_returnflag, list(repeat(l_comment, 60)) FROM lineitem GROUP BY 1`;
    const { queryId } = await client.submit(sql, { ...ALWAYS, query_max_memory_per_task: '40MiB' });
    await expect(client.readAll(queryId)).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
  });
});

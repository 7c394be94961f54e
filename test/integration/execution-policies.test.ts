/** TPC-H under every execution policy and discipline that needs no spool, and placed by location, on real processes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer } from '../../bench/tpch/answer.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';
import { TPCH_QUERIES } from '../support/tpch-queries.ts';

const VARIANTS: readonly Readonly<Record<string, string>>[] = [
  { execution_policy: 'phased' },
  { execution_policy: 'all-at-once' },
  { execution_policy: 'legacy-phased' },
  { split_placement: 'topology', split_affinity: 'file' },
  { scheduling: 'stage-barrier' },
  { scheduling: 'regions' },
  { retry_policy: 'query' },
];
let cluster: Cluster;
let client: SkeinClient;

beforeAll(async () => {
  cluster = await startServe({ workers: 2 });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

describe('execution policies', () => {
  it.each(TPCH_QUERIES)('all answer $name rightly', async ({ sql }) => {
    using duckdb = await PlainDuckDB.open();
    const expected = await duckdb.answer(sql);
    for (const variant of VARIANTS) {
      const { arrowIpc } = await client.runToArrow(sql, { distribution: 'always', ...variant });
      const difference = answerDifference(readArrowAnswer(arrowIpc), expected, sql);
      expect(difference, JSON.stringify(variant)).toBeUndefined();
    }
  });

  it('are refused where they do not fit, before anything runs', async () => {
    const properties = { scheduling: 'regions', execution_policy: 'phased' };
    await expect(client.run('SELECT 1', properties)).rejects.toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
      message: expect.stringContaining(
        'execution_policy=phased does not go with scheduling=regions',
      ),
    });
  });
});

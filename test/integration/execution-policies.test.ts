/** TPC-H under every execution policy and discipline, and placed by location, on real processes; what was decided is decided again. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer } from '../../bench/tpch/answer.ts';
import { replayRecording } from '../../services/coordinator/log/recording.ts';
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
];
/** Joins in a row, aggregations below joins, shared stages; with SKEIN_TEST_ALL all are run. */
const SAMPLE = ['q02', 'q05', 'q15', 'q21'];

const queries = TPCH_QUERIES.filter(
  ({ name }) => process.env['SKEIN_TEST_ALL'] !== undefined || SAMPLE.includes(name),
);
const recordings = mkdtempSync(join(tmpdir(), 'skein-policies-'));
let cluster: Cluster;
let client: SkeinClient;

beforeAll(async () => {
  const environment = { SKEIN_KERNEL_RECORDING_DIRECTORY: recordings };
  cluster = await startServe({ workers: 2, environment });
  client = new SkeinClient(cluster.address);
});
afterAll(() => rmSync(recordings, { recursive: true }));

describe('execution policies', () => {
  it.each(queries)('all answer $name rightly', async ({ sql }) => {
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

  it('decide the same again from their recordings', async () => {
    client[Symbol.dispose]();
    expect(await cluster.stop()).toBe(0);
    const names = readdirSync(recordings);
    expect(names).toHaveLength(queries.length * VARIANTS.length);
    for (const name of names) {
      const report = replayRecording(readFileSync(join(recordings, name), 'utf8'));
      expect(report.divergence, name).toBeUndefined();
    }
  });
});

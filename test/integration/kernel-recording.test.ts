/** What the scheduling kernel decided in real clusters, it decides again from the recording alone. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RECORDING_SUFFIX } from '../../services/coordinator/log/file-query-log.ts';
import { replayRecording } from '../../services/coordinator/log/recording.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { startServe } from '../support/skein-process.ts';
import { TPCH_QUERIES } from '../support/tpch-queries.ts';

const directory = mkdtempSync(join(tmpdir(), 'skein-recordings-'));
const ALWAYS = { distribution: 'always' };
const FAILING = 'SELECT CAST(l_comment AS INTEGER) FROM lineitem';
let endedQueries = 0;

beforeAll(async () => {
  const environment = { SKEIN_KERNEL_RECORDING_DIRECTORY: directory };
  const cluster = await startServe({ workers: 2, environment });
  using client = new SkeinClient(cluster.address);
  const statements = ['SELECT 1', ...TPCH_QUERIES.slice(0, 8).map(({ sql }) => sql)];
  for (const sql of statements) await client.run(sql, ALWAYS);
  await expect(client.run(FAILING, ALWAYS)).rejects.toMatchObject({ code: 'CONVERSION_ERROR' });
  endedQueries = statements.length + 1;
  expect(await cluster.stop()).toBe(0);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('recordings', () => {
  it('replay to the same effects, event by event', () => {
    const paths = readdirSync(directory).filter((path) => path.endsWith(RECORDING_SUFFIX));
    expect(paths).toHaveLength(endedQueries);
    const reports = paths.map((path) =>
      replayRecording(readFileSync(join(directory, path), 'utf8')),
    );
    expect(reports.map((report) => report.divergence)).toEqual(paths.map(() => undefined));
    const ends = reports.map((report) => report.state.query.kind);
    expect(ends.filter((kind) => kind === 'finished')).toHaveLength(endedQueries - 1);
    expect(ends.filter((kind) => kind === 'failed')).toHaveLength(1);
  });
});

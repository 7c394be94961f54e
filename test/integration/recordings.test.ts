import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { replayRecording } from '../../services/coordinator/log/recording.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { startServe } from '../support/skein-process.ts';
import { TPCH_QUERIES } from '../support/tpch-queries.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-recordings-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

describe('the recordings of a cluster', () => {
  it('replay to the same effects, of queries that end well and of queries that do not', async () => {
    const cluster = await startServe({
      workers: 2,
      environment: { SKEIN_KERNEL_RECORDING_DIRECTORY: directory },
    });
    const always = { distribution: 'always' };
    const queryIds: string[] = [];
    {
      using client = new SkeinClient(cluster.address);
      for (const { sql } of TPCH_QUERIES) queryIds.push((await client.run(sql, always)).queryId);
      queryIds.push((await client.run('SELECT n_name FROM nation LIMIT 3', always)).queryId);
      const failing = await client.submit(`SELECT error('x') FROM lineitem`, always);
      await client.untilEnded(failing.queryId);
      const cancelled = await client.submit('SELECT * FROM lineitem, lineitem', always);
      await client.cancel(cancelled.queryId);
      queryIds.push(failing.queryId, cancelled.queryId);
    }
    expect(await cluster.stop()).toBe(0);

    const recordings = readdirSync(directory);
    for (const queryId of queryIds.slice(0, -1))
      expect(recordings).toContain(`${queryId}.recording.jsonl`);
    const reports = recordings.map((name) => {
      const report = replayRecording(readFileSync(join(directory, name), 'utf8'));
      expect(report.divergence, name).toBeUndefined();
      return report;
    });
    expect(Math.max(...reports.map(({ turnCount }) => turnCount))).toBeGreaterThan(10);
    const ends = reports.map(({ state }) => state.query.kind);
    expect(ends.filter((kind) => kind === 'finished')).toHaveLength(queryIds.length - 2);
    expect(ends.filter((kind) => kind === 'failed').length).toBeGreaterThanOrEqual(1);
  });

  it('shows an effect that has changed', () => {
    const [name = ''] = readdirSync(directory);
    const lines = readFileSync(join(directory, name), 'utf8').trimEnd().split('\n');
    const [first = '', ...rest] = lines;
    // '?' is no character of a hash, so the forged one always differs.
    const forged = first.replace(/"effectsHash":"./, '"effectsHash":"?');
    expect(replayRecording([forged, ...rest].join('\n')).divergence?.line).toBe(1);
  });
});

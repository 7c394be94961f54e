/** The discipline of stages behind barriers on real processes: what is stored, what is lost, and that nothing is left. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeState } from '../../proto/gen/skein/v1/cluster.ts';
import { QueryState } from '../../proto/gen/skein/v1/query.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { eventually, roleProcess } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const BARRIER = {
  distribution: 'always',
  replicated_scans: 'off',
  scheduling: 'stage-barrier',
};
/** Groups that are stored soon; what reads them takes seconds. */
const SLOW_READER = `
  SELECT max(hash(g.k, g.c, r.i)) AS m, count(*) AS n
  FROM (SELECT l_orderkey AS k, count(*) AS c FROM lineitem GROUP BY l_orderkey) g,
       (SELECT o_orderkey AS i FROM orders WHERE o_orderkey % 2 = 0) r`;

const spillDirectory = mkdtempSync(join(tmpdir(), 'skein-barrier-'));
let cluster: Cluster;
let client: SkeinClient;

beforeAll(async () => {
  const environment = { SKEIN_SPILL_DIRECTORY: spillDirectory };
  cluster = await startServe({ workers: 2, environment });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  expect(readdirSync(spillDirectory)).toEqual([]);
  rmSync(spillDirectory, { recursive: true });
});

/** Pages of stored outputs on the disks of the workers that live. */
function pageFiles(): readonly string[] {
  const names = readdirSync(spillDirectory, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.pages'));
}

async function nothingStored(): Promise<void> {
  await eventually(() => (pageFiles().length === 0 ? true : undefined), 'all outputs are released');
}

/** Submits the slow statement and waits until its reader runs over what is stored. */
async function runUntilRead(): Promise<string> {
  const { queryId } = await client.submit(SLOW_READER, BARRIER);
  await eventually(async () => {
    const { progress } = await client.get(queryId);
    const stages = progress?.stages ?? [];
    const isStored = stages.some(({ state }) => state === 'finished');
    return isStored && stages.some(({ state }) => state === 'running') ? true : undefined;
  }, 'a stage reads what another has stored');
  expect(pageFiles().length).toBeGreaterThan(0);
  return queryId;
}

async function answersRightly(queryId: string): Promise<void> {
  using duckdb = await PlainDuckDB.open();
  const texts = `SELECT m::VARCHAR, n::VARCHAR FROM (${SLOW_READER})`;
  const expected = await duckdb.connection.runAndReadAll(texts);
  expect((await client.readText(queryId)).rows).toEqual(expected.getRows());
}

describe('stages behind barriers', () => {
  it('make again what a killed worker had stored, and answer (R17, R19)', async () => {
    const queryId = await runUntilRead();
    const worker = roleProcess(cluster.process.pid, 'worker', '--node-id=worker-2');
    process.kill(worker?.processId ?? 0, 'SIGKILL');
    expect((await client.get(queryId)).state).toBe(QueryState.QUERY_STATE_RUNNING);
    await answersRightly(queryId);
    // What the killed one had on disk goes when its successor starts.
    await nothingStored();
    await eventually(async () => {
      const nodes = await client.nodes();
      const active = nodes.filter(({ state }) => state === NodeState.NODE_STATE_ACTIVE);
      return active.length === nodes.length ? true : undefined;
    }, 'the cluster is whole');
  });

  it('leave nothing on disk of a query that is cancelled', async () => {
    await client.cancel(await runUntilRead());
    await nothingStored();
  });
});

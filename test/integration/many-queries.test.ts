import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Query, QueryState, WaitReason } from '../../proto/gen/skein/v1/query.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const QUERY_COUNT = 200;
/** Half of them run, so that both kinds of waiting are seen. */
const MAX_RUNNING = 100;
const HEARTBEAT_MS = 500;
/** A busy machine is no failure. */
const PATIENCE_MS = 60_000;

const { QUERY_STATE_FINISHED, QUERY_STATE_FAILED, QUERY_STATE_QUEUED } = QueryState;

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({
    environment: {
      SKEIN_MAX_RUNNING_QUERIES: String(MAX_RUNNING),
      SKEIN_FINISHED_QUERY_MAX_COUNT: String(2 * QUERY_COUNT),
    },
  });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

/** One task for the one half, several stages for the other. */
async function runSmall(number: number): Promise<string> {
  const sql = `SELECT l_returnflag, count(*) + ${number} FROM lineitem GROUP BY 1 ORDER BY 1`;
  const distribution = number % 2 === 0 ? 'auto' : 'always';
  const { rows } = await client.run(sql, { distribution });
  return rows.map(([flag, count]) => `${flag}${Number(count) - number}`).join(' ');
}

/** What is not over, is not at work and does not say why. */
function isMute({ state, progress }: Query): boolean {
  if (state === QUERY_STATE_FINISHED || state === QUERY_STATE_FAILED) return false;
  if (state === QUERY_STATE_QUEUED) return (progress?.admissionWait?.factor ?? 0) === 0;
  const isWaiting = progress?.waitReason !== WaitReason.WAIT_REASON_UNSPECIFIED;
  const stages = progress?.stages ?? [];
  return !isWaiting && stages.every(({ wait }) => wait !== undefined);
}

/** Of all workers: memory of pages and slots, and tasks. */
async function usage(): Promise<readonly (string | null)[]> {
  const sums = ['page_memory_bytes', 'slot_memory_bytes', 'running_tasks'];
  const columns = sums.map((column) => `sum(${column})`).join(', ');
  const sql = `SELECT ${columns} FROM system.nodes WHERE role = 'WORKER'`;
  return (await client.run(sql)).rows[0] ?? [];
}

describe('200 small queries at once on 2 workers', () => {
  it('all end, say what they wait for, and leave no memory in use', async () => {
    const expected = await runSmall(0);
    // Between two looks nothing runs, so that a heartbeat can say so.
    const isIdle = async () => {
      await sleep(HEARTBEAT_MS);
      return (await usage()).join() === '0,0,0' ? true : undefined;
    };
    await eventually(isIdle, 'nothing is in use at the start', PATIENCE_MS);

    const running = Promise.all(Array.from({ length: QUERY_COUNT }, (_, i) => runSmall(i)));
    const done = new AbortController();
    const answers = running.finally(() => done.abort());
    const mute: Query[] = [];
    let queuedCount = 0;
    while (!done.signal.aborted) {
      const { queries } = await client.list(1000);
      mute.push(...queries.filter(isMute));
      queuedCount += queries.filter(({ state }) => state === QUERY_STATE_QUEUED).length;
      await sleep(100);
    }
    expect(new Set(await answers)).toEqual(new Set([expected]));
    expect(mute).toEqual([]);
    expect(queuedCount).toBeGreaterThan(0);
    await eventually(isIdle, 'nothing is in use at the end', PATIENCE_MS);
  }, 200_000);
});

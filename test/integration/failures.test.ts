import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NodeState } from '../../proto/gen/skein/v1/cluster.ts';
import { type Query, QueryState } from '../../proto/gen/skein/v1/query.ts';
import { replayRecording } from '../../services/coordinator/log/recording.ts';
import { descendantsOf, eventually, roleProcess } from '../support/process-tree.ts';
import { SkeinClient, textRows } from '../support/skein-client.ts';
import {
  BUSY_JOIN,
  LONG_COUNT,
  LONG_COUNT_ANSWER,
  SLOW_JOIN,
  SLOW_STREAM,
} from '../support/slow-statements.ts';
import { type Cluster, spawnSkein, startServe } from '../support/skein-process.ts';

const { QUERY_STATE_RUNNING, QUERY_STATE_FAILED } = QueryState;
const ALWAYS = { distribution: 'always' };

const recordings = mkdtempSync(join(tmpdir(), 'skein-failures-'));
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({
    environment: {
      SKEIN_CLIENT_DISCONNECT_GRACE: '1s',
      SKEIN_KERNEL_RECORDING_DIRECTORY: recordings,
    },
  });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  // DuckDB aborts a process whose threads are torn down in the middle of a statement.
  expect(cluster.log()).not.toMatch(/code 134|SIGABRT|SIGSEGV/);
  // Whatever happened, the kernel decides the same again.
  for (const name of readdirSync(recordings)) {
    const report = replayRecording(readFileSync(join(recordings, name), 'utf8'));
    expect(report.divergence, name).toBeUndefined();
  }
  rmSync(recordings, { recursive: true });
});
/** After each failure the cluster is whole again and answers the next query. */
afterEach(async () => {
  await eventually(async () => {
    const nodes = await client.nodes();
    const isWhole = nodes.every(({ state }) => state === NodeState.NODE_STATE_ACTIVE);
    const isIdle = nodes.every(({ runningTasks }) => runningTasks === 0);
    return nodes.length === 3 && isWhole && isIdle ? true : undefined;
  }, 'the cluster is whole and idle');
  const count = 'SELECT count(*) FROM lineitem WHERE l_quantity > 0';
  expect((await client.run(count, ALWAYS)).rows).toEqual([['60175']]);
});

/** The query as the list has it: to ask for it by name would renew its lease. */
async function listed(queryId: string): Promise<Query | undefined> {
  return (await client.list()).queries.find((query) => query.queryId === queryId);
}

function killWorker(nodeId: string): void {
  const worker = roleProcess(cluster.process.pid, 'worker', `--node-id=${nodeId}`);
  process.kill(worker?.processId ?? 0, 'SIGKILL');
}

describe('a killed worker', () => {
  it('fails the running query with its name and how it ended', async () => {
    const { queryId } = await client.submit(SLOW_JOIN, ALWAYS);
    await client.until(queryId, QUERY_STATE_RUNNING);
    killWorker('worker-2');
    const failure = expect.objectContaining({
      code: 'NODE_LOST',
      message: expect.stringMatching(/worker-2.*killed by SIGKILL/) as unknown,
      details: expect.objectContaining({ node_id: 'worker-2' }) as unknown,
    }) as unknown;
    await expect(client.readAll(queryId)).rejects.toEqual(failure);
    expect((await client.get(queryId)).error).toEqual(failure);
  });

  it('is survived by a query that may be retried, whose rows come once and are right', async () => {
    const retries = { ...ALWAYS, retry_policy: 'query', retry_initial_delay: '500ms' };
    const { queryId } = await client.submit(LONG_COUNT, retries);
    await client.until(queryId, QUERY_STATE_RUNNING);
    killWorker('worker-1');
    const { arrowIpc } = await client.readAll(queryId);
    expect(textRows(arrowIpc).rows).toEqual([[LONG_COUNT_ANSWER]]);
    expect(cluster.log()).toMatch(/a query has failed and is tried again/);
  });

  it.each(['stage-barrier', 'regions'])(
    'costs a query under %s what it had, which is made again',
    async (scheduling) => {
      const expected = await client.run(BUSY_JOIN, ALWAYS);
      const { queryId } = await client.submit(BUSY_JOIN, { ...ALWAYS, scheduling });
      await client.until(queryId, QUERY_STATE_RUNNING);
      killWorker('worker-2');
      const { arrowIpc } = await client.readAll(queryId);
      expect(textRows(arrowIpc).rows).toEqual(expected.rows);
    },
  );

  it('never cuts a result that is being read', async () => {
    const { queryId } = await client.submit(SLOW_STREAM, ALWAYS);
    let parts = 0;
    const reading = (async () => {
      for await (const part of client.fetch(queryId)) {
        expect(part.complete).toBe(false);
        parts += 1;
        if (parts === 5) killWorker('worker-1');
        // A slow reader: most pages are still with the workers.
        if (parts > 5) await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'NODE_LOST',
      details: expect.objectContaining({ node_id: 'worker-1' }) as unknown,
    });
    expect(parts).toBeGreaterThanOrEqual(5);
  });
});

describe('cancelling', () => {
  const expectCancelled = async (queryId: string): Promise<void> => {
    const query = await client.cancel(queryId);
    expect(query.state).toBe(QUERY_STATE_FAILED);
    expect(query.error?.code).toBe('QUERY_CANCELLED');
    await expect(client.readAll(queryId)).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
  };

  it('ends a query that is being planned', async () => {
    // The planner folds constants, which takes it a while here.
    const folding = Array.from({ length: 40 }, (_, i) => `length(repeat('${i}', 40000000))`);
    const { queryId } = await client.submit(`SELECT ${folding.join(' + ')}`);
    const { state } = await client.get(queryId);
    expect(state).toBe(QueryState.QUERY_STATE_PLANNING);
    await expectCancelled(queryId);
  });

  it('ends a query as soon as it is submitted', async () => {
    for (let i = 0; i < 20; i += 1) {
      const { queryId } = await client.submit(SLOW_JOIN, ALWAYS);
      await new Promise((resolve) => setTimeout(resolve, 4 * i));
      await expectCancelled(queryId);
    }
  });

  it('stops DuckDB in the middle of a join', async () => {
    const { queryId } = await client.submit(SLOW_JOIN, ALWAYS);
    await client.until(queryId, QUERY_STATE_RUNNING);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await expectCancelled(queryId);
  });

  it('ends a result that is being read', async () => {
    const { queryId } = await client.submit(SLOW_STREAM, ALWAYS);
    let parts = 0;
    const reading = (async () => {
      for await (const part of client.fetch(queryId)) {
        expect(part.complete).toBe(false);
        parts += 1;
        if (parts === 5) await client.cancel(queryId);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
    expect(parts).toBeGreaterThanOrEqual(5);
  });

  it('drops a result that nobody has fetched, and changes nothing once it has been released', async () => {
    const sql = 'SELECT repeat(l_comment, 10) FROM lineitem';
    const unread = await client.submit(sql, ALWAYS);
    await client.until(unread.queryId, QueryState.QUERY_STATE_FINISHING);
    await expectCancelled(unread.queryId);
    const { queryId } = await client.run(sql, ALWAYS);
    const released = await client.cancel(queryId);
    expect(released.state).toBe(QueryState.QUERY_STATE_FINISHED);
  });
});

describe('a client that hangs up', () => {
  it('loses its query after client_disconnect_grace', async () => {
    const { queryId } = await client.submit(SLOW_STREAM, ALWAYS);
    let parts = 0;
    for await (const part of client.fetch(queryId)) {
      expect(part.complete).toBe(false);
      parts += 1;
      if (parts === 5) break;
    }
    const ended = await eventually(async () => {
      const query = await listed(queryId);
      return query?.state === QUERY_STATE_FAILED ? query : undefined;
    }, 'the query ends');
    expect(ended.error?.code).toBe('QUERY_ABANDONED');
  });

  it('keeps it when it comes back in time', async () => {
    const { queryId } = await client.submit(SLOW_STREAM, ALWAYS);
    let token = new Uint8Array();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      for await (const part of client.fetch(queryId, token)) {
        if (part.token.length > 0) {
          token = Uint8Array.from(part.token);
          break;
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect((await client.get(queryId)).state).toBe(QUERY_STATE_RUNNING);
    await client.cancel(queryId);
  });
});

describe('a killed gateway', () => {
  it('costs the command nothing: it goes on behind the last batch', async () => {
    const statement = `SELECT l_orderkey * 10 + l_linenumber AS k, repeat(l_comment, 60) AS c FROM lineitem`;
    const on = ['sql', '--server', cluster.address, '--format', 'csv'];
    const child = spawnSkein([...on, '--set', 'distribution=always', statement]);
    const stderr = text(child.stderr ?? Readable.from([]));
    const { stdout } = child;
    if (stdout === null) throw new Error('the command has no standard output');
    // Whoever reads no further holds up the whole result, which is larger than all buffers on its way.
    const begin = String(await once(stdout, 'data'));
    stdout.pause();
    process.kill(roleProcess(cluster.process.pid, 'gateway')?.processId ?? 0, 'SIGKILL');
    await eventually(
      () =>
        cluster.log().includes('the gateway process ended: killed by SIGKILL') ? true : undefined,
      'the gateway is gone',
    );
    const closed = once(child, 'close');
    const output = begin + (await text(stdout));
    expect(await closed).toEqual([0, null]);
    expect(await stderr).toBe('');
    const keys = output
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',', 1)[0]);
    expect(keys).toHaveLength(60_175);
    expect(new Set(keys).size).toBe(60_175);
  });
});

describe('a killed coordinator', () => {
  it('ends its queries with an error, and another one takes its place', async () => {
    const { queryId } = await client.submit(SLOW_STREAM, ALWAYS);
    let parts = 0;
    const reading = (async () => {
      for await (const part of client.fetch(queryId)) {
        expect(part.complete).toBe(false);
        parts += 1;
        if (parts !== 5) continue;
        process.kill(roleProcess(cluster.process.pid, 'coordinator')?.processId ?? 0, 'SIGKILL');
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'COORDINATOR_UNAVAILABLE' });
    const answered = await eventually(async () => {
      return await client.run('SELECT 42').catch(() => undefined);
    }, 'the next coordinator answers');
    expect(answered.rows).toEqual([['42']]);
    await expect(client.get(queryId)).rejects.toMatchObject({ code: 'QUERY_NOT_FOUND' });
  });
});

describe('a cluster without workers', () => {
  it('says so', async () => {
    const empty = await startServe({ workers: 0 });
    {
      using other = new SkeinClient(empty.address);
      const { queryId } = await other.submit('SELECT 42');
      await expect(other.readAll(queryId)).rejects.toMatchObject({ code: 'NO_NODES_AVAILABLE' });
    }
    expect(descendantsOf(empty.process.pid ?? 0).length).toBeGreaterThan(0);
    expect(await empty.stop()).toBe(0);
  });
});

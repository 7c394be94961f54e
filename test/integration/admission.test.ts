import { credentials, type ServiceError, status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ErrorInfo, RetryInfo } from '../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../proto/gen/google/rpc/status.ts';
import { NodeRole, NodeState } from '../../proto/gen/skein/v1/cluster.ts';
import {
  type Query,
  QueryServiceClient,
  QueryState,
  WaitReason,
} from '../../proto/gen/skein/v1/query.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { SLOW_JOIN } from '../support/slow-statements.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const { QUERY_STATE_QUEUED, QUERY_STATE_RUNNING, QUERY_STATE_FAILED, QUERY_STATE_FINISHED } =
  QueryState;
const CLIENT_TIMEOUT_MS = 3_000;

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({
    environment: {
      SKEIN_MAX_RUNNING_QUERIES: '1',
      SKEIN_MAX_QUEUED_QUERIES: '2',
      SKEIN_QUERY_CLIENT_TIMEOUT: `${CLIENT_TIMEOUT_MS}ms`,
    },
  });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

const submitted: string[] = [];
async function submitSlow(properties: Readonly<Record<string, string>> = {}): Promise<Query> {
  const query = await client.submit(SLOW_JOIN, { distribution: 'always', ...properties });
  submitted.push(query.queryId);
  return query;
}
afterEach(async () => {
  for (const queryId of submitted.splice(0)) await client.cancel(queryId);
});

/** The query as the list has it: to ask for it by name would renew its lease. */
async function listed(queryId: string): Promise<Query | undefined> {
  return (await client.list()).queries.find((query) => query.queryId === queryId);
}

describe('admission', () => {
  it('runs max_running_queries at once, queues the next ones in order, refuses more', async () => {
    const first = await submitSlow();
    await client.until(first.queryId, QUERY_STATE_RUNNING);
    const second = await submitSlow();
    const third = await submitSlow();
    for (const { queryId } of [second, third]) {
      const { state, progress } = await client.get(queryId);
      expect(state).toBe(QUERY_STATE_QUEUED);
      expect(progress?.blockedReason).toBe('waiting-for-admission');
      expect(progress?.waitReason).toBe(WaitReason.WAIT_REASON_WAITING_FOR_ADMISSION);
    }
    await expect(client.submit('SELECT 1')).rejects.toMatchObject({ code: 'QUERY_QUEUE_FULL' });

    await client.cancel(first.queryId);
    await client.until(second.queryId, QUERY_STATE_RUNNING);
    expect((await client.get(third.queryId)).state).toBe(QUERY_STATE_QUEUED);
    expect((await client.cancel(third.queryId)).error?.code).toBe('QUERY_CANCELLED');
    await client.cancel(second.queryId);
    expect((await client.run('SELECT 42')).rows).toEqual([['42']]);
  });

  it('says with RESOURCE_EXHAUSTED and RetryInfo that it is full', async () => {
    for (let i = 0; i < 3; i += 1) await submitSlow();
    const service = new QueryServiceClient(cluster.address, credentials.createInsecure());
    const request = {
      sql: 'SELECT 1',
      sessionProperties: {},
      sessionDefaults: {},
      requestId: '',
      session: new Uint8Array(),
      parameters: new Uint8Array(),
    };
    const error = await new Promise<ServiceError | null>((resolve) => {
      service.submitQuery(request, resolve);
    });
    service.close();
    expect(error?.code).toBe(grpcStatus.RESOURCE_EXHAUSTED);
    const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
    const { details } = Status.decode(bytes as Buffer);
    const [info, retry] = ['ErrorInfo', 'RetryInfo'].map(
      (name) => details.find(({ typeUrl }) => typeUrl.endsWith(name))?.value ?? new Uint8Array(),
    );
    expect(ErrorInfo.decode(info ?? new Uint8Array()).reason).toBe('QUERY_QUEUE_FULL');
    const { retryDelay } = RetryInfo.decode(retry ?? new Uint8Array());
    expect(Number(retryDelay?.seconds)).toBeGreaterThan(0);
  });

  it('ends a query after query_max_run_time, running or queued', async () => {
    const running = await submitSlow({ query_max_run_time: '1500ms' });
    await client.until(running.queryId, QUERY_STATE_RUNNING);
    const queued = await submitSlow({ query_max_run_time: '500ms' });
    for (const { queryId } of [queued, running]) {
      await expect(client.readAll(queryId)).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
      expect((await client.get(queryId)).error?.code).toBe('QUERY_TIMEOUT');
    }
  });

  it('gives the same query for the same request_id', async () => {
    const requestId = 'once-only';
    const first = await client.submit('SELECT 1', {}, { requestId });
    const again = await client.submit('SELECT 1', {}, { requestId });
    const other = await client.submit('SELECT 1', {}, { requestId: 'another' });
    expect(again.queryId).toBe(first.queryId);
    expect(other.queryId).not.toBe(first.queryId);
    const whole = await client.readAll(first.queryId);
    await client.release(first.queryId, whole.token);
    expect((await client.submit('SELECT 1', {}, { requestId })).queryId).toBe(first.queryId);
  });
});

describe('a query that nobody asks for', () => {
  it('is abandoned while it runs, and lives while it is watched', async () => {
    const { queryId } = await submitSlow();
    const leaving = new AbortController();
    const watching = (async () => {
      for await (const _ of client.watch(queryId, leaving.signal));
    })().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 1.5 * CLIENT_TIMEOUT_MS));
    expect((await listed(queryId))?.state).toBe(QUERY_STATE_RUNNING);
    leaving.abort(new Error('seen enough'));
    await watching;
    const abandoned = await eventually(async () => {
      const query = await listed(queryId);
      return query?.state === QUERY_STATE_FAILED ? query : undefined;
    }, 'the query is abandoned');
    expect(abandoned.error?.code).toBe('QUERY_ABANDONED');
    await expect(client.readAll(queryId)).rejects.toMatchObject({ code: 'QUERY_ABANDONED' });
  });

  it('keeps its result until then, and no longer', async () => {
    const { queryId } = await client.submit('SELECT 42');
    await new Promise((resolve) => setTimeout(resolve, 0.5 * CLIENT_TIMEOUT_MS));
    expect((await client.readAll(queryId)).arrowIpc.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 1.5 * CLIENT_TIMEOUT_MS));
    expect((await listed(queryId))?.state).toBe(QUERY_STATE_FINISHED);
    await expect(client.readAll(queryId)).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
  });
});

describe('what the cluster tells', () => {
  it('are its queries, newest first, page by page', async () => {
    const queryIds: string[] = [];
    for (let i = 0; i < 5; i += 1) queryIds.unshift((await client.run(`SELECT ${i}`)).queryId);
    const first = await client.list(2);
    const second = await client.list(2, first.nextPageToken);
    const third = await client.list(1, second.nextPageToken);
    const pages = [first, second, third].flatMap(({ queries }) => queries);
    expect(pages.map(({ queryId }) => queryId)).toEqual(queryIds);
    expect(pages[0]).toMatchObject({
      sql: 'SELECT 4',
      state: QUERY_STATE_FINISHED,
      principal: 'anonymous',
    });
    expect((await client.list(1000)).nextPageToken).toBe('');
    await expect(client.list(2, 'nonsense')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  it('is a query’s way through its states, to the end', async () => {
    const sql = 'SELECT l_returnflag, sum(l_quantity) FROM lineitem GROUP BY ALL';
    const { queryId } = await client.submit(sql, { distribution: 'always' });
    const seen: Query[] = [];
    const watching = (async () => {
      for await (const query of client.watch(queryId)) seen.push(query);
    })();
    const whole = await client.readAll(queryId);
    await client.release(queryId, whole.token);
    await watching;
    const states = seen.map(({ state }) => state);
    expect(states).toEqual(states.toSorted((a, b) => a - b));
    const last = seen.at(-1);
    expect(last?.state).toBe(QUERY_STATE_FINISHED);
    expect(last?.endTime).toBeDefined();
    expect(last?.rung).toBe('distributed');
    const { progress } = last ?? {};
    expect(progress).toMatchObject({ inputRows: 60_175n, outputRows: 3n, blockedReason: '' });
    expect(progress?.totalSplits).toBeGreaterThan(1);
    expect(progress?.completedSplits).toBe(progress?.totalSplits);
    expect(progress?.stages.length).toBeGreaterThan(1);
  });

  it('are its nodes', async () => {
    const nodes = await client.nodes();
    const workers = nodes.slice(1).map(({ nodeId }) => nodeId);
    expect(workers.toSorted()).toEqual(['worker-1', 'worker-2']);
    expect(nodes[0]?.role).toBe(NodeRole.NODE_ROLE_COORDINATOR);
    for (const node of nodes) {
      expect(node.state).toBe(NodeState.NODE_STATE_ACTIVE);
      expect(node.address).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(node.version).not.toBe('');
      expect(node.heartbeatTime?.getTime()).toBeGreaterThanOrEqual(node.joinTime?.getTime() ?? 0);
    }
  });

  it('are its tables', async () => {
    const tables = await client.tables();
    expect(tables.map(({ schema, name }) => `${schema}.${name}`)).toEqual(
      ['customer', 'lineitem', 'nation', 'orders', 'part', 'partsupp', 'region', 'supplier'].map(
        (name) => `main.${name}`,
      ),
    );
    expect((await client.table('region'))?.columns).toEqual([
      { name: 'r_regionkey', type: 'INTEGER' },
      { name: 'r_name', type: 'VARCHAR' },
      { name: 'r_comment', type: 'VARCHAR' },
    ]);
    const price = (await client.table('lineitem', 'main'))?.columns[5];
    expect(price).toEqual({ name: 'l_extendedprice', type: 'DECIMAL(15,2)' });
  });
});

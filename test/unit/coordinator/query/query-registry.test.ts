import { ListResponse } from '../../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import { queryReportToWire } from '../../../../services/coordinator/rpc/query-wire.ts';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { ResultUpdate } from '../../../../services/coordinator/query/query-report.ts';
import { ALICE, aPlan, BOB, RegistryFixture } from '../../../support/coordinator-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

const CANCELLED = { code: 'QUERY_CANCELLED', message: 'the client cancelled the query' } as const;
const PAGE = Uint8Array.of(1, 2, 3);
const never = new AbortController().signal;

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error);
  }
}

describe('a query', () => {
  it('goes from planning over running to finished, and says so at each step', async () => {
    const world = new RegistryFixture();
    const { queryId, phase } = world.submit();
    expect(phase).toBe('planning');
    const phases: string[] = [];
    const watching = (async () => {
      for await (const report of world.registry.watch(queryId, ALICE, never)) {
        phases.push(report.phase);
      }
    })();
    await settle();
    await world.planner.answer(0);
    await settle();
    await world.report('running');
    await world.report('finished', { inlinePages: [PAGE] });
    await watching;
    expect(phases[0]).toBe('planning');
    expect(phases).toContain('running');
    expect(phases.at(-1)).toBe('finished');
    expect(world.registry.get(queryId, ALICE)).toMatchObject({
      phase: 'finished',
      rung: 'small',
      blockedReason: '',
      stages: [{ state: 'finished', taskCount: 1, completedTaskCount: 1 }],
    });
  });

  it('fails with the planner’s error and gives up its place', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const { queryId } = world.submit({ sql: 'SELEC 1' });
    const second = world.submit();
    expect(second.phase).toBe('queued');
    await world.planner.answer(0, new EngineError('SYNTAX_ERROR', 'near SELEC', { position: 0 }));
    expect(world.registry.get(queryId, ALICE)).toMatchObject({
      phase: 'failed',
      error: { code: 'SYNTAX_ERROR', message: 'near SELEC', position: 0 },
    });
    expect(world.registry.get(second.queryId, ALICE).phase).toBe('planning');
  });

  it('fails without workers', async () => {
    const world = new RegistryFixture();
    world.nodes = [];
    const { queryId } = world.submit();
    await world.planner.answer(0);
    expect(world.registry.get(queryId, ALICE).error).toMatchObject({ code: 'NO_NODES_AVAILABLE' });
  });

  it('tells every task the principal, the capability and the deadline', async () => {
    const world = new RegistryFixture();
    await world.running({ sessionProperties: { query_max_run_time: '90s' } });
    expect(world.workers.updates[0]?.update).toMatchObject({
      principal: ALICE,
      deadline: 90_000,
      memoryLimitBytes: 0,
    });
    expect(world.workers.updates[0]?.update.capability).toHaveLength(32);
  });

  it('refuses unknown session properties', () => {
    const world = new RegistryFixture();
    const submit = () => world.submit({ sessionProperties: { no_such: '1' } });
    expect(codeOf(submit)).toBe('INVALID_SESSION_PROPERTY');
  });

  it('fails with the name of a lost worker', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    const [node] = world.nodes;
    const message = 'worker worker-1 is lost: killed by SIGKILL';
    world.registry.onNodeEvent({
      kind: 'node-lost',
      nodeId: node!.nodeId,
      nodeInstanceId: node!.nodeInstanceId,
      error: { code: 'NODE_LOST', message },
    });
    await settle();
    expect(world.registry.get(queryId, ALICE).error).toMatchObject({ code: 'NODE_LOST', message });
  });
});

describe('cancelling', () => {
  it('ends a queued query', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    world.submit();
    const { queryId } = world.submit();
    const report = await world.registry.cancel(queryId, ALICE, CANCELLED);
    expect(report).toMatchObject({ phase: 'failed', error: CANCELLED });
    expect(world.planner.requests).toHaveLength(1);
  });

  it('ends a query that is being planned, and never runs its plan', async () => {
    const world = new RegistryFixture();
    const { queryId } = world.submit();
    await world.registry.cancel(queryId, ALICE, CANCELLED);
    await world.planner.answer(0);
    expect(world.workers.updates).toEqual([]);
    expect(world.registry.get(queryId, ALICE).error).toEqual(CANCELLED);
  });

  it('aborts the tasks of a running query and drops nothing of the error', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    const report = await world.registry.cancel(queryId, ALICE, CANCELLED);
    expect(report.error).toEqual(CANCELLED);
    expect(world.workers.stops).toMatchObject([{ stop: 'abort' }]);
    expect((await world.registry.cancel(queryId, ALICE, CANCELLED)).phase).toBe('failed');
  });
});

describe('principals', () => {
  it('see nothing of each other’s queries', async () => {
    const world = new RegistryFixture();
    const { queryId } = world.submit();
    const { registry } = world;
    const attempts = [
      () => registry.get(queryId, BOB),
      () => registry.watch(queryId, BOB, never),
      () => registry.watchResults(queryId, BOB, never),
      () => registry.renewLease(queryId, BOB, 0),
      () => registry.releaseResult(queryId, BOB),
    ];
    expect(attempts.map(codeOf)).toEqual(attempts.map(() => 'QUERY_NOT_FOUND'));
    await expect(registry.cancel(queryId, BOB, CANCELLED)).rejects.toMatchObject({
      code: 'QUERY_NOT_FOUND',
    });
    expect(registry.list(BOB, { pageSize: 0, pageToken: '' }).queries).toEqual([]);
  });

  it('list their queries newest first, page by page', () => {
    const world = new RegistryFixture({ maxRunningQueries: 9 });
    const ids = [1, 2, 3].map(() => world.submit().queryId);
    const first = world.registry.list(ALICE, { pageSize: 2, pageToken: '' });
    const rest = world.registry.list(ALICE, { pageSize: 2, pageToken: first.nextPageToken });
    const listed = [...first.queries, ...rest.queries].map((query) => query.queryId);
    expect(listed).toEqual(ids.toReversed());
    expect(rest.nextPageToken).toBe('');
  });

  it('are listed on pages that fit a message, whatever the page size and their statements', () => {
    const world = new RegistryFixture({ maxQueuedQueries: 1_000 });
    const sql = '界'.repeat(5_000);
    const ids = Array.from({ length: 1_000 }, () => world.submit({ sql }).queryId);
    const listed: string[] = [];
    let pageToken = '';
    do {
      const page = world.registry.list(ALICE, { pageSize: 1_000, pageToken });
      const queries = page.queries.map(queryReportToWire);
      expect(ListResponse.encode({ ...page, queries }).finish().length).toBeLessThan(3 << 20);
      expect(page.queries[0]?.sql).toBe(`${sql.slice(0, 4_096)}…`);
      listed.push(...page.queries.map((query) => query.queryId));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(listed).toEqual(ids.toReversed());
  });
});

describe('time', () => {
  it('ends a query that waits or plans longer than query_max_run_time', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const sessionProperties = { query_max_run_time: '10s' };
    const planning = world.submit({ sessionProperties }).queryId;
    const queued = world.submit({ sessionProperties }).queryId;
    await world.clock.advance(10_000);
    expect(world.registry.get(planning, ALICE).error?.code).toBe('QUERY_TIMEOUT');
    expect(world.registry.get(queued, ALICE).error?.code).toBe('QUERY_TIMEOUT');
  });

  it('ends a query that runs longer than query_max_run_time', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running({ sessionProperties: { query_max_run_time: '10s' } });
    await world.clock.advance(10_000);
    expect(world.registry.get(queryId, ALICE).error?.code).toBe('QUERY_TIMEOUT');
    expect(world.workers.stops).toMatchObject([{ stop: 'abort' }]);
  });

  it('abandons a query that nobody asks about', async () => {
    const world = new RegistryFixture({ clientTimeoutMs: 60_000 });
    const queryId = await world.running();
    await world.clock.advance(50_000);
    world.registry.renewLease(queryId, ALICE, 0);
    await world.clock.advance(50_000);
    expect(world.registry.get(queryId, ALICE).phase).toBe('running');
    await world.clock.advance(60_000);
    expect(world.registry.get(queryId, ALICE).error).toMatchObject({
      code: 'QUERY_ABANDONED',
      message: expect.stringContaining('query_client_timeout'),
    });
  });

  it('keeps a query alive while its result is watched, and a shortened lease short', async () => {
    const world = new RegistryFixture({ clientTimeoutMs: 60_000 });
    const queryId = await world.running();
    const reading = new AbortController();
    const watching = (async () => {
      for await (const _ of world.registry.watchResults(queryId, ALICE, reading.signal));
    })();
    watching.catch(() => undefined);
    await world.clock.advance(600_000);
    expect(world.registry.list(ALICE, { pageSize: 0, pageToken: '' }).queries[0]?.phase).toBe(
      'running',
    );
    world.registry.renewLease(queryId, ALICE, 5_000);
    reading.abort();
    await settle();
    await world.clock.advance(5_000);
    expect(world.registry.get(queryId, ALICE).error).toMatchObject({
      code: 'QUERY_ABANDONED',
      message: 'the client hung up in the middle of the result and did not come back',
    });
  });

  it('takes a computed result that nobody asked about for released', async () => {
    const world = new RegistryFixture({ clientTimeoutMs: 60_000 });
    const queryId = await world.running();
    await world.report('flushing');
    await world.clock.advance(60_000);
    await world.report('canceled');
    expect(world.registry.get(queryId, ALICE).phase).toBe('finished');
  });

  it('forgets ended queries by age, and by count once their owner knows the end', async () => {
    const world = new RegistryFixture({ finishedQueryMaxCount: 1, finishedQueryMaxAgeMs: 60_000 });
    const fail = async (requestId: string) => {
      const { queryId } = world.submit({ requestId });
      const index = world.planner.requests.length - 1;
      await world.planner.answer(index, new EngineError('BIND_ERROR', 'no such column'));
      return queryId;
    };
    const ids = [await fail('r0'), await fail('r1'), await fail('r2')];
    const remembered = () =>
      world.registry.list(ALICE, { pageSize: 0, pageToken: '' }).queries.map((q) => q.queryId);
    expect(remembered()).toEqual(ids.toReversed());
    for (const id of ids) world.registry.get(id, ALICE);
    const last = await fail('r3');
    expect(remembered()).toEqual([last, ids[2]]);
    await world.clock.advance(60_000);
    expect(remembered()).toEqual([]);
    expect(world.submit({ requestId: 'r0' }).queryId).not.toBe(ids[0]);
  });
});

describe('results', () => {
  async function collect(world: RegistryFixture, queryId: string): Promise<ResultUpdate[]> {
    const updates: ResultUpdate[] = [];
    for await (const update of world.registry.watchResults(queryId, ALICE, never)) {
      updates.push(update);
    }
    return updates;
  }

  it('of a small query come inline, whole, to every watcher (R8)', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    const early = collect(world, queryId);
    await world.report('finished', { inlinePages: [PAGE] });
    for (const updates of [await early, await collect(world, queryId)]) {
      expect(updates).toHaveLength(1);
      expect(updates[0]).toMatchObject({
        attempt: 0,
        columns: [{ name: 'c0', type: { id: 'INTEGER' } }],
        locations: [{ inlinePages: [PAGE] }],
        noMoreLocations: true,
        commitment: 'committed',
        resultReplayBytes: 32 * 1024 * 1024,
        timeZone: 'UTC',
      });
    }
  });

  it('end with the query’s error, whatever was said before (T15)', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    const updates: ResultUpdate[] = [];
    const watching = (async () => {
      for await (const update of world.registry.watchResults(queryId, ALICE, never)) {
        updates.push(update);
      }
    })();
    watching.catch(() => undefined);
    await world.clock.advance(25);
    expect(updates).toMatchObject([{ noMoreLocations: true }]);
    await world.report('failed', { error: { code: 'OUT_OF_RANGE', message: 'overflow' } });
    await expect(watching).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
      details: { query_id: queryId },
    });
  });

  it('are gone once they are released', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    await world.report('finished', { inlinePages: [PAGE] });
    world.registry.releaseResult(queryId, ALICE);
    await expect(collect(world, queryId)).rejects.toMatchObject({ code: 'RESULT_TOKEN_EXPIRED' });
  });

  it('finish a query when they are released', async () => {
    const world = new RegistryFixture();
    const queryId = await world.running();
    await world.clock.advance(25);
    await world.report('flushing');
    world.registry.releaseResult(queryId, ALICE);
    await settle();
    expect(world.workers.stops).toMatchObject([{ stop: 'cancel' }]);
    await world.report('canceled');
    expect(world.registry.get(queryId, ALICE).phase).toBe('finished');
  });
});

describe('shutting down', () => {
  it('admits nothing, waits for what runs, and then ends it', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const running = await world.running();
    const queued = world.submit().queryId;
    const grace = new AbortController();
    const closed = world.registry.close(grace.signal);
    await settle();
    expect(codeOf(() => world.submit())).toBe('SHUTTING_DOWN');
    expect(world.registry.get(queued, ALICE).error?.code).toBe('SHUTTING_DOWN');
    expect(world.registry.get(running, ALICE).phase).toBe('running');
    grace.abort();
    await closed;
    expect(world.registry.get(running, ALICE).error?.code).toBe('SHUTTING_DOWN');
  });
});

describe('watching', () => {
  it('shows a slow watcher the latest only', async () => {
    const world = new RegistryFixture();
    const { queryId } = world.submit();
    const reports = world.registry.watch(queryId, ALICE, never)[Symbol.asyncIterator]();
    expect((await reports.next()).value).toMatchObject({ phase: 'planning' });
    await world.planner.answer(0, aPlan());
    await settle();
    await world.report('running');
    await world.report('finished', { inlinePages: [PAGE] });
    expect((await reports.next()).value).toMatchObject({ phase: 'finished' });
    expect((await reports.next()).done).toBe(true);
  });
});

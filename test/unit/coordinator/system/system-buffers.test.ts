import { describe, expect, it } from 'vitest';
import type { BufferAccess } from '../../../../services/common/exchange/page-source.ts';
import type {
  Instant,
  OutputBufferId,
  QueryId,
  SourceId,
} from '../../../../services/common/ids.ts';
import { decodePage } from '../../../../services/common/page/page-reader.ts';
import { pageRowCount } from '../../../../services/common/page/record-batch-message.ts';
import { storageOf } from '../../../../services/common/page/storage.ts';
import { coordinatorLocation } from '../../../../services/common/system/coordinator-location.ts';
import { systemColumns } from '../../../../services/common/system/system-tables.ts';
import type { Principal } from '../../../../services/common/task/task-status.ts';
import { SystemBuffers } from '../../../../services/coordinator/system/system-buffers.ts';
import { systemRows } from '../../../../services/coordinator/system/system-rows.ts';
import type { ClusterSnapshot } from '../../../../services/coordinator/system/cluster-snapshot.ts';
import { ALICE, aPlan, BOB, RegistryFixture } from '../../../support/coordinator-fakes.ts';
import { aFragment, aRemote } from '../../../support/plan-builders.ts';

const SOURCE = 5 as SourceId;
const ALL = { token: 0, maxBytes: 1 << 20, acknowledgedToken: 0 };

class World {
  readonly fixture = new RegistryFixture();
  snapshotCount = 0;
  readonly buffers = new SystemBuffers({
    findQuery: (queryId, principal) => this.fixture.registry.find(queryId, principal),
    snapshotFor: (principal) => {
      this.snapshotCount += 1;
      return this.snapshot(principal);
    },
    sameSecret: (a, b) => Buffer.compare(a, b) === 0,
  });

  snapshot(principal: Principal): ClusterSnapshot {
    const { registry } = this.fixture;
    return {
      queries: registry.queriesOf(principal).map((query) => {
        return { report: query.report(), stages: query.describeStages() };
      }),
      coordinator: {
        address: 'here:1',
        cores: 2,
        memoryBytes: 8,
        startedAt: 1 as Instant,
        now: 2 as Instant,
      },
      workers: [],
      resourceGroups: registry.resourceGroups(),
    };
  }

  /** A query that reads system.queries, running. */
  async reader(): Promise<QueryId> {
    const { queryId } = this.fixture.submit({ sql: 'FROM system.queries' });
    const remote = { ...aRemote(SOURCE, [], 'gather'), systemTable: 'queries' } as const;
    const plan = aPlan({ fragments: [aFragment(0, { remoteSources: [remote] })] });
    await this.fixture.planner.answer(this.fixture.planner.requests.length - 1, plan);
    return queryId;
  }

  access(queryId: QueryId, changes: Partial<BufferAccess['ticket']> = {}): BufferAccess {
    const { traits } = this.fixture.registry.find(queryId, ALICE);
    const taskId = this.fixture.workers.tasks.at(-1);
    if (taskId === undefined) throw new Error('no task was ordered');
    return {
      location: coordinatorLocation(taskId, SOURCE),
      ticket: { capability: traits.capability, principal: ALICE, ...changes },
    };
  }
}

function states(pages: readonly ArrayBuffer[]): number {
  const storages = storageOf(systemColumns('queries'), 'exchange');
  return pages.reduce((sum, page) => sum + decodePage(page, storages).rowCount, 0);
}

describe('SystemBuffers', () => {
  it('serve the principal’s queries, the reading one among them, from the start at every read', async () => {
    const world = new World();
    world.fixture.submit({ principal: BOB });
    const queryId = await world.reader();
    const access = world.access(queryId);
    const reply = await world.buffers.fetchPages(access, ALL);
    expect(reply).toMatchObject({ token: 0, complete: true, isOwned: false });
    expect(states(reply.pages)).toBe(1);
    expect(await world.buffers.fetchPages(access, ALL)).toEqual(reply);
    const behind = { ...ALL, token: reply.pages.length };
    expect(await world.buffers.fetchPages(access, behind)).toMatchObject({
      pages: [],
      complete: true,
    });
  });

  it('show a query one moment, however late it reads', async () => {
    const world = new World();
    const queryId = await world.reader();
    const access = world.access(queryId);
    await world.buffers.fetchPages(access, ALL);
    world.fixture.submit();
    const again = await world.buffers.fetchPages(access, ALL);
    expect(again.pages.map(pageRowCount)).toEqual([1]);
    expect(world.snapshotCount).toBe(1);
  });

  it('forget what they showed when the query has ended', async () => {
    const world = new World();
    const queryId = await world.reader();
    const access = world.access(queryId);
    await world.buffers.fetchPages(access, ALL);
    await world.fixture.report('finished', { inlinePages: [] });
    await expect(world.buffers.fetchPages(access, ALL)).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
    });
  });

  it('are for whoever shows the query’s capability and principal, and for its own sources', async () => {
    const world = new World();
    const queryId = await world.reader();
    const stranger = world.access(queryId, { capability: new Uint8Array(32) });
    await expect(world.buffers.fetchPages(stranger, ALL)).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
    });
    await expect(
      world.buffers.fetchPages(world.access(queryId, { principal: BOB }), ALL),
    ).rejects.toMatchObject({ code: 'QUERY_NOT_FOUND' });
    const { location, ticket } = world.access(queryId);
    const elsewhere = { location: { ...location, bufferId: 6 as OutputBufferId }, ticket };
    await expect(world.buffers.fetchPages(elsewhere, ALL)).rejects.toMatchObject({
      code: 'TASK_NOT_FOUND',
    });
  });
});

describe('systemRows', () => {
  it('have a cell for every column, states in capitals, NULL for what is not known', async () => {
    const world = new World();
    const queryId = await world.reader();
    const snapshot = world.snapshot(ALICE);
    const named = (table: 'queries' | 'stages' | 'tasks' | 'nodes'): Record<string, unknown>[] =>
      systemRows(snapshot, table).map((row) => {
        expect(row).toHaveLength(systemColumns(table).length);
        return Object.fromEntries(systemColumns(table).map(({ name }, i) => [name, row[i]]));
      });
    expect(named('queries')).toMatchObject([
      {
        query_id: queryId,
        state: 'RUNNING',
        principal: 'alice',
        sql: 'FROM system.queries',
        rung: 'small',
        error_code: null,
        end_time: null,
        stages: 1,
        tasks: 1,
      },
    ]);
    expect(named('stages')).toMatchObject([{ query_id: queryId, stage_id: 0, tasks: 1 }]);
    expect(named('tasks')).toMatchObject([
      {
        query_id: queryId,
        stage_id: 0,
        task_id: 0,
        state: 'PLANNED',
        blocked_reason: 'waiting-for-report',
      },
    ]);
    expect(named('nodes')).toMatchObject([{ node_id: 'coordinator', role: 'COORDINATOR' }]);
  });
});

import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import { groupOf } from '../../../../services/coordinator/admission/resource-group-tree.ts';
import { queryReportToWire } from '../../../../services/coordinator/rpc/query-wire.ts';
import { ALICE, BOB, RegistryFixture } from '../../../support/coordinator-fakes.ts';
import { aTree } from '../../../support/resource-groups.ts';

const CANCELLED = { code: 'QUERY_CANCELLED', message: 'the client cancelled the query' } as const;

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof EngineError ? error.code : String(error);
  }
}

describe('admission', () => {
  it('runs so many, queues so many in order, and refuses the next', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1, maxQueuedQueries: 2 });
    const ids = [world.submit(), world.submit(), world.submit()].map((query) => query.queryId);
    expect(codeOf(() => world.submit())).toBe('QUERY_QUEUE_FULL');
    const phases = () => ids.map((id) => world.registry.get(id, ALICE).phase);
    expect(phases()).toEqual(['planning', 'queued', 'queued']);
    await world.registry.cancel(ids[0]!, ALICE, CANCELLED);
    expect(phases()).toEqual(['failed', 'planning', 'queued']);
    await world.registry.cancel(ids[1]!, ALICE, CANCELLED);
    expect(phases()).toEqual(['failed', 'failed', 'planning']);
  });

  it('says in which group a query waits and for want of what', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const first = world.submit();
    const { queryId } = world.submit();
    const wait = { group: 'root', factor: 'concurrency' };
    const report = world.registry.get(queryId, ALICE);
    expect(report).toMatchObject({ resourceGroup: 'root', admissionWait: wait });
    expect(queryReportToWire(report)).toMatchObject({
      resourceGroup: 'root',
      admissionWaitGroup: 'root',
      admissionWaitFactor: 'concurrency',
    });
    await world.registry.cancel(first.queryId, ALICE, CANCELLED);
    const after = world.registry.get(queryId, ALICE);
    expect(after).toMatchObject({ phase: 'planning', resourceGroup: 'root' });
    expect(after.admissionWait).toBeUndefined();
    expect(world.registry.get(first.queryId, ALICE).resourceGroup).toBe('root');
  });

  it('follows another tree at once, and refuses who has no place in it', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const { queryId: first } = world.submit();
    const { queryId: bobs } = world.submit({ principal: BOB });
    const { queryId: second } = world.submit();
    const tree = aTree({ groups: [groupOf('alice', { hardConcurrency: 2 })] });
    world.registry.reloadResourceGroups(tree);
    expect(world.registry.get(bobs, BOB).error?.code).toBe('RESOURCE_GROUP_NOT_FOUND');
    expect(world.registry.get(first, ALICE).resourceGroup).toBe('root.alice');
    expect(world.registry.get(second, ALICE).phase).toBe('planning');
    expect(codeOf(() => world.submit({ principal: BOB }))).toBe('RESOURCE_GROUP_NOT_FOUND');
    expect(world.registry.list(BOB, { pageSize: 9, pageToken: '' }).queries).toHaveLength(1);
  });

  it('counts what queries use where a group has a quota', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 9 });
    const groups = [groupOf('alice', { hardMemoryBytes: 100 })];
    world.registry.reloadResourceGroups(aTree({ groups }));
    await world.running();
    await world.report('running', { stats: { ...NO_TASK_STATS, memoryBytes: 100 } });
    await world.clock.advance(1_000);
    const { queryId } = world.submit();
    const wait = { group: 'root.alice', factor: 'memory' };
    expect(world.registry.get(queryId, ALICE).admissionWait).toEqual(wait);
    const stats = { ...NO_TASK_STATS, memoryBytes: 100, cpuMs: 7 };
    await world.report('running', { stats });
    const told = world.registry.resourceGroups().groups;
    expect(told.map(({ path }) => path)).toEqual(['root', 'root.alice']);
    for (const group of told) expect(group).toMatchObject({ memoryBytes: 100, cpuMs: 7 });
    await world.report('finished', { stats });
    for (const group of world.registry.resourceGroups().groups)
      expect(group).toMatchObject({ memoryBytes: 0, cpuMs: 7 });
    expect(world.registry.get(queryId, ALICE).phase).toBe('planning');
  });

  it('lets the next one in when all rows are computed, whoever still reads them', async () => {
    const world = new RegistryFixture({ maxRunningQueries: 1 });
    const first = await world.running();
    const second = world.submit();
    const buffered = {
      state: 'flushing',
      bufferedBytes: 10,
      utilization: 0,
      overutilized: false,
    } as const;
    await world.report('flushing', { outputs: [buffered] });
    expect(world.registry.get(first, ALICE).phase).toBe('finishing');
    expect(world.registry.get(second.queryId, ALICE).phase).toBe('planning');
  });

  it('answers a repeated request id with the first query, for the same principal only', () => {
    const world = new RegistryFixture({ maxRunningQueries: 1, maxQueuedQueries: 1 });
    const first = world.submit({ requestId: 'r1' });
    expect(world.submit({ requestId: 'r1', sql: 'SELECT 2' }).queryId).toBe(first.queryId);
    expect(world.submit({ requestId: 'r1', principal: BOB }).queryId).not.toBe(first.queryId);
  });
});

import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import { systemClock } from '../../../services/common/system-clock.ts';
import { lostOutputOf } from '../../../services/common/task/fetch-failure.ts';
import type { TaskStatus, TaskUpdate } from '../../../services/common/task/task-status.ts';
import type { ConnectedWorker } from '../../support/control-coordinator.ts';
import { toFragment } from '../../support/plan-builders.ts';
import { dataFile, fragmentOf, oracle, remoteSource } from '../../support/slot-harness.ts';
import { theBuffers } from '../../support/task-fakes.ts';
import {
  aTask,
  assign,
  inlineRows,
  remoteSplit,
  WorkerCluster,
} from '../../support/worker-cluster.ts';

let cluster: WorkerCluster;
let producers: ConnectedWorker;
let consumers: ConnectedWorker;

async function open(): Promise<void> {
  cluster = await WorkerCluster.open();
  await Promise.all([cluster.start('producer'), cluster.start('consumer')]);
  producers = cluster.coordinator.worker('producer');
  consumers = cluster.coordinator.worker('consumer');
}

/** The workers leave nothing behind. */
async function close(): Promise<void> {
  expect(await cluster.close()).toEqual([]);
}

const ENDLESS = 'SELECT i AS c0, repeat(i::VARCHAR, 20) AS c1 FROM range(1000000000000) t(i)';
const ORDERS = `SELECT o_orderkey AS c0, o_comment AS c1 FROM '${dataFile('orders')}'`;

async function aProducer(sql: string, scheme: 'hash' | 'broadcast'): Promise<TaskUpdate> {
  const fragment = await fragmentOf(sql, {
    id: 0 as PlanFragment['id'],
    outputs: [toFragment(1, 5, scheme)],
  });
  const kind = scheme === 'hash' ? 'partitioned' : 'broadcast';
  const count = scheme === 'hash' ? 3 : 1;
  return aTask(fragment, { outputBuffers: [theBuffers(count, { kind, retention: 'retained' })] });
}

/** Counts and adds up what it reads of one buffer; its result is inline. */
async function aReader(producer: TaskUpdate, bufferId: number): Promise<TaskUpdate> {
  const sql =
    'SELECT count(*) AS c0, coalesce(sum(c0), 0)::BIGINT AS c1, coalesce(bit_xor(hash(c1)), 0) AS c2 FROM remote_5';
  const fragment = await fragmentOf(sql, {
    id: 1 as PlanFragment['id'],
    remoteSources: [remoteSource(5, producer.fragment!.columns)],
  });
  const split = remoteSplit(producer, producers, bufferId);
  return aTask(fragment, { splitAssignments: [assign(5, [split])] });
}

async function read(
  worker: ConnectedWorker,
  producer: TaskUpdate,
  bufferId: number,
): Promise<TaskStatus> {
  const reader = await aReader(producer, bufferId);
  worker.update(reader);
  return await worker.ended(reader.taskId);
}

async function rowsOf(
  worker: ConnectedWorker,
  producer: TaskUpdate,
  bufferId: number,
): Promise<readonly unknown[]> {
  const reader = await aReader(producer, bufferId);
  worker.update(reader);
  const status = await worker.ended(reader.taskId);
  expect(status.state).toBe('finished');
  return inlineRows(reader.fragment!, status)[0]!;
}

async function noPageFiles(): Promise<void> {
  while (cluster.pageFiles().length > 0) {
    await systemClock.sleep(5, new AbortController().signal);
  }
}

/** Runs the producer to its end, with nobody to read. */
async function produce(scheme: 'hash' | 'broadcast', sql = ORDERS): Promise<TaskUpdate> {
  const producer = await aProducer(sql, scheme);
  producers.update(producer);
  expect((await producers.ended(producer.taskId)).state).toBe('finished');
  return producer;
}

describe('a retained output', () => {
  beforeAll(open);
  afterAll(close);

  it('dealt by hash is read twice by three readers, here and elsewhere, and goes when it is released', async () => {
    const producer = await produce('hash');
    const status = await producers.ended(producer.taskId);
    const [output] = status.outputs;
    expect(output).toMatchObject({ state: 'finished', bufferedBytes: 0 });
    expect(output?.storedBytes).toHaveLength(3);
    expect(output?.storedBytes?.reduce((sum, bytes) => sum + bytes, 0)).toBe(
      status.stats.storedBytes,
    );
    const readers = [0, 1, 2].flatMap((id) => [
      rowsOf(consumers, producer, id),
      rowsOf(producers, producer, id),
    ]);
    const first = await Promise.all(readers);
    for (const id of [0, 1, 2]) {
      expect(first[2 * id]).toEqual(first[2 * id + 1]);
      expect(await rowsOf(consumers, producer, id)).toEqual(first[2 * id]);
    }
    const parts = first.filter((_rows, i) => i % 2 === 0) as bigint[][];
    const sum = (column: number): bigint => parts.reduce((all, row) => all + row[column]!, 0n);
    const { rows } = await oracle(`SELECT count(*), sum(c0)::BIGINT FROM (${ORDERS})`);
    expect([sum(0), sum(1)]).toEqual(rows[0]);
    expect(cluster.pageFiles()).toHaveLength(1);
    producers.releaseOutput(producer.taskId);
    await noPageFiles();
    const late = await read(consumers, producer, 0);
    expect(late.error?.code).toBe('OUTPUT_PAGE_LOST');
    expect(lostOutputOf(late.error!)).toMatchObject({
      taskId: producer.taskId,
      nodeId: 'producer',
    });
  });

  it.each([
    ['cut off', (file: string) => truncateSync(file, 1_000)],
    ['removed', (file: string) => rmSync(file)],
  ])('whose file was %s fails its reader, which names task and node (R19)', async (_how, spoil) => {
    const producer = await produce('hash');
    const [file] = cluster.pageFiles();
    spoil(join(cluster.spillDirectory, file!));
    const status = await read(consumers, producer, 1);
    expect(status).toMatchObject({ state: 'failed', error: { code: 'OUTPUT_PAGE_LOST' } });
    expect(status.error?.details?.['file']).toContain(file);
    expect(lostOutputOf(status.error!)).toEqual({
      taskId: producer.taskId,
      nodeId: 'producer',
      nodeInstanceId: producers.hello.nodeInstanceId,
    });
    producers.releaseOutput(producer.taskId);
    await noPageFiles();
  });

  it('that is broadcast has one copy for all readers, and is not lost with a control stream', async () => {
    const producer = await produce('broadcast');
    producers.breakStream();
    const rows = await Promise.all([
      rowsOf(consumers, producer, 0),
      rowsOf(consumers, producer, 0),
      rowsOf(producers, producer, 0),
    ]);
    const { rows: expected } = await oracle(
      `SELECT count(*), sum(c0)::BIGINT, bit_xor(hash(c1)) FROM (${ORDERS})`,
    );
    for (const row of rows) expect(row).toEqual(expected[0]);
    producers.releaseOutput(producer.taskId);
    await noPageFiles();
  });

  it('leaves nothing when its task is stopped in the middle of a write', async () => {
    const producer = await aProducer(ENDLESS, 'hash');
    producers.update(producer);
    await producers.status(producer.taskId, ({ stats }) => stats.storedBytes > 10 << 20);
    producers.stop(producer.taskId, 'abort');
    expect((await producers.ended(producer.taskId)).state).toBe('aborted');
    await noPageFiles();
  });
});

describe('a retained output and its worker', () => {
  beforeEach(open);
  afterEach(close);

  it('are parted when the coordinator is replaced', async () => {
    const producer = await produce('broadcast');
    expect(cluster.pageFiles()).toHaveLength(1);
    cluster.coordinator.instanceId = 'coordinator-2';
    producers.breakStream();
    await noPageFiles();
    const status = await read(consumers, producer, 0);
    expect(status.error?.code).toBe('TASK_MISMATCH');
    expect(lostOutputOf(status.error!)).toMatchObject({ taskId: producer.taskId });
  });

  it('stay together until it is released, when the worker is drained', async () => {
    const producer = await produce('broadcast');
    producers.drain();
    while (producers.heartbeat?.draining !== true) await producers.changed();
    expect((await read(consumers, producer, 0)).state).toBe('finished');
    expect(producers.hasLeft).toBe(false);
    producers.releaseOutput(producer.taskId);
    while (!producers.hasLeft) await producers.changed();
  });
});

describe('a worker whose disk is full', () => {
  afterEach(close);

  it('fails the task, leaves nothing, and goes on', async () => {
    cluster = await WorkerCluster.open();
    await cluster.start('small', { spill_limit: '8MiB' });
    const small = cluster.coordinator.worker('small');
    const producer = await aProducer(ENDLESS, 'hash');
    small.update(producer);
    const status = await small.ended(producer.taskId);
    expect(status).toMatchObject({ state: 'failed', error: { code: 'OUT_OF_DISK' } });
    expect(status.error?.details?.['file']).toContain('.pages');
    await noPageFiles();
    const next = await aProducer(ORDERS, 'hash');
    small.update(next);
    expect((await small.ended(next.taskId)).state).toBe('finished');
    small.releaseOutput(next.taskId);
    await noPageFiles();
  });
});

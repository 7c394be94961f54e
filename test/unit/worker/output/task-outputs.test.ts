import { describe, expect, it } from 'vitest';
import type {
  BufferAddress,
  PageRequest,
} from '../../../../services/common/exchange/page-source.ts';
import type {
  FragmentId,
  Instant,
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  SourceId,
} from '../../../../services/common/ids.ts';
import { parseTaskId } from '../../../../services/common/ids.ts';
import type { FragmentOutput } from '../../../../services/common/plan/plan-fragment.ts';
import { seededRandom } from '../../../../services/common/random.ts';
import type { TaskUpdate } from '../../../../services/common/task/task-status.ts';
import { PageMemoryPool } from '../../../../services/worker/output/page-memory-pool.ts';
import { TaskOutputs } from '../../../../services/worker/output/task-outputs.ts';
import { MemoryPageFiles } from '../../../support/memory-page-files.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { VirtualClock, settle } from '../../../support/virtual-clock.ts';

const taskId = parseTaskId('20260315_142501_00042_k7f3a.1.0.0')!;
const update: TaskUpdate = {
  taskId,
  principal: { name: 'ada' },
  capability: new Uint8Array(32).fill(7),
  splitAssignments: [],
  outputBuffers: [],
  deadline: 0 as Instant,
  memoryLimitBytes: 0,
};
const toClient: FragmentOutput = { consumer: { kind: 'client' }, scheme: { kind: 'single' } };
const allIds = {
  kind: 'partitioned',
  version: 1,
  bufferIds: [0 as OutputBufferId],
  noMoreBufferIds: true,
} as const;
const never = new AbortController().signal;
const fromStart: PageRequest = { token: 0, maxBytes: 1_000, acknowledgedToken: 0 };

interface WorkerFixture {
  readonly outputs: TaskOutputs;
  readonly clock: VirtualClock;
  readonly memory: PageMemoryPool;
  readonly disk: MemoryPageFiles;
}

function aWorker(): WorkerFixture {
  const clock = new VirtualClock();
  const memory = new PageMemoryPool(1 << 20);
  const disk = new MemoryPageFiles();
  const outputs = new TaskOutputs({
    memory,
    openPageFile: disk.open,
    clock,
    random: seededRandom(1),
    nodeInstanceId: 'run-1' as NodeInstanceId,
    sameSecret: (a, b) => Buffer.from(a).equals(b),
  });
  return { outputs, clock, memory, disk };
}

function address(
  change: { run?: string; secret?: number; user?: string; outputIndex?: number } = {},
): BufferAddress {
  return {
    location: {
      taskId,
      nodeId: 'worker-1' as NodeId,
      nodeInstanceId: (change.run ?? 'run-1') as NodeInstanceId,
      address: 'localhost:1',
      outputIndex: change.outputIndex ?? 0,
      bufferId: 0 as OutputBufferId,
    },
    ticket: {
      capability: new Uint8Array(32).fill(change.secret ?? 7),
      principal: { name: change.user ?? 'ada' },
    },
  };
}

describe("a worker's outputs", () => {
  it.each([
    ['another run of the worker', { run: 'run-0' }, 'TASK_MISMATCH'],
    ['a wrong capability', { secret: 8 }, 'PERMISSION_DENIED'],
    ['another principal', { user: 'eve' }, 'PERMISSION_DENIED'],
    ['an output that the task has not', { outputIndex: 1 }, 'INVALID_REQUEST'],
  ])('are closed to %s, in every method', async (_who, change, code) => {
    const { outputs } = aWorker();
    outputs.create(update, [toClient], () => undefined).declareBuffers([allIds]);
    const wrong = address(change);
    await expect(outputs.fetchPages(wrong, fromStart, never)).rejects.toMatchObject({ code });
    await expect(outputs.acknowledge(wrong, 0, never)).rejects.toMatchObject({ code });
    await expect(outputs.destroy(wrong, never)).rejects.toMatchObject({ code });
  });

  it('are there for a reader who comes before the task', async () => {
    const { outputs } = aWorker();
    const early = outputs.fetchPages(address(), fromStart, never);
    await settle();
    const set = outputs.create(update, [toClient], () => undefined);
    set.declareBuffers([allIds]);
    set.addPage({ outputIndex: 0, partition: 0, page: aMarkedPage(5), rowCount: 1 });
    expect((await early).pages.map(markOf)).toEqual([5]);
  });

  it('do not wait for ever for a task that nobody starts', async () => {
    const { outputs, clock } = aWorker();
    const early = outputs.fetchPages(address(), fromStart, never);
    const failure = expect(early).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await clock.advance(5_000);
    await failure;
    expect(clock.pendingCount).toBe(0);
  });

  it('are forgotten some minutes after they have ended', async () => {
    const { outputs, clock } = aWorker();
    outputs.create(update, [toClient], () => undefined).destroy();
    const other = (partitionId: number): TaskUpdate => ({
      ...update,
      taskId: { ...taskId, partitionId: partitionId as typeof taskId.partitionId },
    });
    await clock.advance(5_000);
    outputs.create(other(1), [toClient], () => undefined);
    await outputs.destroy(address(), never);
    await clock.advance(300_001);
    outputs.create(other(2), [toClient], () => undefined);
    const late = outputs.destroy(address(), never);
    const failure = expect(late).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await clock.advance(5_000);
    await failure;
  });
});

describe('all outputs of a task', () => {
  it('ask the producer to wait while one of them is full, by counting', async () => {
    const { outputs, memory } = aWorker();
    const set = outputs.create(update, [toClient, toClient], () => undefined);
    set.declareBuffers([allIds, allIds]);
    const page = { outputIndex: 1, partition: 0, page: aMarkedPage(1, 1 << 19), rowCount: 1 };
    let produced = 0;
    const produce = async (): Promise<void> => {
      for (; produced < 6; produced += 1) {
        await set.room();
        set.addPage(page);
      }
    };
    const done = produce();
    await settle();
    expect(produced).toBe(2);
    set.output(1).acknowledge(0 as OutputBufferId, 2);
    await settle();
    expect(produced).toBe(4);
    set.finish();
    await done;
    expect(memory.usedBytes).toBe(1 << 20);
    set.abort();
    expect(memory.usedBytes).toBe(0);
    expect(set.room()).toBeUndefined();
  });

  it('report states and overutilisation, not every page', () => {
    let reports = 0;
    const { outputs } = aWorker();
    const set = outputs.create(update, [toClient], () => (reports += 1));
    set.declareBuffers([allIds]);
    expect(reports).toBe(1);
    for (let i = 0; i < 10; i += 1) {
      set.addPage({ outputIndex: 0, partition: 0, page: aMarkedPage(i), rowCount: 1 });
    }
    expect(reports).toBe(1);
    set.finish();
    expect(reports).toBe(2);
    expect(set.isFinished).toBe(false);
    set.output(0).destroyBuffer(0 as OutputBufferId);
    expect(reports).toBe(3);
    expect(set.isFinished).toBe(true);
  });
});

describe('stored outputs of tasks that have ended', () => {
  const toFragment: FragmentOutput = {
    consumer: { kind: 'fragment', fragmentId: 1 as FragmentId, sourceId: 1 as SourceId },
    scheme: { kind: 'single' },
  };
  const retained = { ...allIds, retention: 'retained' } as const;
  const first = { ...update, outputBuffers: [retained], deadline: 1_000_000 as Instant };
  const named = (partitionId: number): TaskUpdate => ({
    ...first,
    taskId: { ...taskId, partitionId: partitionId as typeof taskId.partitionId },
  });

  async function store(outputs: TaskOutputs, task: TaskUpdate = first): Promise<void> {
    const set = outputs.create(task, [toFragment], () => undefined);
    set.declareBuffers(task.outputBuffers);
    set.addPage({ outputIndex: 0, partition: 0, page: aMarkedPage(5), rowCount: 1 });
    set.finish();
    await settle();
    expect(set.isFinished).toBe(true);
    expect(set.storedBytes).toBe(8);
  }

  it('stay until they are released, however long that takes', async () => {
    const { outputs, clock, disk } = aWorker();
    await store(outputs);
    await clock.advance(400_000);
    await store(outputs, named(1));
    expect((await outputs.fetchPages(address(), fromStart, never)).pages.map(markOf)).toEqual([5]);
    outputs.release(taskId);
    outputs.release(taskId);
    await settle();
    expect(disk.files.size).toBe(1);
    const late = outputs.fetchPages(address(), fromStart, never);
    await expect(late).rejects.toMatchObject({ code: 'OUTPUT_PAGE_LOST' });
  });

  it('are all released when nobody will ask again, and who waits for that is told', async () => {
    const { outputs, disk } = aWorker();
    await store(outputs);
    await store(outputs, named(1));
    let isReleased = false;
    void outputs.untilReleased().then(() => (isReleased = true));
    outputs.release(taskId);
    await settle();
    expect(isReleased).toBe(false);
    outputs.releaseAll();
    await settle();
    expect(isReleased).toBe(true);
    expect(disk.files.size).toBe(0);
  });

  it('go with the deadline of their query, when nobody came to release them', async () => {
    const { outputs, clock, disk } = aWorker();
    await store(outputs);
    await clock.advance(1_060_001);
    outputs.create(named(1), [toFragment], () => undefined);
    await settle();
    expect(disk.files.size).toBe(0);
  });

  it('may be the result: its pages are kept like others', async () => {
    const { outputs } = aWorker();
    const set = outputs.create(first, [toClient], () => undefined);
    set.declareBuffers([retained]);
    set.finish();
    await settle();
    expect(set.isFinished).toBe(true);
    expect(set.isRetained).toBe(true);
  });

  it('are no spooled ones', () => {
    const { outputs } = aWorker();
    const spooled = { ...retained, retention: 'spooled' } as const;
    const other = { ...named(1), outputBuffers: [spooled] };
    const set = outputs.create(other, [toFragment], () => undefined);
    expect(() => set.declareBuffers([spooled])).toThrow('spooled');
  });
});

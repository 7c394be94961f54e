import { describe, expect, it } from 'vitest';
import { routedPageSource } from '../../../../services/common/exchange/page-source.ts';
import type { BufferAddress, PageReply } from '../../../../services/common/exchange/page-source.ts';
import type {
  Instant,
  NodeId,
  NodeInstanceId,
  OutputBufferId,
  FragmentId,
  SourceId,
} from '../../../../services/common/ids.ts';
import { parseTaskId } from '../../../../services/common/ids.ts';
import type { FragmentOutput } from '../../../../services/common/plan/plan-fragment.ts';
import { seededRandom } from '../../../../services/common/random.ts';
import type { TaskUpdate } from '../../../../services/common/task/task-status.ts';
import type { OutputBufferSet } from '../../../../services/worker/output/output-buffer-set.ts';
import { PageMemoryPool } from '../../../../services/worker/output/page-memory-pool.ts';
import { SpoolPageSource } from '../../../../services/worker/output/spool-page-source.ts';
import { TaskOutputs } from '../../../../services/worker/output/task-outputs.ts';
import { MemoryPageFiles } from '../../../support/memory-page-files.ts';
import { MemorySpool } from '../../../support/memory-spool.ts';
import { aMarkedPage, markOf } from '../../../support/pages.ts';
import { settle, VirtualClock } from '../../../support/virtual-clock.ts';

const taskId = parseTaskId('20260315_142501_00042_k7f3a.1.0.0')!;
const ticket = { capability: new Uint8Array(32), principal: { name: 'ada' } };
const toFragment: FragmentOutput = {
  consumer: { kind: 'fragment', fragmentId: 2 as FragmentId, sourceId: 9 as SourceId },
  scheme: { kind: 'hash', keys: ['c0'] },
};
const spooled = {
  kind: 'partitioned',
  version: 1,
  bufferIds: [0, 1] as OutputBufferId[],
  noMoreBufferIds: true,
  retention: 'spooled',
} as const;
const update: TaskUpdate = {
  taskId,
  ...ticket,
  splitAssignments: [],
  outputBuffers: [spooled],
  deadline: 1_000_000 as Instant,
  memoryLimitBytes: 0,
};
const never = new AbortController().signal;

interface Fixture {
  readonly spool: MemorySpool;
  readonly outputs: TaskOutputs;
  readonly set: OutputBufferSet;
  /** Its process is gone. */
  readonly crash: () => void;
}

function aTask(): Fixture {
  const spool = new MemorySpool();
  let isAlive = true;
  const outputs = new TaskOutputs({
    memory: new PageMemoryPool(1 << 20),
    openPageFile: new MemoryPageFiles().open,
    spool: spool.seenBy(() => isAlive),
    clock: new VirtualClock(),
    random: seededRandom(1),
    nodeInstanceId: 'run-1' as NodeInstanceId,
    sameSecret: () => true,
  });
  const set = outputs.create(update, [toFragment], () => undefined);
  set.declareBuffers([spooled]);
  return { spool, outputs, set, crash: () => (isAlive = false) };
}

function add(set: OutputBufferSet, partition: number, mark: number): void {
  set.addPage({ outputIndex: 0, partition, page: aMarkedPage(mark, 40), rowCount: 1 });
}

const addressOf = (bufferId: number): BufferAddress => ({
  location: {
    taskId,
    nodeId: 'worker-1' as NodeId,
    nodeInstanceId: 'run-1' as NodeInstanceId,
    address: 'nowhere:1',
    outputIndex: 0,
    bufferId: bufferId as OutputBufferId,
    isSpooled: true,
  },
  ticket,
});

/** As another worker reads it. */
function read(spool: MemorySpool, bufferId: number, token = 0): Promise<PageReply> {
  const source = new SpoolPageSource(spool.seenBy(() => true));
  const request = { token, maxBytes: 1_000, acknowledgedToken: 0 };
  return source.fetchPages(addressOf(bufferId), request, never);
}

describe('a spooled output (F27)', () => {
  it('is read when its worker is gone, each buffer from any page on, again and again', async () => {
    const { spool, set, crash } = aTask();
    for (const mark of [1, 2]) add(set, 1, mark);
    set.finish();
    await settle();
    expect(set.isFinished).toBe(true);
    expect(set.statuses[0]?.storedBytes).toEqual([0, 80]);
    crash();
    for (const token of [0, 0, 1]) {
      const reply = await read(spool, 1, token);
      expect(reply).toMatchObject({ token, complete: true, isOwned: true });
      expect(reply.pages.map(markOf)).toEqual([1, 2].slice(token));
    }
  });

  it('is told from a lost one when it is empty', async () => {
    const { spool, set } = aTask();
    set.finish();
    await settle();
    expect(await read(spool, 0)).toMatchObject({ pages: [], complete: true });
    await expect(read(spool, 2)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await expect(read(spool, 0, 1)).rejects.toMatchObject({ code: 'TASK_MISMATCH' });
    spool.release(taskId);
    await expect(read(spool, 0)).rejects.toMatchObject({ code: 'OUTPUT_PAGE_LOST' });
  });

  it('is not there before it is whole, nor when its worker died or was stopped before', async () => {
    const dead = aTask();
    add(dead.set, 0, 1);
    await settle();
    await expect(read(dead.spool, 0)).rejects.toMatchObject({ code: 'OUTPUT_PAGE_LOST' });
    dead.crash();
    dead.set.finish();
    const stopped = aTask();
    add(stopped.set, 0, 1);
    stopped.set.abort();
    await settle();
    expect([...dead.spool.held(), ...stopped.spool.held()]).toEqual([]);
    expect(stopped.set.isFinished).toBe(false);
  });

  it('stays when its worker hears nothing of the coordinator, and keeps none from leaving', async () => {
    const { spool, outputs, set } = aTask();
    set.finish();
    await settle();
    outputs.releaseAll();
    await outputs.untilReleased();
    expect(await read(spool, 0)).toMatchObject({ complete: true });
    outputs.release(taskId);
    await settle();
    expect(spool.held()).toEqual([]);
  });

  it('is asked of nobody else where there is no spool', () => {
    const unused = new SpoolPageSource(new MemorySpool().seenBy(() => true));
    const routed = routedPageSource({ isLocal: () => true, local: unused, remote: unused });
    const request = { token: 0, maxBytes: 1, acknowledgedToken: 0 };
    expect(() => routed.fetchPages(addressOf(0), request, never)).toThrow('there is no spool');
  });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { SourceId } from '../../../../services/common/ids.ts';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import type { Split, SplitAssignment } from '../../../../services/common/plan/split.ts';
import type { TaskUpdate } from '../../../../services/common/task/task-status.ts';
import { TaskExecution } from '../../../../services/worker/task/task-execution.ts';
import { aFragment, aRemote, aScanFragment, toFragment } from '../../../support/plan-builders.ts';
import { anUpdate, FakeWorker, fileSplits, theBuffers } from '../../../support/task-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

let worker: FakeWorker;
beforeEach(() => (worker = new FakeWorker()));

function start(fragment: PlanFragment, update: Partial<TaskUpdate> = {}): TaskExecution {
  const { identity, clock, ports, onStatus } = worker;
  const { nodeId, instanceId: nodeInstanceId } = identity;
  const first = anUpdate({ fragment, ...update });
  const env = { nodeId, nodeInstanceId, clock, log: silentLogger, ports, onStatus };
  return new TaskExecution(first, fragment, env);
}

const assign = (
  sourceId: number,
  splits: readonly Split[],
  noMoreSplits = false,
): SplitAssignment => ({ sourceId: sourceId as SourceId, splits, noMoreSplits });

const SCAN = aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'single') });
const COMPLETE_SCAN = { ...SCAN, inputMode: 'complete' } as const;
const RESULT = aFragment(0);

const JOIN = aFragment(2, {
  remoteSources: [aRemote(5, [0], 'partitioned'), aRemote(6, [1], 'partitioned')],
  outputs: [toFragment(3, 7, 'single')],
});

const states = (): readonly string[] => worker.statuses.map(({ state }) => state);

describe('a task with a small result', () => {
  it('delivers it in its final status and nowhere else (R8)', async () => {
    start(RESULT);
    await settle();
    worker.slots.last.emitPage(100);
    worker.slots.last.statements[0]?.finish({ outputRows: 1 });
    await settle();
    expect(worker.status).toMatchObject({ state: 'finished', stats: { outputRows: 1 } });
    expect(worker.status.inlinePages?.map((page) => page.byteLength)).toEqual([100]);
    expect(worker.output.pages).toEqual([]);
    // A reader of the buffer must not take its silence for an empty result.
    expect(worker.output.end).toBe('aborted');
    expect(worker.slots.last.isReleased).toBe(true);
  });

  it('asks for rows in one partition, as clients read them', async () => {
    start(RESULT);
    await settle();
    const deals = [{ keys: undefined, partitionCount: 1, layout: 'result' }];
    expect(worker.slots.last.run).toMatchObject({ ordered: false, deals });
  });

  it('asks for the order of its rows where its SQL gives one', async () => {
    start(aFragment(0, { sql: 'SELECT 1 AS c0 Order  by c0' }));
    await settle();
    expect(worker.slots.last.run?.ordered).toBe(true);
  });

  it('moves to the output buffer when it takes long', async () => {
    start(RESULT);
    await settle();
    worker.slots.last.emitPage(100);
    await worker.clock.advance(50);
    expect(worker.output.pages).toHaveLength(1);
    worker.slots.last.emitPage(100);
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.output.pages).toHaveLength(2);
    expect(worker.status).toMatchObject({ state: 'flushing' });
    expect(worker.status.inlinePages).toBeUndefined();
  });

  it('moves to the output buffer when it grows', async () => {
    start(RESULT);
    await settle();
    for (let i = 0; i < 3; i += 1) worker.slots.last.emitPage(32 << 10);
    expect(worker.output.pages).toHaveLength(3);
  });
});

describe('a scan task', () => {
  it('runs a statement for each batch of splits, a small one first, each split once (T35)', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 7))] });
    await settle();
    expect(worker.slots.last.files).toEqual([[0]]);
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 5, 4), true)] }));
    worker.slots.last.statements[0]?.finish();
    await settle();
    worker.slots.last.statements[1]?.finish();
    await settle();
    worker.slots.last.statements[2]?.finish();
    await settle();
    expect(worker.slots.last.files).toEqual([[0], [1, 2, 3, 4], [5, 6, 7, 8]]);
    expect(worker.slots.last.statements.map(({ batch }) => batch.flush)).toEqual([
      false,
      false,
      true,
    ]);
    expect(worker.status).toMatchObject({ state: 'flushing', stats: { splitsCompleted: 9 } });
    expect(worker.output.end).toBe('finished');
  });

  it('gives its slot back while it has no splits, and takes another when it has', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.slots.last).toMatchObject({ isReleased: true, flushCount: 1 });
    await worker.clock.advance(100);
    expect(worker.status).toMatchObject({ state: 'running', blockedReason: 'waiting-for-splits' });
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 1, 1), true)] }));
    await settle();
    expect(worker.slots.granted).toHaveLength(2);
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.status.state).toBe('flushing');
  });

  it('ends when the end of its splits comes after their statements', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    worker.slots.last.statements[0]?.finish();
    await settle();
    task.update(anUpdate({ splitAssignments: [assign(1, [], true)] }));
    await settle();
    expect(worker.slots.granted).toHaveLength(1);
    expect(worker.status.state).toBe('flushing');
  });

  it('waits for all splits when its fragment wants complete input', async () => {
    const task = start(COMPLETE_SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 3))] });
    await settle();
    expect(worker.slots.granted).toHaveLength(0);
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 3, 1), true)] }));
    await settle();
    expect(worker.slots.last.files).toEqual([[0, 1, 2, 3]]);
  });

  it('runs its statement over an empty split (T23)', async () => {
    const empty: Split = { sequenceId: 0, weight: 100, input: { kind: 'empty' } };
    start(SCAN, { splitAssignments: [assign(1, [empty], true)] });
    await settle();
    expect(worker.slots.last.files).toEqual([[]]);
  });

  it('reports what it received and what it has not begun', async () => {
    start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 3))] });
    await settle();
    expect(worker.statuses[0]).toMatchObject({
      receivedSplits: [{ sourceId: 1, sequenceId: 2 }],
      queuedSplitWeight: 300,
    });
  });

  it('says at once that it has no splits left to begin', async () => {
    start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    const before = worker.statuses.length;
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.statuses.length).toBeGreaterThan(before);
  });

  it('stops at its row limit, whatever input is left', async () => {
    const fragment = { ...SCAN, rowLimit: 10 };
    start(fragment, { splitAssignments: [assign(1, fileSplits(1, 0, 9))] });
    await settle();
    expect(worker.slots.last.run?.rowLimit).toBe(10);
    worker.slots.last.statements[0]?.finish({ outputRows: 10, limitReached: true });
    await settle();
    expect(worker.slots.last.statements).toHaveLength(1);
    expect(worker.slots.last.flushCount).toBe(1);
    expect(worker.status.state).toBe('flushing');
  });

  it('counts rows against its limit across slots', async () => {
    const fragment = { ...SCAN, rowLimit: 10 };
    const task = start(fragment, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    worker.slots.last.statements[0]?.finish({ outputRows: 4 });
    await settle();
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 1, 1))] }));
    await settle();
    expect(worker.slots.last.run?.rowLimit).toBe(6);
  });

  it('begins no statement while its output is full', async () => {
    start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 2), true)] });
    await settle();
    worker.output.fill();
    worker.slots.last.statements[0]?.finish();
    await settle();
    expect(worker.slots.last.statements).toHaveLength(1);
    expect(worker.status.blockedReason).toBe('output-full');
    worker.output.drain();
    await settle();
    expect(worker.slots.last.statements).toHaveLength(2);
  });
});

describe('a task with hash outputs', () => {
  const fragment = { ...SCAN, outputs: [toFragment(1, 2, 'hash')] };

  it('waits until the number of its partitions is known (T10)', async () => {
    const task = start(fragment, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    expect(worker.slots.granted).toHaveLength(0);
    task.update(anUpdate({ outputBuffers: [theBuffers(3)] }));
    await settle();
    expect(worker.slots.last.run?.deals).toEqual([
      { keys: ['c0'], partitionCount: 3, layout: 'exchange' },
    ]);
  });

  it('deals its rows once for outputs that are dealt alike', async () => {
    const outputs = ['hash', 'broadcast', 'hash', 'single'] as const;
    const shared = { ...SCAN, outputs: outputs.map((kind, i) => toFragment(1, i, kind)) };
    const outputBuffers = [theBuffers(3), theBuffers(1), theBuffers(3), theBuffers(1)];
    start(shared, { outputBuffers, splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    expect(worker.slots.last.run?.deals).toHaveLength(2);
    worker.slots.last.emitPage(10, 0);
    worker.slots.last.emitPage(10, 1);
    expect(worker.output.pages.map(({ outputIndex }) => outputIndex)).toEqual([0, 2, 1, 3]);
  });
});

describe('a task with remote sources', () => {
  it('asks for no slot before all of them are complete', async () => {
    start(JOIN);
    await worker.clock.advance(100);
    expect(worker.status.blockedReason).toBe('waiting-for-input');
    worker.input(5).complete(10);
    await settle();
    expect(worker.slots.granted).toHaveLength(0);
    worker.input(6).complete(20);
    await settle();
    expect([...(worker.slots.last.run?.inputRows ?? [])]).toEqual([
      [5, 10],
      [6, 20],
    ]);
  });

  it('fails when one of them cannot be read, and closes them all', async () => {
    start(JOIN);
    await settle();
    worker.input(5).listener.onFailure(new EngineError('EXCHANGE_FAILED', 'gone'));
    await settle();
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'EXCHANGE_FAILED' } });
    expect([worker.input(5).isClosed, worker.input(6).isClosed]).toEqual([true, true]);
    expect(worker.output.end).toBe('aborted');
  });

  it('reads broadcast inputs again in every slot that it takes', async () => {
    const fragment = { ...SCAN, remoteSources: [aRemote(5, [0], 'broadcast')] };
    const task = start(fragment, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    worker.input(5).complete(1);
    await settle();
    worker.slots.last.statements[0]?.finish();
    await settle();
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 1, 1))] }));
    await settle();
    expect(worker.input(5).rewindCount).toBe(2);
  });
});

describe('a task that is stopped', () => {
  it('has ended only when its slot has let go of it', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1))] });
    await settle();
    task.stop('cancel');
    expect(task.state).toBe('canceling');
    expect(worker.output.end).toBe('destroyed');
    expect(worker.slots.last.abortedBy?.code).toBe('QUERY_CANCELLED');
    await settle();
    expect(worker.slots.last.isReleased).toBe(true);
    expect(states()).toEqual(['running', 'canceling', 'canceled']);
  });

  it.each([
    ['abort', 'aborted', 'aborted'],
    ['cancel', 'canceled', 'destroyed'],
  ] as const)('by %s shows its readers: %s', async (stop, state, end) => {
    const task = start(SCAN);
    await settle();
    task.stop(stop);
    await settle();
    expect(worker.status.state).toBe(state);
    expect(worker.output.end).toBe(end);
  });

  it('while it waits for a slot needs none', async () => {
    worker.slots.isFree = false;
    const task = start(RESULT);
    await worker.clock.advance(100);
    expect(worker.status.blockedReason).toBe('waiting-for-slot');
    task.stop('abort');
    await settle();
    expect(worker.status.state).toBe('aborted');
  });

  it('while its output is full does not wait for room', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 2))] });
    await settle();
    worker.output.fill();
    worker.slots.last.statements[0]?.finish();
    await settle();
    task.stop('cancel');
    await settle();
    expect(worker.status.state).toBe('canceled');
  });

  it('after its rows are made ends at once', async () => {
    const task = start(SCAN, { splitAssignments: [assign(1, [], true)] });
    await settle();
    expect(task.state).toBe('flushing');
    task.stop('cancel');
    expect(task.state).toBe('canceled');
  });

  it('takes nothing any more', async () => {
    const task = start(SCAN);
    await settle();
    task.stop('abort');
    task.update(anUpdate({ splitAssignments: [assign(1, fileSplits(1, 0, 1), true)] }));
    task.fail(new EngineError('INTERNAL_ERROR', 'late'));
    await settle();
    expect(worker.slots.granted).toHaveLength(0);
    expect(worker.status).toMatchObject({ state: 'aborted' });
  });
});

describe('a task whose statement fails', () => {
  it('fails with its error and never shows its readers an end', async () => {
    start(SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1), true)] });
    await settle();
    worker.slots.last.emitPage(10);
    worker.slots.last.statements[0]?.fail(new EngineError('CONVERSION_ERROR', 'no number'));
    await settle();
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'CONVERSION_ERROR' } });
    expect(worker.output.end).toBe('aborted');
    expect(worker.slots.last.isReleased).toBe(true);
  });
});

describe('a task whose pages cannot be stored', () => {
  it.each([false, true])('fails by that; all rows are made: %s', async (isFlushing) => {
    start(COMPLETE_SCAN, { splitAssignments: [assign(1, fileSplits(1, 0, 1), true)] });
    await settle();
    if (isFlushing) worker.slots.last.statements[0]?.finish();
    await settle();
    expect(states().includes('flushing')).toBe(isFlushing);
    worker.output.cannotStore(new EngineError('OUT_OF_DISK', 'full'));
    await settle();
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'OUT_OF_DISK' } });
    expect(worker.output.end).toBe('aborted');
    expect(worker.slots.last.isReleased).toBe(true);
  });
});

describe('a flushing task', () => {
  it('is finished when its readers have read everything', async () => {
    start(SCAN, { splitAssignments: [assign(1, [], true)] });
    await settle();
    worker.output.readToEnd();
    await settle();
    expect(worker.status.state).toBe('finished');
  });
});

describe('an update that breaks the contract', () => {
  it('fails the task', async () => {
    start(SCAN, { splitAssignments: [assign(9, [])] });
    await settle();
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'INTERNAL_ERROR' } });
  });
});

describe('a task beyond its deadline', () => {
  it('ends by itself when nobody came to end it', async () => {
    start(SCAN, { deadline: 1000 as TaskUpdate['deadline'] });
    await worker.clock.advance(11_000);
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'QUERY_TIMEOUT' } });
  });
});

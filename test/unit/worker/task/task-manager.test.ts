import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../services/common/logger.ts';
import type { TaskUpdate } from '../../../../services/common/task/task-status.ts';
import { TaskManager } from '../../../../services/worker/task/task-manager.ts';
import { aFragment } from '../../../support/plan-builders.ts';
import { anUpdate, aTaskId, FakeWorker } from '../../../support/task-fakes.ts';
import { settle } from '../../../support/virtual-clock.ts';

let worker: FakeWorker;
let tasks: TaskManager;

beforeEach(() => {
  worker = new FakeWorker();
  const { identity, clock, ports, onStatus } = worker;
  tasks = new TaskManager(
    { identity, clientTimeoutMs: 1000, endedTaskMaxAgeMs: 5000 },
    { clock, log: silentLogger, ports, onStatus },
  );
});

const order = (attempt = 0, changes: Partial<TaskUpdate> = {}): TaskUpdate =>
  anUpdate({ taskId: aTaskId({ attempt }), fragment: aFragment(0), ...changes });

async function finish(): Promise<void> {
  await settle();
  worker.slots.last.statements[0]?.finish();
  await settle();
}

describe('the task manager', () => {
  it('starts a task once, however often it is ordered', async () => {
    tasks.update(order());
    tasks.update(order());
    await settle();
    expect(worker.outputs).toHaveLength(1);
    expect(tasks.liveTaskCount).toBe(1);
  });

  it('does not start an ended task again', async () => {
    tasks.update(order());
    await finish();
    expect(tasks.liveTaskCount).toBe(0);
    tasks.update(order());
    expect(worker.outputs).toHaveLength(1);
  });

  it('forgets an ended task after a while, without a timer that would keep a process alive', async () => {
    tasks.update(order());
    await finish();
    expect(worker.clock.pendingCount).toBe(0);
    await worker.clock.advance(5000);
    const another = aTaskId({ stageId: 1 as never });
    tasks.update(order(0, { taskId: another }));
    tasks.update(order());
    expect(worker.outputs).toHaveLength(3);
  });

  it('aborts older attempts and ignores what is still said to them (fencing)', async () => {
    tasks.update(order(0));
    tasks.update(order(2));
    await settle();
    const ended = worker.statuses.filter(({ taskId }) => taskId.attempt === 0).at(-1);
    expect(ended?.state).toBe('aborted');
    tasks.update(order(1));
    await settle();
    expect(worker.outputs).toHaveLength(2);
    expect(worker.status.taskId.attempt).not.toBe(1);
  });

  it('answers an order without a fragment, for a task it does not know, with a failure', () => {
    tasks.update(anUpdate());
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'TASK_NOT_FOUND' } });
  });

  it('takes no new tasks while draining, and is idle when the last has ended', async () => {
    tasks.update(order());
    tasks.drain();
    let isIdle = false;
    void tasks.idle().then(() => (isIdle = true));
    tasks.update(order(0, { taskId: aTaskId({ stageId: 1 as never }) }));
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'SHUTTING_DOWN' } });
    await settle();
    expect(isIdle).toBe(false);
    await finish();
    expect(isIdle).toBe(true);
  });

  it('abandons its tasks when the coordinator stays away', async () => {
    tasks.update(order());
    tasks.onDisconnected();
    await worker.clock.advance(999);
    expect(tasks.liveTaskCount).toBe(1);
    await worker.clock.advance(1);
    expect(worker.status).toMatchObject({ state: 'failed', error: { code: 'TASK_ABANDONED' } });
  });

  it('lets go of all that is stored when the coordinator stays away, and not before', async () => {
    tasks.update(order());
    await finish();
    tasks.onDisconnected();
    await worker.clock.advance(999);
    tasks.onConnected();
    await worker.clock.advance(10_000);
    expect(worker.releaseAllCount).toBe(0);
    tasks.onDisconnected();
    await worker.clock.advance(1000);
    expect(worker.releaseAllCount).toBe(1);
  });

  it('lets go of what a task has stored, and ends one that still runs for nobody', async () => {
    tasks.update(order());
    await finish();
    tasks.releaseOutput(aTaskId());
    expect(worker.released).toEqual([aTaskId()]);
    expect(worker.status.state).toBe('finished');
    const another = aTaskId({ stageId: 1 as never });
    tasks.update(order(0, { taskId: another }));
    tasks.releaseOutput(another);
    await settle();
    expect(worker.status).toMatchObject({ taskId: another, state: 'aborted' });
    expect(worker.released).toEqual([aTaskId(), another]);
  });

  it('keeps its tasks when the coordinator comes back in time', async () => {
    tasks.update(order());
    tasks.onDisconnected();
    await worker.clock.advance(999);
    tasks.onConnected();
    await worker.clock.advance(10_000);
    expect(tasks.liveTaskCount).toBe(1);
  });

  it('stops the tasks it is told to, and nothing else', async () => {
    tasks.update(order());
    tasks.stop(aTaskId({ attempt: 7 }), 'abort');
    await settle();
    expect(tasks.liveTaskCount).toBe(1);
    tasks.stop(aTaskId(), 'cancel');
    await settle();
    expect(worker.status.state).toBe('canceled');
  });
});

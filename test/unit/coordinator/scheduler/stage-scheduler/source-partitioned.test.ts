import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../../../services/common/ids.ts';
import type { OutputBufferStatus } from '../../../../../services/common/task/output-buffers.ts';
import type { SplitQueueLimits } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import { aNode, aScan, someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { broadcastPlan, gatherPlan } from '../../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const OVERFULL: OutputBufferStatus = {
  state: 'open',
  bufferedBytes: 9,
  utilization: 0.9,
  overutilized: true,
};

/** One node queues two standard splits, one task another two; everything else waits. */
const TIGHT: SplitQueueLimits = {
  maxNodeWeight: 200,
  minTaskWeight: 200,
  maxTaskWeight: 200,
  maxUnacknowledgedSplits: 100,
};

function placedOn(driver: SchedulerDriver, stage: number): Record<string, number> {
  const placed: Record<string, number> = {};
  driver.stage(stage).tasks.forEach((task, partition) => {
    placed[task.nodeId] = (placed[task.nodeId] ?? 0) + driver.splitsOf(stage, partition, 1).length;
  });
  return placed;
}

describe('split batching (T22, P7)', () => {
  it('asks for the first batch at once, for the next when the last is placed', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { splitBatchSize: 2 } });
    expect(driver.effectsOf('load-splits')).toEqual([
      { kind: 'load-splits', sourceId: 1, batch: 0, maxCount: 2 },
    ]);
    const effects = driver.loaded(1, someSplits(1, 2), false);
    expect(effectsOf(effects, 'load-splits')).toEqual([
      { kind: 'load-splits', sourceId: 1, batch: 1, maxCount: 2 },
    ]);
    expect(effectsOf(driver.loaded(1, someSplits(1, 2)), 'load-splits')).toEqual([]);
    expect(driver.stage(0).kind).toBe('scheduled');
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
  });

  it('never asks for a batch while splits are pending', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: TIGHT },
    });
    driver.loaded(1, someSplits(1, 5), false);
    expect(driver.stage(0).scans[0]?.pending).toHaveLength(3);
    expect(driver.effectsOf('load-splits')).toHaveLength(1);
    driver.report(0, 0, 'running');
    driver.report(0, 0, 'running');
    expect(driver.stage(0).scans[0]?.pending).toHaveLength(0);
    expect(driver.effectsOf('load-splits')).toHaveLength(2);
  });

  it('asks again when a batch was empty but not the last', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, [], false);
    expect(driver.effectsOf('load-splits').map((effect) => effect.batch)).toEqual([0, 1]);
    driver.loaded(1, someSplits(1, 1));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(1);
  });

  it('ignores a batch that comes twice or was never asked for', () => {
    const driver = new SchedulerDriver(gatherPlan());
    const splits = someSplits(1, 2);
    const event = {
      kind: 'splits-loaded',
      sourceId: aScan(1).sourceId,
      batch: 0,
      splits,
      last: false,
    } as const;
    driver.send(event);
    expect(driver.send(event)).toEqual([]);
    expect(driver.send({ ...event, batch: 7 })).toEqual([]);
    expect(driver.send({ ...event, sourceId: aScan(9).sourceId })).toEqual([]);
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 1, 'worker-2': 1 });
  });

  it('fails the query when its splits cannot be listed', () => {
    const driver = new SchedulerDriver(gatherPlan());
    const error = { code: 'SOURCE_READ_FAILED', message: 'no such bucket' } as const;
    driver.send({ kind: 'split-loading-failed', sourceId: aScan(1).sourceId, batch: 0, error });
    expect(driver.state.query).toEqual({ kind: 'failed', error });
    expect(driver.stage(0).kind).toBe('failed');
  });
});

describe('the empty split (T23)', () => {
  it('gives a source without splits its one task', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, []);
    expect(driver.stage(0).tasks).toHaveLength(1);
    expect(driver.splitsOf(0, 0, 1)).toEqual([
      { sequenceId: 0, weight: 0, input: { kind: 'empty' } },
    ]);
    expect(driver.heardEnd(0, 0, 1)).toBe(true);
  });

  it('is not given to a source with splits', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1), false);
    driver.loaded(1, []);
    expect(driver.splitsOf(0, 0, 1).map((split) => split.input.kind)).toEqual(['file']);
  });
});

describe('tasks and lanes (T26, P6, P8)', () => {
  it('spreads the first splits over the nodes, then over their lanes', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(3, { taskConcurrency: 2 }),
    });
    driver.loaded(1, someSplits(1, 3), false);
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 1, 'worker-2': 1, 'worker-3': 1 });
    driver.loaded(1, someSplits(1, 3), true);
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 2, 'worker-2': 2, 'worker-3': 2 });
    expect(driver.stage(0).tasks).toHaveLength(6);
  });

  it('numbers tasks in the order of their creation and gives later splits to existing tasks', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 6));
    expect(driver.stage(0).tasks.map((task) => task.taskId.partitionId)).toEqual([0, 1]);
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 3, 'worker-2': 3 });
  });

  it('honours task_concurrency of the session above what nodes announce', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { taskConcurrency: 3 } });
    driver.loaded(1, someSplits(1, 20));
    expect(driver.stage(0).tasks).toHaveLength(6);
  });

  it('prefers the task with the shorter queue', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 2), false);
    driver.report(0, 0, { state: 'running', queuedSplitWeight: 500 });
    driver.report(0, 1, { state: 'running', queuedSplitWeight: 0 });
    driver.loaded(1, someSplits(1, 3));
    expect([0, 1].map((partition) => driver.splitsOf(0, partition, 1).length)).toEqual([1, 4]);
  });

  it('uses a node that joins while splits are left', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: TIGHT },
    });
    driver.loaded(1, someSplits(1, 4));
    driver.send({ kind: 'node-joined', node: aNode('worker-7') });
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 2, 'worker-7': 2 });
  });

  it('gives nothing to a draining node while there is another', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 2), false);
    const { nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId: 'worker-1' as NodeId, nodeInstanceId });
    driver.loaded(1, someSplits(1, 4));
    expect(placedOn(driver, 0)).toEqual({ 'worker-1': 1, 'worker-2': 5 });
  });

  it('finishes on its draining nodes when there is no other', () => {
    const driver = new SchedulerDriver(gatherPlan(), { nodes: someNodes(1) });
    driver.loaded(1, someSplits(1, 1), false);
    const { nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId: 'worker-1' as NodeId, nodeInstanceId });
    driver.loaded(1, someSplits(1, 2));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(3);
  });

  it('fails with NO_NODES_AVAILABLE when no node can take a first task', () => {
    const driver = new SchedulerDriver(broadcastPlan(), { nodes: someNodes(1) });
    const { nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId: 'worker-1' as NodeId, nodeInstanceId });
    driver.loaded(1, someSplits(1, 1));
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_NODES_AVAILABLE' },
    });
  });
});

describe('queue limits (T27, P8)', () => {
  it('keeps what finds no room, in order, and places it when a task runs low', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: TIGHT },
    });
    driver.loaded(1, someSplits(1, 5));
    expect(driver.stage(0).scans[0]?.pending.map((split) => split.firstRow)).toEqual([
      200, 300, 400,
    ]);
    driver.report(0, 0, { state: 'running', queuedSplitWeight: 100 });
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(2);
    driver.report(0, 0, { state: 'running', queuedSplitWeight: 50 });
    const rows = driver
      .splitsOf(0, 0, 1)
      .map(({ input }) => input.kind === 'file' && input.firstRow);
    expect(rows).toEqual([0, 100, 200, 300]);
  });

  it('lets no task have more unacknowledged splits than its cap, whatever the weights say', () => {
    const limits = { ...TIGHT, maxNodeWeight: 100_000, maxUnacknowledgedSplits: 3 };
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: limits },
    });
    driver.loaded(1, someSplits(1, 10));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(3);
    driver.report(0, 0, 'running');
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(6);
  });

  it('holds only the cap for tasks that begin with all of their splits', () => {
    const driver = new SchedulerDriver(gatherPlan({ inputMode: 'complete' }), {
      nodes: someNodes(1),
      options: { splitQueueLimits: TIGHT },
    });
    driver.loaded(1, someSplits(1, 50));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(50);
    expect(driver.heardEnd(0, 0, 1)).toBe(true);
  });

  it('takes one split for an idle task, however heavy', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: TIGHT },
    });
    driver.loaded(1, someSplits(1, 1, 4 * 1024 ** 3));
    expect(driver.splitsOf(0, 0, 1)).toMatchObject([{ weight: 12_800 }]);
  });
});

describe('the deadlock breaker (T25)', () => {
  /** The probe's queues are full, so its last tasks are not there; the build is full, so its first ones cannot begin. */
  function stuck(): SchedulerDriver {
    const driver = new SchedulerDriver(broadcastPlan(), {
      nodes: someNodes(1, { taskConcurrency: 3 }),
      options: { splitQueueLimits: { ...TIGHT, maxNodeWeight: 100, minTaskWeight: 0 } },
    });
    driver.loaded(1, someSplits(1, 1));
    driver.report(0, 0, 'running');
    driver.loaded(2, someSplits(2, 5));
    return driver;
  }

  it('creates all tasks and says that no reader will follow', () => {
    const driver = stuck();
    expect(driver.stageKinds()).toMatchObject({ 1: 'scheduling' });
    expect(driver.stage(1).tasks).toHaveLength(1);
    driver.report(0, 0, { state: 'running', outputs: [OVERFULL] });
    expect(driver.stageKinds()).toMatchObject({ 1: 'scheduling-splits' });
    expect(driver.stage(1).tasks).toHaveLength(3);
    expect(driver.updatesOf(0, 0).at(-1)?.outputBuffers).toMatchObject([
      { bufferIds: [0, 1, 2], noMoreBufferIds: true },
    ]);
  });

  it('adds no task on a node that joins later', () => {
    const driver = stuck();
    driver.report(0, 0, { state: 'running', outputs: [OVERFULL] });
    driver.send({ kind: 'node-joined', node: aNode('worker-9') });
    expect(driver.stage(1).tasks).toHaveLength(3);
  });

  it('does not close the set of tasks before there is one', () => {
    const driver = new SchedulerDriver(broadcastPlan(), { nodes: someNodes(1) });
    driver.loaded(1, someSplits(1, 1));
    driver.report(0, 0, 'running');
    const { nodeId, nodeInstanceId } = aNode('worker-1');
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    driver.report(0, 0, { state: 'running', outputs: [OVERFULL] });
    expect(driver.stageKinds()).toMatchObject({ 1: 'scheduling' });
    driver.send({ kind: 'node-joined', node: aNode('worker-2') });
    driver.loaded(2, []);
    expect(driver.splitsOf(1, 0, 2)).toMatchObject([{ input: { kind: 'empty' } }]);
  });

  it('stays away while the producer has room', () => {
    const driver = stuck();
    driver.report(0, 0, { state: 'running', outputs: [{ ...OVERFULL, overutilized: false }] });
    expect(driver.stage(1).tasks).toHaveLength(1);
  });
});

describe('row limits', () => {
  it('stops feeding when the tasks have enough rows between them', () => {
    const driver = new SchedulerDriver(gatherPlan({ rowLimit: 10 }), {
      options: { splitBatchSize: 2 },
    });
    driver.loaded(1, someSplits(1, 2), false);
    const stats = { ...driver.task(0, 0).stats, outputRows: 5 };
    driver.report(0, 0, { state: 'running', stats });
    expect(driver.stage(0).kind).toBe('scheduling');
    driver.report(0, 1, { state: 'running', stats });
    expect(driver.stage(0).kind).toBe('running');
    expect([0, 1].every((partition) => driver.heardEnd(0, partition, 1))).toBe(true);
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
    expect(driver.stops()).toEqual([]);
  });

  it('stops feeding when one task has enough rows alone', () => {
    const driver = new SchedulerDriver(gatherPlan({ rowLimit: 10 }), {
      options: { splitBatchSize: 2 },
    });
    driver.loaded(1, someSplits(1, 2), false);
    driver.report(0, 0, 'flushing');
    expect(driver.stage(0).kind).toBe('running');
    expect(driver.heardEnd(0, 1, 1)).toBe(true);
  });
});

import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import type { SchedulerOptions } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { aNode, someNodes, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const STAGE_BARRIER = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;

function driverOf(options: Partial<SchedulerOptions> = {}, nodes = someNodes(2)): SchedulerDriver {
  return new SchedulerDriver(gatherPlan(), { nodes, options: { ...STAGE_BARRIER, ...options } });
}

const launched = (driver: SchedulerDriver): readonly number[] =>
  driver.stage(0).tasks.map(({ taskId }) => taskId.partitionId);

describe('partitions', () => {
  it('run in waves: as many as lanes are free, the next when one has ended (S10–S12)', () => {
    const driver = driverOf({ splitBatchSize: 2 });
    driver.loaded(1, someSplits(1, 2), false);
    driver.loaded(1, someSplits(1, 2), false);
    driver.loaded(1, someSplits(1, 1));
    expect(driver.stage(0).partitions).toHaveLength(5);
    expect(launched(driver)).toEqual([0, 1]);
    driver.report(0, 1, 'finished');
    expect(launched(driver)).toEqual([0, 1, 2]);
    expect(driver.task(0, 2).nodeId).toBe(driver.task(0, 1).nodeId);
    driver.report(0, 0, 'finished');
    driver.report(0, 2, 'finished');
    expect(launched(driver)).toEqual([0, 1, 2, 3, 4]);
  });

  it('spread over the workers with most free lanes, and spare draining ones (S10)', () => {
    const nodes = [aNode('big', { taskConcurrency: 3 }), aNode('small'), aNode('leaving')];
    const driver = driverOf({}, nodes);
    const { nodeId, nodeInstanceId } = nodes[2] ?? aNode('none');
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    driver.loaded(1, someSplits(1, 8));
    const homes = driver.stage(0).tasks.map((task) => task.nodeId as string);
    expect(homes.toSorted()).toEqual(['big', 'big', 'big', 'small']);
    expect(homes.slice(0, 2)).toEqual(['big', 'big']);
  });

  it('take a lane of a worker that joins at once (S13)', () => {
    const driver = driverOf({}, someNodes(1));
    driver.loaded(1, someSplits(1, 1), false);
    driver.loaded(1, someSplits(1, 1));
    expect(launched(driver)).toEqual([0]);
    driver.send({ kind: 'node-joined', node: aNode('late') });
    expect(driver.task(0, 1).nodeId).toBe('late');
  });

  it('get splits beyond the unacknowledged cap when the worker has acknowledged (F12, I14)', () => {
    const limits = {
      maxNodeWeight: 1,
      minTaskWeight: 1,
      maxTaskWeight: 1,
      maxUnacknowledgedSplits: 2,
    };
    const driver = driverOf({ splitQueueLimits: limits }, someNodes(1));
    driver.loaded(1, someSplits(1, 3));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(2);
    expect(driver.heardEnd(0, 0, 1)).toBe(false);
    driver.report(0, 0, 'running');
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(3);
    expect(driver.heardEnd(0, 0, 1)).toBe(true);
  });

  it('wait for a worker when there is none, and not for ever', () => {
    const driver = driverOf({ nodeWaitMs: 1_000 }, someNodes(1));
    driver.loaded(1, someSplits(1, 1));
    driver.loseNodeOf(driver.task(0, 0));
    const [first] = driver.effectsOf('arm-timer').slice(-1);
    expect(first).toMatchObject({ timer: { kind: 'node-wait', since: 1_000 }, at: 2_000 });
    driver.send({ kind: 'node-joined', node: aNode('fresh') });
    expect(driver.task(0, 0).nodeId).toBe('fresh');
    driver.now = 1_500 as Instant;
    driver.loseNodeOf(driver.task(0, 0));
    // The first wait was over when a worker came.
    if (first !== undefined) driver.send({ kind: 'timer-fired', timer: first.timer });
    expect(driver.state.query.kind).toBe('running');
    const [second] = driver.effectsOf('arm-timer').slice(-1);
    if (second !== undefined) driver.send({ kind: 'timer-fired', timer: second.timer });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'NO_NODES_AVAILABLE' },
    });
  });
});

describe('a row limit', () => {
  const limited = (): SchedulerDriver => {
    const [scan, root] = gatherPlan();
    if (scan === undefined || root === undefined) throw new Error('the plan has two fragments');
    const driver = new SchedulerDriver([{ ...scan, rowLimit: 5 }, root], {
      nodes: someNodes(2),
      options: { ...STAGE_BARRIER, splitBatchSize: 2 },
    });
    driver.loaded(1, someSplits(1, 2), false);
    driver.loaded(1, someSplits(1, 2), false);
    driver.loaded(1, someSplits(1, 2));
    return driver;
  };
  const finished = (outputRows: number) =>
    ({ state: 'finished', stats: { ...NO_TASK_STATS, outputRows } }) as const;

  it('ends the waves when attempts that count have made its rows, and stops what still runs (T18)', () => {
    const driver = limited();
    expect(driver.stage(0).partitions).toHaveLength(6);
    driver.report(0, 0, finished(4));
    expect(launched(driver)).toEqual([0, 1, 2]);
    driver.report(0, 1, finished(4));
    expect(launched(driver)).toEqual([0, 1, 2]);
    expect(driver.stops()).toContain('abort 0.2');
    expect(driver.stage(0).kind).toBe('finished');
    const read = driver.splitsOf(1, 0, 2).map(({ input }) => input);
    expect(read).toHaveLength(2);
    expect(driver.task(1, 0).inputs).toMatchObject([{ noMoreSplits: true }]);
  });

  it('goes on with what is left when that is enough', () => {
    const driver = limited();
    driver.report(0, 0, finished(1));
    driver.report(0, 1, finished(5));
    const kept = driver.task(0, 1);
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.stage(0).kind).toBe('finished');
    const read = driver.splitsOf(1, 0, 2).map(({ input }) => input);
    expect(read.slice(2)).toMatchObject([{ location: { taskId: kept.taskId } }]);
  });

  it('lets other partitions run when rows of it are lost', () => {
    const driver = limited();
    for (const partition of [0, 1]) driver.report(0, partition, finished(4));
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.stage(0).kind).not.toBe('finished');
    const attempts = driver
      .stage(0)
      .tasks.map((t) => `${t.taskId.partitionId}.${t.taskId.attempt}`);
    expect(attempts).toEqual(['0.0', '1.0', '2.0', '0.1']);
  });
});

import { describe, expect, it } from 'vitest';
import { DEFAULT_QUEUE_BOUNDS } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { TaskRetryOptions } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { producerDetails } from '../../../../services/common/task/fetch-failure.ts';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const GIB = 1024 ** 3;
const LACKING = { code: 'OUT_OF_MEMORY', message: 'too little' } as const;

const MOVED = { code: 'SHUTTING_DOWN', message: 'draining' } as const;

/** Nodes of 12 GiB and eight lanes; tasks begin with 5 GiB. Each split of a scan is a task. */
function driverOf(nodeCount = 1, retries: Partial<TaskRetryOptions> = {}): SchedulerDriver {
  const nodes = someNodes(nodeCount, { taskConcurrency: 8, memoryBytes: 12 * GIB });
  return new SchedulerDriver(joinPlan(), { nodes, options: faultTolerant(retries) });
}

const started = (driver: SchedulerDriver): readonly string[] =>
  driver.state.stages.flatMap(({ tasks }) =>
    tasks.map(({ taskId }) => `${taskId.stageId}.${taskId.partitionId}.${taskId.attempt}`),
  );

const leases = (driver: SchedulerDriver) => Object.values(driver.state.leasing.allocation.leases);

/** The scans are stored, partition 0 of the join runs alone on the only node, partition 1 waits. */
function joining(): SchedulerDriver {
  const driver = driverOf(1, { taskMemoryBytes: 7 * GIB });
  for (const [stage, sourceId] of [1, 2].entries()) {
    driver.loaded(sourceId, someSplits(sourceId, 1));
    driver.report(stage, 0, 'finished');
  }
  driver.report(2, 0, 'running');
  return driver;
}

describe('a task that is leased its node', () => {
  it('is made when the node is granted, and told what it may use (F8)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 1));
    expect(driver.updatesOf(0, 0)[0]).toMatchObject({ memoryBytes: 5 * GIB });
    expect(leases(driver)).toMatchObject([
      { nodeId: driver.task(0, 0).nodeId, taskId: driver.task(0, 0).taskId },
    ]);
  });

  it('waits for room, and takes it in the turn in which it is free (F2)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 3));
    expect(started(driver)).toEqual(['0.0.0', '0.1.0']);
    driver.report(0, 0, 'running');
    expect(started(driver)).toHaveLength(2);
    driver.report(0, 0, 'finished');
    expect(started(driver)).toEqual(['0.0.0', '0.1.0', '0.2.0']);
  });

  it('holds it until it has ended, however it was told to (F9)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 3));
    driver.report(0, 0, { state: 'failing', error: MOVED });
    expect(started(driver)).toHaveLength(2);
    driver.report(0, 0, { state: 'failed', error: MOVED });
    expect(started(driver)).toHaveLength(3);
    driver.report(0, 0, { state: 'failed', error: MOVED });
    expect(leases(driver).filter(({ nodeId }) => nodeId !== null)).toHaveLength(2);
  });

  it('leaves it with the worker that is lost', () => {
    const driver = driverOf(2);
    driver.loaded(1, someSplits(1, 4));
    const { nodeId } = driver.task(0, 0);
    driver.loseNodeOf(driver.task(0, 0));
    expect(leases(driver).some((lease) => lease.nodeId === nodeId)).toBe(false);
  });

  it('has a lane, whatever memory there is', () => {
    const driver = new SchedulerDriver(joinPlan(), {
      nodes: someNodes(2, { taskConcurrency: 1 }),
      options: faultTolerant(),
    });
    driver.loaded(1, someSplits(1, 3));
    expect(started(driver)).toEqual(['0.0.0', '0.1.0']);
    expect(driver.task(0, 0).nodeId).not.toBe(driver.task(0, 1).nodeId);
  });

  it('stops no other when it fails at its start (K7)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 2));
    driver.fail(0, 0, LACKING);
    driver.report(0, 1, 'running');
    expect(driver.stops()).toEqual([]);
    expect(driver.task(0, 1)).toMatchObject({ kind: 'running', stop: 'none' });
  });
});

describe('a partition that waits', () => {
  it('asks for a node once, and only while it waits (K1, K4)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 3));
    const asked = () => driver.stage(0).partitions.map(({ request }) => request?.attempt ?? null);
    expect(asked()).toEqual([null, null, 0]);
    driver.report(0, 1, 'running');
    driver.report(0, 0, { state: 'failing', error: LACKING });
    expect(asked()).toEqual([1, null, 0]);
    expect(leases(driver)).toHaveLength(4);
  });

  it('asks only when few others do (F7)', () => {
    const queueBounds = { ...DEFAULT_QUEUE_BOUNDS, maxWaitingForNode: 1 };
    const driver = driverOf(1, { queueBounds });
    driver.loaded(1, someSplits(1, 6));
    expect(leases(driver).filter(({ nodeId }) => nodeId === null)).toHaveLength(1);
    expect(driver.stage(0).partitions.filter(({ queuedAs }) => queuedAs !== null)).toHaveLength(3);
  });

  it('asks for more when others of its stage have needed more (F30)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 4));
    const stats = { ...NO_TASK_STATS, peakMemoryBytes: 8 * GIB };
    driver.report(0, 0, { ...driver.status(0, 0, 'finished'), stats });
    expect(driver.stage(0).partitions[3]?.needBytes).toBe(8 * GIB);
    expect(leases(driver).at(-1)).toMatchObject({ nodeId: null, memoryBytes: 8 * GIB });
  });

  it('gives back what it has asked for when its input is lost (K6)', () => {
    const driver = joining();
    expect(leases(driver)).toHaveLength(2);
    const details = producerDetails(driver.task(0, 0));
    const error = { code: 'OUTPUT_PAGE_LOST', message: 'gone', details } as const;
    driver.report(2, 0, { state: 'failing', error });
    // Both wait for it now; the only request is of the partition that is made again.
    const waiting = leases(driver).filter(({ nodeId }) => nodeId === null);
    expect(waiting).toHaveLength(1);
    expect(driver.stage(2).partitions.map(({ request }) => request)).toEqual([null, null]);
    expect(driver.stage(0).partitions[0]?.request).toMatchObject({ attempt: 1 });
  });

  it('waits no longer than it may for a node that could take it (K3)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 3));
    const { nodeId, nodeInstanceId } = driver.task(0, 0);
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    driver.now = (driver.now + 600_000) as typeof driver.now;
    driver.send({ kind: 'timer-fired', timer: { kind: 'node-allocation' } });
    expect(driver.state.query).toMatchObject({ error: { code: 'NO_NODES_AVAILABLE' } });
  });
});

describe('a query that ends', () => {
  it('leaves nothing open: sources, outputs, descriptors, requests, and leases with the last task (F4)', () => {
    const driver = driverOf();
    driver.loaded(1, someSplits(1, 3));
    driver.send({
      kind: 'cancel-requested',
      error: { code: 'QUERY_CANCELLED', message: 'enough' },
    });
    expect(driver.effectsOf('close-split-source').map(({ sourceId }) => sourceId)).toEqual([1, 2]);
    expect(driver.effectsOf('release-output')).toHaveLength(2);
    expect(driver.state.descriptors).toMatchObject({ entries: {}, usedBytes: 0 });
    expect(leases(driver).every(({ taskId }) => taskId !== null)).toBe(true);
    driver.reportAll(0, 'aborted');
    expect(leases(driver)).toEqual([]);
  });
});

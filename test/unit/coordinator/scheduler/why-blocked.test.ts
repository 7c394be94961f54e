import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import { DEFAULT_QUEUE_BOUNDS } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { describeQuery } from '../../../../services/coordinator/scheduler/query-description.ts';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan, joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const SHORT = {
  maxNodeWeight: 100,
  minTaskWeight: 100,
  maxTaskWeight: 100,
  maxUnacknowledgedSplits: 9,
};

function stages(driver: SchedulerDriver): readonly string[] {
  return whyBlocked(driver.state).stages.map((stage) => stage.reason);
}

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
  return driver;
}

describe('every wait has a reason (T21)', () => {
  it('names the split source that is being asked', () => {
    expect(stages(new SchedulerDriver(gatherPlan()))).toEqual([
      'waiting-for-source',
      'waiting-for-tasks',
    ]);
  });

  it('names full split queues', () => {
    const driver = new SchedulerDriver(gatherPlan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits: SHORT },
    });
    driver.loaded(1, someSplits(1, 9));
    expect(stages(driver)[0]).toBe('split-queues-full');
  });

  it('names a missing lane, and the workers whose lanes are taken (S11)', () => {
    const barrier = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
    const nodes = someNodes(1);
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options: barrier });
    driver.loaded(1, someSplits(1, 1));
    const { nodeId, nodeInstanceId } = driver.task(0, 0);
    expect(stages(driver)[0]).toBe('waiting-for-tasks');
    driver.send({ kind: 'node-draining', nodeId, nodeInstanceId });
    driver.fail(0, 0, { code: 'OUT_OF_MEMORY', message: '' });
    expect(whyBlocked(driver.state).stages[0]).toMatchObject({
      reason: 'waiting-for-lane',
      nodes: [],
    });
  });

  it('names missing memory, also for those who wait behind the one that has asked (F7, F31)', () => {
    const GIB = 1024 ** 3;
    const options = faultTolerant({
      queueBounds: { ...DEFAULT_QUEUE_BOUNDS, maxWaitingForNode: 1 },
    });
    const nodes = someNodes(1, { taskConcurrency: 8, memoryBytes: 12 * GIB });
    const driver = new SchedulerDriver(joinPlan(), { nodes, options });
    // Tasks of 5 GiB: two of them run, one has asked, one is queued.
    driver.loaded(1, someSplits(1, 4));
    driver.loaded(2, someSplits(2, 1));
    const waiting = describeQuery(driver.state).stages[0]?.waitingTasks ?? [];
    expect(waiting.map(({ taskId, reason }) => [taskId.partitionId, reason])).toEqual([
      [0, 'waiting-for-report'],
      [1, 'waiting-for-report'],
      [2, 'waiting-for-memory'],
      [3, 'waiting-for-memory'],
    ]);
    expect(waiting[3]).toMatchObject({
      nodes: nodes.map(({ nodeId }) => nodeId),
      taskId: { attempt: 0 },
    });
    expect(whyBlocked(driver.state).stages[1]).toMatchObject({
      reason: 'waiting-for-memory',
      nodes: nodes.map(({ nodeId }) => nodeId),
    });
    driver.now = 1_600 as Instant;
    for (const partition of [0, 1]) driver.report(0, partition, 'finished');
    expect(describeQuery(driver.state).stages[0]?.waitingTasks.map(({ reason }) => reason)).toEqual(
      ['waiting-for-report', 'waiting-for-report'],
    );
    expect(driver.stage(0).memoryWaitMs).toBe(600);
    expect(whyBlocked(driver.state).stages[1]?.reason).toBe('waiting-for-memory');
  });

  it('names a missing lane where there is memory enough (F31)', () => {
    const options = faultTolerant();
    const nodes = someNodes(1, { taskConcurrency: 1 });
    const driver = new SchedulerDriver(joinPlan(), { nodes, options });
    driver.loaded(1, someSplits(1, 1));
    driver.loaded(2, someSplits(2, 1));
    expect(whyBlocked(driver.state).stages[1]?.reason).toBe('waiting-for-lane');
    driver.report(0, 0, 'finished');
    expect(whyBlocked(driver.state).stages[1]?.reason).toBe('waiting-for-tasks');
  });

  it('names tasks that have not reported', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1));
    expect(whyBlocked(driver.state)).toMatchObject({
      query: 'waiting-for-tasks',
      stages: [
        { stageId: 0, reason: 'waiting-for-tasks', tasks: [driver.task(0, 0).taskId] },
        { stageId: 1, reason: 'waiting-for-tasks', nodes: [driver.task(1, 0).nodeId] },
      ],
    });
  });

  it('names what the live tasks wait for, unless one runs', () => {
    const driver = running();
    expect(stages(driver)[0]).toBe('none');
    driver.report(0, 0, { state: 'running', blockedReason: 'waiting-for-slot' });
    expect(stages(driver)[0]).toBe('none');
    driver.report(0, 1, { state: 'running', blockedReason: 'waiting-for-input' });
    expect(stages(driver)[0]).toBe('waiting-for-slot');
    driver.report(0, 0, { state: 'running', blockedReason: 'waiting-for-input' });
    expect(stages(driver)[0]).toBe('waiting-for-input');
    driver.report(0, 1, { state: 'running', blockedReason: 'output-full' });
    expect(stages(driver)[0]).toBe('waiting-for-consumers');
  });

  it('names the client when the root waits for it', () => {
    const driver = running();
    driver.report(1, 0, { state: 'running', blockedReason: 'output-full' });
    expect(stages(driver)[1]).toBe('result-not-consumed');
    driver.report(1, 0, 'flushing');
    expect(stages(driver)[1]).toBe('result-not-consumed');
    expect(whyBlocked(driver.state).query).toBe('result-not-consumed');
  });

  it('names the readers of a stage that has computed everything', () => {
    const driver = running();
    driver.reportAll(0, 'flushing');
    expect(stages(driver)[0]).toBe('waiting-for-consumers');
  });

  it('names stages that the policy holds back', () => {
    const driver = running();
    driver.stage(1).kind = 'planned';
    expect(stages(driver)[1]).toBe('waiting-for-earlier-stages');
  });

  it('names the cause that a failure waits for', () => {
    const driver = running();
    driver.fail(1, 0, { code: 'EXCHANGE_FAILED', message: '' });
    expect(whyBlocked(driver.state).query).toBe('waiting-for-failure-cause');
  });

  it('has none for what is over', () => {
    const driver = running();
    driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    expect(stages(driver)).toEqual(['none', 'none']);
    expect(whyBlocked(driver.state).query).toBe('none');
  });
});

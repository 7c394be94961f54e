import { describe, expect, it } from 'vitest';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
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

import { describe, expect, it } from 'vitest';
import { describeStages } from '../../../../services/coordinator/scheduler/query-description.ts';
import { taskWait } from '../../../../services/coordinator/scheduler/waits.ts';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import { someSplits } from '../../../support/plan-builders.ts';
import { buildAndProbePlan, gatherPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const waitOf = (driver: SchedulerDriver, stage: number) => whyBlocked(driver.state).stages[stage];

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
  return driver;
}

describe('whom a stage waits for (T21)', () => {
  it('are the stages that start first', () => {
    const driver = new SchedulerDriver(buildAndProbePlan());
    expect(waitOf(driver, 0)).toMatchObject({ reason: 'waiting-for-earlier-stages', stages: [1] });
  });

  it('are the same under the other policies', () => {
    const options = { executionPolicy: 'legacy-phased' } as const;
    const driver = new SchedulerDriver(buildAndProbePlan(), { options });
    expect(waitOf(driver, 0)).toMatchObject({ reason: 'waiting-for-earlier-stages', stages: [1] });
  });

  it('is the scan whose splits are being loaded', () => {
    const driver = new SchedulerDriver(gatherPlan());
    expect(waitOf(driver, 0)).toMatchObject({ reason: 'waiting-for-source', sources: [1] });
  });

  it('are the stages that make its input, and those that read its rows', () => {
    const driver = running();
    driver.report(1, 0, { state: 'running', blockedReason: 'waiting-for-input' });
    expect(waitOf(driver, 1)).toMatchObject({ reason: 'waiting-for-input', stages: [0] });
    driver.reportAll(0, 'flushing');
    expect(waitOf(driver, 0)).toMatchObject({ reason: 'waiting-for-consumers', stages: [1] });
  });
});

describe('whom a task waits for (T21)', () => {
  const wait = (driver: SchedulerDriver, stage: number, partition: number) =>
    taskWait(driver.state, driver.stage(stage), driver.task(stage, partition));

  it('is the worker that has not reported it, has no slot for it, or does not stop it', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1), false);
    const { nodeId } = driver.task(0, 0);
    expect(wait(driver, 0, 0)).toMatchObject({ reason: 'waiting-for-report', nodes: [nodeId] });
    driver.report(0, 0, { state: 'running', blockedReason: 'waiting-for-slot' });
    expect(wait(driver, 0, 0)).toMatchObject({ reason: 'waiting-for-slot', nodes: [nodeId] });
    driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    driver.report(0, 0, 'aborting');
    expect(wait(driver, 0, 0)).toMatchObject({ reason: 'waiting-for-stop', nodes: [nodeId] });
  });

  it('are scans, producers and consumers', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1), false);
    driver.report(0, 0, { state: 'running', blockedReason: 'waiting-for-splits' });
    expect(wait(driver, 0, 0)).toMatchObject({ sources: [1], stages: [] });
    driver.report(0, 0, { state: 'running', blockedReason: 'output-full' });
    expect(wait(driver, 0, 0)).toMatchObject({ stages: [1], sources: [] });
    driver.report(1, 0, { state: 'running', blockedReason: 'waiting-for-input' });
    expect(wait(driver, 1, 0)).toMatchObject({ stages: [0] });
  });

  it('is nobody for one that runs or has ended; the others are told with their stage', () => {
    const driver = running();
    driver.report(0, 0, 'finished');
    driver.report(0, 1, { state: 'running', blockedReason: 'waiting-for-slot' });
    expect(wait(driver, 0, 0)).toMatchObject({ reason: 'none', nodes: [], stages: [] });
    const [stage] = describeStages(driver.state);
    expect(stage?.waitingTasks).toMatchObject([
      { taskId: { partitionId: 1 }, reason: 'waiting-for-slot' },
    ]);
    expect(stage?.tasks[1]?.waitsFor.nodes).toEqual([driver.task(0, 1).nodeId]);
  });
});

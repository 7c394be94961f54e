import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../../services/common/error.ts';
import { producerDetails } from '../../../../../services/common/task/fetch-failure.ts';
import { someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { broadcastPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const REGIONS = { executionPolicy: 'pipelined-region', retryPolicy: 'region' } as const;
const BROKEN: ErrorReport = { code: 'SOURCE_READ_FAILED', message: 'the file is not there now' };

/** 0 is stored and broadcast to 1, which streams to the root 2; two workers and one in reserve. */
function probing(): SchedulerDriver {
  const driver = new SchedulerDriver(broadcastPlan(), { nodes: someNodes(3), options: REGIONS });
  driver.loaded(1, someSplits(1, 3));
  driver.reportAll(0, 'finished');
  driver.loaded(2, someSplits(2, 4));
  for (const stage of [1, 2]) driver.reportAll(stage, 'running');
  return driver;
}

const runs = (driver: SchedulerDriver): readonly number[] =>
  driver.state.stages.map(({ run }) => run);

describe('a failure', () => {
  it('restarts its region with the same splits, and no other (K24)', () => {
    const driver = probing();
    const before = driver.stage(1).tasks.length;
    driver.fail(1, 0, BROKEN);
    expect(runs(driver)).toEqual([0, 1, 1]);
    const stops = driver.effectsOf('stop-task').map(({ taskId }) => taskId.stageId as number);
    expect(stops.filter((stage) => stage === 1)).toHaveLength(before - 1);
    expect(stops.filter((stage) => stage === 2)).toHaveLength(1);
    expect(driver.stage(1).tasks.every(({ taskId }) => taskId.attempt === 1)).toBe(true);
    const splits = driver.effectsOf('update-task').filter(({ taskId }) => taskId.attempt === 1);
    const files = splits
      .flatMap(({ splitAssignments }) => splitAssignments.flatMap((each) => each.splits))
      .filter(({ input }) => input.kind === 'file');
    expect(files).toHaveLength(4);
    expect(driver.effectsOf('close-split-source').map(({ sourceId }) => sourceId)).toEqual([1, 2]);
  });

  it('leaves nothing of the earlier run to be believed (K2)', () => {
    const driver = probing();
    const old = driver.status(1, 1, 'finished');
    driver.fail(1, 0, BROKEN);
    const counts = { ...driver.stage(1).taskCounts };
    expect(driver.send({ kind: 'task-status', status: old })).toEqual([]);
    expect(driver.stage(1).taskCounts).toEqual(counts);
  });

  it('fails the query when it is the fourth, or when no restart can help', () => {
    const driver = probing();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      expect(driver.state.query.kind).toBe('running');
      driver.fail(1, 0, BROKEN);
    }
    expect(driver.state.query).toEqual({ kind: 'failed', error: BROKEN });
    const other = probing();
    const error: ErrorReport = { code: 'INVALID_INPUT', message: 'division by zero' };
    other.fail(1, 0, error);
    expect(other.state.query).toEqual({ kind: 'failed', error });
  });

  it('that nothing can overcome is not undone by the loss of another worker', () => {
    const driver = probing();
    const symptom: ErrorReport = { code: 'EXCHANGE_FAILED', message: 'unreachable' };
    for (let attempt = 0; attempt < 4; attempt += 1) driver.fail(1, 0, symptom);
    const before = runs(driver);
    expect(driver.state.suspectedFailure?.wait).toBe('final');
    driver.loseNodeOf(driver.task(1, 1));
    expect(runs(driver)).toEqual(before);
    driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(driver.state.query).toEqual({ kind: 'failed', error: symptom });
  });

  it('that is a symptom of its own region waits for the cause, and restarts when none comes', () => {
    const driver = probing();
    const details = producerDetails(driver.task(1, 0));
    driver.fail(2, 0, { code: 'EXCHANGE_FAILED', message: 'unreachable', details });
    expect(runs(driver)).toEqual([0, 0, 0]);
    driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(runs(driver)).toEqual([0, 1, 1]);
  });
});

describe('a lost stored output', () => {
  it('restarts its producer and all that reads it (K24)', () => {
    const driver = probing();
    const details = producerDetails(driver.task(0, 0));
    driver.fail(1, 0, { code: 'EXCHANGE_FAILED', message: 'unreachable', details });
    expect(runs(driver)).toEqual([1, 1, 1]);
    expect(driver.stageKinds()).toMatchObject({ 1: 'planned', 2: 'planned' });
    driver.reportAll(0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 2: 'scheduled' });
    const locations = driver
      .splitsOf(1, 0, 3)
      .map(({ input }) => (input.kind === 'remote' ? input.location.taskId.attempt : -1));
    expect(locations.slice(-3)).toEqual([1, 1, 1]);
  });

  it('is made again when its worker is lost, which counts as no failure', () => {
    const driver = probing();
    driver.loseNodeOf(driver.task(0, 0));
    expect(runs(driver)).toEqual([1, 1, 1]);
    expect(driver.state.stages.map(({ failedAttempts }) => failedAttempts)).toEqual([0, 0, 0]);
  });

  it('fails the query when it is the announced result', () => {
    const driver = probing();
    driver.reportAll(1, 'finished');
    driver.reportAll(2, 'finished');
    expect(driver.effectsOf('add-result-locations').at(-1)?.noMore).toBe(true);
    driver.loseNodeOf(driver.task(2, 0));
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'NODE_LOST' } });
  });
});

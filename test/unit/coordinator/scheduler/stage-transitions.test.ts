import { describe, expect, it } from 'vitest';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someSplits,
  toFragment,
} from '../../../support/plan-builders.ts';
import { gatherPlan, joinPlan, sharedPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

/** 0 (scan 1) → 1 → 2: a chain of gathers. */
function chain(): SchedulerDriver {
  const driver = new SchedulerDriver([
    aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'single') }),
    aFragment(1, {
      remoteSources: [aRemote(2, [0], 'gather')],
      outputs: [toFragment(2, 3, 'single')],
    }),
    aFragment(2, { remoteSources: [aRemote(3, [1], 'gather')] }),
  ]);
  driver.loaded(1, someSplits(1, 4), false);
  return driver;
}

describe('child cancellation (T18)', () => {
  it('cancels the producers of a stage that flushes, all the way down', () => {
    const driver = chain();
    driver.report(2, 0, 'flushing');
    expect(driver.stageKinds()).toEqual({ 0: 'canceled', 1: 'canceled', 2: 'flushing' });
    expect(driver.stops()).toEqual(['cancel 1.0', 'cancel 0.0', 'cancel 0.1']);
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
    expect(driver.state.query.kind).toBe('finishing');
  });

  it('is no failure, however the cancelled tasks end', () => {
    const driver = chain();
    driver.report(2, 0, 'flushing');
    driver.report(1, 0, 'canceled');
    driver.report(0, 0, 'finished');
    driver.fail(0, 1, { code: 'EXCHANGE_FAILED', message: 'reader gone' });
    expect(driver.state.query.kind).toBe('finishing');
    driver.report(2, 0, 'finished');
    expect(driver.state.query.kind).toBe('finished');
  });

  it('spares a shared stage until none of its consumers reads it any more', () => {
    const driver = new SchedulerDriver(sharedPlan(), { options: { hashPartitionCount: 1 } });
    driver.loaded(1, someSplits(1, 2), false);
    driver.report(1, 0, 'flushing');
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduling', 1: 'flushing' });
    driver.report(2, 0, 'flushing');
    expect(driver.stageKinds()).toMatchObject({ 0: 'canceled', 2: 'flushing' });
  });

  it('leaves alone what has finished', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.reportAll(0, 'finished');
    driver.report(1, 0, 'flushing');
    expect(driver.stops()).toEqual([]);
    expect(driver.stageKinds()).toEqual({ 0: 'finished', 1: 'flushing' });
  });

  it('stops loading splits: an answer that still comes is ignored', () => {
    const driver = chain();
    driver.report(2, 0, 'flushing');
    expect(driver.loaded(1, someSplits(1, 2))).toEqual([]);
  });
});

describe('failure of a stage (T4, T15, T36)', () => {
  it('aborts every live task, closes every source, fails the query last', () => {
    const driver = new SchedulerDriver(joinPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.report(0, 0, 'finished');
    const effects = driver.fail(0, 1, { code: 'CONVERSION_ERROR', message: 'not a number' });
    expect(driver.stageKinds()).toEqual({ 0: 'failed', 1: 'aborted', 2: 'aborted', 3: 'aborted' });
    expect(driver.stops()).toEqual(['abort 2.0', 'abort 2.1', 'abort 3.0']);
    expect(driver.effectsOf('close-split-source').map((effect) => effect.sourceId)).toEqual([1, 2]);
    expect(effects.at(-1)).toEqual({
      kind: 'fail-query',
      error: { code: 'CONVERSION_ERROR', message: 'not a number' },
    });
  });

  it('closes every source once, however often the query could end', () => {
    const driver = new SchedulerDriver(joinPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 2), false);
    driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    driver.fail(0, 0, { code: 'CONVERSION_ERROR', message: '' });
    expect(driver.effectsOf('close-split-source')).toHaveLength(2);
    expect(driver.effectsOf('fail-query')).toHaveLength(1);
  });
});

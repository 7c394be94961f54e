import { describe, expect, it } from 'vitest';
import { faultTolerant } from '../../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

describe('event-driven', () => {
  it('starts a stage when all that it reads is stored, and not before', () => {
    const driver = new SchedulerDriver(joinPlan(), {
      nodes: someNodes(2, { taskConcurrency: 4 }),
      options: faultTolerant({ startsSpeculatively: false }),
    });
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 2));
    driver.reportAll(0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 1: 'scheduled', 2: 'planned' });
    driver.reportAll(1, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 1: 'finished', 2: 'scheduled', 3: 'planned' });
    expect(driver.stage(2).startReason).toBe('inputs-stored');
  });

  it('starts a stage as a speculation when some of all that it reads is stored (F3)', () => {
    const driver = new SchedulerDriver(joinPlan(), {
      nodes: someNodes(2, { taskConcurrency: 4 }),
      options: faultTolerant(),
    });
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 2));
    driver.report(0, 0, 'finished');
    expect(driver.stage(2)).toMatchObject({ kind: 'planned', startReason: null });
    driver.report(1, 0, 'finished');
    expect(driver.stage(2)).toMatchObject({ kind: 'scheduling', startReason: 'speculative' });
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduled', 1: 'scheduled' });
  });

  it('needs a cluster with a spool (F27)', () => {
    const options = { ...faultTolerant(), hasSpooledExchange: false };
    const { query } = new SchedulerDriver(joinPlan(), { options }).state;
    expect(query).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL_ERROR' } });
    expect(query.kind === 'failed' && query.error.message).toContain('spooled exchange');
  });
});

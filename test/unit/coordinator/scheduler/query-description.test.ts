import { describe, expect, it } from 'vitest';
import {
  describeQuery,
  hasLiveTasks,
} from '../../../../services/coordinator/scheduler/query-description.ts';
import { someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

describe('what people see of a query', () => {
  it('adds up tasks, splits and statistics per stage', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 5));
    const { stats } = driver.task(0, 0);
    driver.report(0, 0, {
      state: 'finished',
      stats: { ...stats, splitsCompleted: 3, outputRows: 10, peakMemoryBytes: 7, wallMs: 4 },
    });
    driver.report(0, 1, {
      state: 'running',
      stats: { ...stats, splitsCompleted: 1, outputRows: 5, peakMemoryBytes: 9, wallMs: 2 },
    });
    const [stage] = describeQuery(driver.state).stages;
    expect(stage).toMatchObject({
      stageId: 0,
      state: 'running',
      taskCount: 2,
      completedTaskCount: 1,
      splitCount: 5,
      stats: { splitsCompleted: 4, outputRows: 15, peakMemoryBytes: 9, wallMs: 4 },
    });
  });

  it('shows the query with its reason, and whether workers are still busy with it', () => {
    const driver = new SchedulerDriver(gatherPlan());
    expect(describeQuery(driver.state)).toMatchObject({
      state: { kind: 'running' },
      blockedReason: 'waiting-for-source',
    });
    driver.send({
      kind: 'cancel-requested',
      error: { code: 'QUERY_CANCELLED', message: 'enough' },
    });
    expect(describeQuery(driver.state).state).toEqual({
      kind: 'failed',
      error: { code: 'QUERY_CANCELLED', message: 'enough' },
    });
    expect(hasLiveTasks(driver.state)).toBe(true);
    driver.report(1, 0, 'aborted');
    expect(hasLiveTasks(driver.state)).toBe(false);
  });
});

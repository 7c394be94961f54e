import { describe, expect, it } from 'vitest';
import {
  describeQuery,
  describeStages,
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

  it('has the memory that tasks had at one time, and no sum of what each had once', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 5));
    const { stats } = driver.task(0, 0);
    const report = (task: number, memoryBytes: number, peakMemoryBytes: number): void => {
      driver.report(0, task, {
        state: 'running',
        stats: { ...stats, memoryBytes, peakMemoryBytes },
      });
    };
    report(0, 70, 70);
    report(1, 20, 20);
    expect(describeQuery(driver.state).peakMemoryBytes).toBe(90);
    report(0, 0, 70);
    report(1, 80, 80);
    expect(describeQuery(driver.state).peakMemoryBytes).toBe(90);
    // A peak that nobody saw before stands beside what the other tasks have now.
    report(0, 0, 75);
    expect(describeQuery(driver.state).peakMemoryBytes).toBe(155);
    expect(describeQuery(driver.state).stages[0]?.stats.peakMemoryBytes).toBe(155);
  });

  it('tells when and why a stage started, and where its tasks are', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 5));
    const [stage] = describeStages(driver.state);
    expect(stage).toMatchObject({ startReason: 'nothing-before-it', endedAt: null, taskCount: 2 });
    expect(typeof stage?.startedAt).toBe('number');
    expect(stage?.tasks.map(({ nodeId, state }) => [nodeId, state])).toEqual(
      driver.state.stages[0]?.tasks.map(({ nodeId }) => [nodeId, 'planned']),
    );
    const assigned = stage?.tasks.reduce((sum, { splitCount }) => sum + splitCount, 0);
    expect(assigned).toBe(5);
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

import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../../services/common/ids.ts';
import {
  adjustQueueLimit,
  hasRunLow,
  initialQueueLimit,
} from '../../../../../services/coordinator/scheduler/placement/split-queue-limit.ts';
import type { TaskState } from '../../../../../services/coordinator/scheduler/task-state.ts';
import { someSplits } from '../../../../support/plan-builders.ts';
import { gatherPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const LIMITS = {
  maxNodeWeight: 0,
  minTaskWeight: 100,
  maxTaskWeight: 350,
  maxUnacknowledgedSplits: 2,
};

function aTask(queuedWeight: number): TaskState {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 1));
  driver.report(0, 0, { state: 'running', queuedSplitWeight: queuedWeight });
  const task = driver.task(0, 0);
  task.queueLimit = initialQueueLimit(LIMITS, 0 as Instant);
  return task;
}

describe('the limit of a task queue (T27)', () => {
  it('doubles when a full queue ran dry, up to its maximum', () => {
    const task = aTask(0);
    const weights = [1, 2, 3].map((now) => {
      task.queueLimit.wasFull = true;
      adjustQueueLimit(task, LIMITS, now as Instant);
      return task.queueLimit.weight;
    });
    expect(weights).toEqual([200, 350, 350]);
    expect(task.queueLimit.wasFull).toBe(false);
  });

  it('stays for a queue that ran dry without having been full', () => {
    const task = aTask(0);
    adjustQueueLimit(task, LIMITS, 1 as Instant);
    expect(task.queueLimit.weight).toBe(100);
  });

  it('shrinks once a second while the queue does not run dry, down to its minimum', () => {
    const task = aTask(50);
    task.queueLimit = { weight: 200, changedAt: 0 as Instant, wasFull: true };
    const weights = [999, 1_000, 1_500, 2_000, 3_000].map((now) => {
      adjustQueueLimit(task, LIMITS, now as Instant);
      return task.queueLimit.weight;
    });
    expect(weights).toEqual([200, 133, 133, 100, 100]);
  });

  it('wakes a blocked stage when a queue is less than half of the least limit', () => {
    expect(hasRunLow(aTask(50), LIMITS, true)).toBe(false);
    expect(hasRunLow(aTask(49), LIMITS, true)).toBe(true);
    expect(hasRunLow(aTask(500), LIMITS, false)).toBe(true);
    const deep = aTask(50);
    deep.queueLimit.weight = 350;
    expect(hasRunLow(deep, LIMITS, true), 'however deep it may be').toBe(false);
  });

  it('does not wake it for a task that has too much unacknowledged', () => {
    const task = aTask(0);
    task.unacknowledged.push(
      ...[0, 1].map((sequenceId) => ({
        sourceId: task.inputs[0]?.sourceId ?? (1 as never),
        sequenceId,
        weight: 0,
      })),
    );
    expect(hasRunLow(task, LIMITS, true)).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { NO_TASK_STATS } from '../../../../services/common/task/task-status.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import { aScanFragment, someNodes, someSplits, toClient } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const STALL_MS = 60_000;

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan(), { options: { stallTimeoutMs: STALL_MS } });
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
  return driver;
}

const stuck = { state: 'running', blockedReason: 'waiting-for-input' } as const;

/** Lets the watch ring until the time is over; `between` happens before each look. */
function watch(
  driver: SchedulerDriver,
  lastMs: number,
  between: () => void = () => undefined,
): void {
  const end = driver.now + lastMs;
  for (;;) {
    const next = driver
      .effectsOf('arm-timer')
      .findLast(({ timer }) => timer.kind === 'stall-watch');
    if (next === undefined || next.at <= driver.now || next.at > end) return;
    driver.now = next.at;
    between();
    driver.send({ kind: 'timer-fired', timer: { kind: 'stall-watch' } });
  }
}

function allStuck(): SchedulerDriver {
  const driver = running();
  for (const [stage, partition] of [
    [0, 0],
    [0, 1],
    [1, 0],
  ] as const) {
    driver.report(stage, partition, stuck);
  }
  return driver;
}

describe('a query that stands still (T21)', () => {
  it('fails when nothing keeps it from going on, and tells where it stands', () => {
    const driver = allStuck();
    watch(driver, 2 * STALL_MS);
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: {
        code: 'INTERNAL_ERROR',
        message: expect.stringContaining('made no progress for 60 s'),
      },
    });
    const [report] = driver.effectsOf('report-stall');
    expect(report?.stages.map(({ reason }) => reason)).toEqual([
      'waiting-for-input',
      'waiting-for-input',
    ]);
    expect(report?.tasks).toHaveLength(3);
  });

  it('is given the whole time from its last progress on', () => {
    const driver = allStuck();
    watch(driver, STALL_MS);
    const stats = { ...NO_TASK_STATS, outputRows: 1 };
    driver.report(0, 0, { ...stuck, stats });
    watch(driver, STALL_MS);
    expect(driver.state.query.kind).toBe('running');
    watch(driver, STALL_MS);
    expect(driver.state.query.kind).toBe('failed');
  });

  it.each(['none', 'waiting-for-slot'] as const)(
    'does not while a task of it is at %s',
    (reason) => {
      const driver = allStuck();
      driver.report(0, 0, { state: 'running', blockedReason: reason });
      watch(driver, 10 * STALL_MS);
      expect(driver.state.query.kind).toBe('running');
    },
  );

  it('does not when it waits for its client', () => {
    const driver = running();
    driver.reportAll(0, 'flushing');
    driver.report(1, 0, { state: 'running', blockedReason: 'output-full' });
    watch(driver, 10 * STALL_MS);
    expect(driver.state.query.kind).toBe('running');
    driver.report(1, 0, 'flushing');
    watch(driver, 10 * STALL_MS);
    expect(driver.state.query.kind).toBe('finishing');
  });

  it('does not when its client leaves no room for more splits', () => {
    const root = aScanFragment(0, { sourceId: 1, output: toClient() });
    const limits = { ...DEFAULT_SCHEDULER_OPTIONS.splitQueueLimits, maxUnacknowledgedSplits: 1 };
    const options = { stallTimeoutMs: STALL_MS, splitQueueLimits: limits };
    const driver = new SchedulerDriver([root], { nodes: someNodes(1), options });
    driver.loaded(1, someSplits(1, 9));
    expect(whyBlocked(driver.state).stages[0]?.reason).toBe('split-queues-full');
    driver.report(0, 0, { state: 'running', blockedReason: 'output-full', receivedSplits: [] });
    watch(driver, 10 * STALL_MS);
    expect(driver.state.query.kind).toBe('running');
  });

  it('does not while it makes progress, however little', () => {
    const driver = allStuck();
    let inputRows = 0;
    watch(driver, 10 * STALL_MS, () => {
      inputRows += 1;
      driver.report(0, 1, { ...stuck, stats: { ...NO_TASK_STATS, inputRows } });
    });
    expect(driver.state.query.kind).toBe('running');
  });

  it('may stand still for ever without a limit', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { stallTimeoutMs: 0 } });
    const timers = driver.effectsOf('arm-timer').map(({ timer }) => timer.kind);
    expect(timers).not.toContain('stall-watch');
  });
});

import { describe, expect, it } from 'vitest';
import type { ErrorCode, ErrorReport } from '../../../../../services/common/error.ts';
import type { Instant } from '../../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../../services/common/plan/plan-fragment.ts';
import { producerDetails } from '../../../../../services/common/task/fetch-failure.ts';
import type { TaskState } from '../../../../../services/coordinator/scheduler/task-state.ts';
import { faultTolerant } from '../../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const LACKING: ErrorReport = { code: 'OUT_OF_MEMORY', message: 'too little' };
const BROKEN: ErrorReport = { code: 'SOURCE_READ_FAILED', message: 'the file is not there now' };

/** 0 and 1 scan (two partitions each) → hash → 2 (two partitions) → gathered by 3; three workers of four lanes. */
function driverOf(changes: (fragment: PlanFragment) => PlanFragment = (same) => same) {
  const driver = new SchedulerDriver(joinPlan().map(changes), {
    nodes: someNodes(3, { taskConcurrency: 4 }),
    options: faultTolerant(),
  });
  driver.loaded(1, someSplits(1, 2));
  driver.loaded(2, someSplits(2, 2));
  return driver;
}

/** The scans are stored, the join runs. */
function joining(changes?: (fragment: PlanFragment) => PlanFragment): SchedulerDriver {
  const driver = driverOf(changes);
  for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
  driver.reportAll(2, 'running');
  return driver;
}

function indeterminate(fragment: PlanFragment): PlanFragment {
  return fragment.id === 0 ? { ...fragment, determinism: 'indeterminate' } : fragment;
}

function lossOf(producer: TaskState, code: ErrorCode = 'OUTPUT_PAGE_LOST'): ErrorReport {
  return { code, message: 'it is not there', details: producerDetails(producer) };
}

describe('a failed attempt of a task that is retried', () => {
  it('is followed by the next one, with the same splits (F10)', () => {
    const driver = driverOf();
    const splits = driver.splitsOf(0, 1, 1);
    driver.fail(0, 1, LACKING);
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
    const again = driver.splitsOf(0, 1, 1).slice(splits.length);
    expect(again.map(({ input }) => input)).toEqual(splits.map(({ input }) => input));
    expect(driver.stage(0).partitions[1]?.needBytes).toBe(15 * 1024 ** 3);
  });

  it('fails the query when it is the fifth of its partition', () => {
    const driver = driverOf();
    for (let attempt = 0; attempt < 4; attempt += 1) driver.fail(0, 1, LACKING);
    expect(driver.state.query.kind).toBe('running');
    driver.fail(0, 1, LACKING);
    expect(driver.state.query).toEqual({ kind: 'failed', error: LACKING });
  });

  it('pauses the query when others may meet the same, and says so (F19)', () => {
    const driver = driverOf();
    driver.fail(0, 1, BROKEN);
    expect(driver.attempts(0)).toEqual(['0.0', '1.0']);
    expect(driver.effectsOf('arm-timer')).toContainEqual({
      kind: 'arm-timer',
      timer: { kind: 'scheduling-delay' },
      at: driver.now + 10_000,
    });
    driver.send({ kind: 'timer-fired', timer: { kind: 'scheduling-delay' } });
    expect(driver.attempts(0)).toHaveLength(2);
    driver.now = (driver.now + 10_000) as Instant;
    driver.send({ kind: 'timer-fired', timer: { kind: 'scheduling-delay' } });
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
  });

  it('fails the query at once when the user is to blame', () => {
    const driver = driverOf();
    const error: ErrorReport = { code: 'INVALID_INPUT', message: 'division by zero' };
    driver.fail(0, 1, error);
    expect(driver.state.query).toEqual({ kind: 'failed', error });
  });

  it('is one that ends without saying what it has stored (F34)', () => {
    const driver = driverOf();
    driver.report(0, 1, { state: 'finished', outputs: [] });
    expect(driver.selected(0)).toEqual([null, null]);
    expect(driver.stage(0).partitions[1]?.failureCount).toBe(1);
  });

  it('is none that brings all of its rows with its end: it has stored nothing (R8)', () => {
    const driver = joining();
    for (const partition of [0, 1]) driver.report(2, partition, 'finished');
    driver.report(3, 0, { state: 'finished', outputs: [], inlinePages: [new Uint8Array(8)] });
    expect(driver.selected(3)).toEqual([0]);
    expect(driver.effectsOf('add-result-locations')).toMatchObject([{ noMore: true }]);
  });
});

describe('a lost worker of a query that retries tasks', () => {
  it('takes its running attempts with it, and nothing that is stored (F27)', () => {
    const driver = joining();
    const { nodeId } = driver.task(2, 0);
    const lost = driver.stage(2).tasks.filter((task) => task.nodeId === nodeId).length;
    driver.loseNodeOf(driver.task(2, 0));
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 1: 'finished', 2: 'running' });
    driver.now = (driver.now + 10_000) as Instant;
    driver.send({ kind: 'timer-fired', timer: { kind: 'scheduling-delay' } });
    expect(driver.stage(2).tasks).toHaveLength(2 + lost);
    expect(driver.task(2, 0).nodeId).not.toBe(nodeId);
    expect(driver.splitsOf(2, 0, 3)).toHaveLength(4);
  });

  it('is not believed when its attempt ends late', () => {
    const driver = driverOf();
    const late = driver.status(0, 1, 'finished');
    driver.loseNodeOf(driver.task(0, 1));
    driver.send({ kind: 'task-status', status: late });
    expect(driver.selected(0)[1]).toBeNull();
    expect(driver.released()).toContain('0.1.0');
  });
});

describe('a spooled output that is lost', () => {
  it.each(['OUTPUT_PAGE_LOST', 'TASK_NOT_FOUND'] as const)(
    'as %s says is made again, and then its reader runs again, uncounted (R17, R19)',
    (code) => {
      const driver = joining();
      driver.fail(2, 0, lossOf(driver.task(0, 1), code));
      expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
      expect(driver.attempts(1)).toEqual(['0.0', '1.0']);
      expect(driver.attempts(2)).toEqual(['0.0', '1.0']);
      expect(driver.stageKinds()).toMatchObject({ 0: 'scheduled', 2: 'running' });
      driver.report(0, 1, 'finished');
      expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1']);
      const reads = driver.splitsOf(2, 0, 3).slice(2);
      expect(
        reads.map(({ input }) => input.kind === 'remote' && input.location.taskId.attempt),
      ).toEqual([0, 1]);
      expect(driver.stage(2).partitions[0]?.failureCount).toBe(0);
    },
  );

  it('was made again before, for a reader that comes late', () => {
    const driver = joining();
    const loss = lossOf(driver.task(0, 1));
    driver.fail(2, 0, loss);
    driver.fail(2, 1, loss);
    driver.report(0, 1, 'finished');
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
    expect(driver.stage(0).partitions[1]?.lossCount).toBe(1);
  });

  it('takes with it all that has read a stage that comes out otherwise', () => {
    const driver = joining(indeterminate);
    driver.report(2, 1, 'finished');
    driver.fail(2, 0, lossOf(driver.task(0, 1)));
    expect(driver.selected(2)).toEqual([null, null]);
    expect(driver.released()).toContain('2.1.0');
    driver.report(0, 1, 'finished');
    expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1', '1.1']);
  });

  it('fails the query when it is lost again and again', () => {
    const driver = joining();
    for (let loss = 0; loss < 4; loss += 1) {
      expect(driver.state.query.kind).toBe('running');
      driver.fail(2, 0, lossOf(driver.task(0, 1)));
      driver.report(0, 1, 'finished');
    }
    expect(driver.state.query).toMatchObject({ error: { code: 'OUTPUT_PAGE_LOST' } });
  });

  it('is a failure like any other when its reader never had it', () => {
    const driver = joining();
    driver.fail(2, 0, lossOf(driver.task(2, 1)));
    expect(driver.stage(2).partitions[0]?.failureCount).toBe(1);
    expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1']);
  });
});

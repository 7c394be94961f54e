import { describe, expect, it } from 'vitest';
import { findLease } from '../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import type { LeaseId } from '../../../../services/coordinator/scheduler/fault-tolerant/node-lease.ts';
import { producerDetails } from '../../../../services/common/task/fetch-failure.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import { DEFAULT_QUEUE_BOUNDS } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { TaskRetryOptions } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { describeQuery } from '../../../../services/coordinator/scheduler/query-description.ts';
import { classOfPartition } from '../../../../services/coordinator/scheduler/speculative-start.ts';
import type { TaskState } from '../../../../services/coordinator/scheduler/task-state.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { aRemote, someNodes, someSplits, toFragment } from '../../../support/plan-builders.ts';
import {
  buildAndProbePlan,
  gatherPlan,
  joinPlan,
  sharedPlan,
} from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const GIB = 1024 ** 3;
const LACKING = { code: 'OUT_OF_MEMORY', message: 'too little' } as const;

/** Each split of a scan is a task. */
function driverOf(
  plan: readonly PlanFragment[],
  retries: Partial<TaskRetryOptions> = {},
  memoryBytes = 100 * GIB,
): SchedulerDriver {
  const nodes = someNodes(1, { taskConcurrency: 8, memoryBytes });
  return new SchedulerDriver(plan, { nodes, options: faultTolerant(retries) });
}

/** Two splits of each scan, of which the first is stored. */
function halfStored(plan: readonly PlanFragment[], retries?: Partial<TaskRetryOptions>) {
  const driver = driverOf(plan, retries);
  for (const [stage, sourceId] of [1, 2].entries()) {
    driver.loaded(sourceId, someSplits(sourceId, 2));
    driver.report(stage, 0, 'finished');
  }
  return driver;
}

/** The root gathers two partitions of a scan, of which the first is stored. */
function gathering(changes: Partial<PlanFragment> = {}, memoryBytes?: number): SchedulerDriver {
  const driver = driverOf(gatherPlan(changes), {}, memoryBytes);
  driver.loaded(1, someSplits(1, 2));
  driver.report(0, 0, 'finished');
  return driver;
}

const leaseOf = (driver: SchedulerDriver, { leaseId }: TaskState) =>
  findLease(driver.state.leasing.allocation, leaseId ?? (-1 as LeaseId));

const lost = (task: TaskState) => ({
  state: 'failing' as const,
  error: { code: 'OUTPUT_PAGE_LOST', message: 'gone', details: producerDetails(task) } as const,
});

/** Where attempts of the root read stage 0 from, as `partition.attempt`. */
const readBy = (driver: SchedulerDriver, attempt: number): readonly string[] =>
  driver
    .updatesOf(1, 0)
    .filter(({ taskId }) => taskId.attempt === attempt)
    .flatMap(({ splitAssignments }) => splitAssignments.flatMap(({ splits }) => splits))
    .flatMap(({ input }) =>
      input.kind === 'remote'
        ? `${input.location.taskId.partitionId}.${input.location.taskId.attempt}`
        : [],
    );

describe('a stage that begins before its producers have finished', () => {
  it('does so when some of each is stored and nothing standard waits, and says so (F3)', () => {
    const driver = halfStored(joinPlan());
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduled', 1: 'scheduled', 2: 'scheduling' });
    expect(driver.attempts(2)).toEqual(['0.0', '1.0']);
    const { stages } = describeQuery(driver.state);
    expect(stages.map(({ startReason }) => startReason)).toEqual([
      'inputs-stored',
      'inputs-stored',
      'speculative',
      null,
    ]);
    expect(stages[2]?.startedAt).not.toBeNull();
    expect(stages[0]?.endedAt).toBeNull();
  });

  it('reads more as its producers store it, and hears the end when they have finished (F12)', () => {
    const driver = halfStored(joinPlan());
    expect(driver.splitsOf(2, 0, 3)).toHaveLength(1);
    driver.report(0, 1, 'finished');
    expect(driver.splitsOf(2, 0, 3)).toHaveLength(2);
    expect(driver.heardEnd(2, 0, 3)).toBe(true);
    expect(driver.heardEnd(2, 0, 4)).toBe(false);
    driver.report(1, 1, 'finished');
    expect(driver.heardEnd(2, 0, 4)).toBe(true);
    expect(driver.attempts(2)).toEqual(['0.0', '1.0']);
    driver.reportAll(2, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 2: 'finished', 3: 'scheduled' });
  });

  it('is a speculation until its partitions are sealed (F13)', () => {
    const driver = halfStored(joinPlan());
    const leaseClass = () => leaseOf(driver, driver.task(2, 0))?.executionClass;
    expect(leaseClass()).toBe('speculative');
    driver.report(0, 1, 'finished');
    expect(leaseClass()).toBe('speculative');
    driver.report(1, 1, 'finished');
    expect(leaseClass()).toBe('standard');
  });

  it('waits where that is switched off', () => {
    const driver = halfStored(joinPlan(), { startsSpeculatively: false });
    expect(driver.stageKinds()).toMatchObject({ 2: 'planned' });
  });

  it('waits for all of what it builds on', () => {
    const driver = halfStored(buildAndProbePlan());
    expect(driver.stageKinds()).toMatchObject({ 2: 'planned' });
    driver.report(1, 1, 'finished');
    expect(driver.stage(2)).toMatchObject({ kind: 'scheduling', startReason: 'speculative' });
  });

  it('waits for what gives nothing before it has read all', () => {
    const plan = joinPlan().map((fragment): PlanFragment => {
      const [scan] = fragment.scans;
      if (fragment.id !== 0 || scan === undefined) return fragment;
      const input = { kind: 'source', sourceId: scan.sourceId } as const;
      return { ...fragment, inputTree: { kind: 'aggregate', input } };
    });
    expect(halfStored(plan).stageKinds()).toMatchObject({ 2: 'planned' });
  });

  it('waits while standard tasks wait', () => {
    const driver = driverOf(gatherPlan(), {}, 12 * GIB);
    driver.loaded(1, someSplits(1, 4));
    driver.report(0, 0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 1: 'planned' });
  });

  it('says that it waits for its input (T21)', () => {
    const driver = gathering();
    driver.report(1, 0, { ...driver.status(1, 0, 'running'), blockedReason: 'waiting-for-input' });
    const stage = describeQuery(driver.state).stages[1];
    expect(stage).toMatchObject({ blockedReason: 'waiting-for-input' });
    expect(stage?.waitsFor.stages).toEqual([0]);
  });
});

describe('a speculative reader', () => {
  it('gives way to a standard task, and is run again when its input is complete (F31, F33)', () => {
    const driver = gathering({}, 12 * GIB);
    expect(driver.attempts(1)).toEqual(['0.0']);
    driver.fail(0, 1, LACKING);
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
    expect(driver.stops()).toEqual(['abort 1.0']);
    driver.report(1, 0, 'aborted');
    driver.report(0, 1, 'finished');
    expect(driver.attempts(1)).toEqual(['0.0', '0.1']);
    expect(readBy(driver, 1)).toEqual(['0.0', '1.1']);
    expect(driver.stage(1).partitions[0]?.failureCount).toBe(0);
  });

  it('that had to give way waits for its node again from the same turn on (I5)', () => {
    const driver = gathering({}, 12 * GIB);
    driver.fail(0, 1, LACKING);
    expect(driver.stage(1).partitions[0]?.request).toMatchObject({ attempt: 1 });
    const before = JSON.stringify(driver.state);
    driver.send({ kind: 'timer-fired', timer: { kind: 'node-allocation' } });
    expect(JSON.stringify(driver.state)).toBe(before);
  });

  it('that misses an output waits until it was made again, and reads that one (R19)', () => {
    const driver = gathering();
    driver.report(1, 0, lost(driver.task(0, 0)));
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '0.1']);
    expect(driver.attempts(1)).toEqual(['0.0']);
    driver.report(0, 0, 'finished');
    expect(driver.attempts(1)).toEqual(['0.0', '0.1']);
    driver.report(0, 1, 'finished');
    expect(readBy(driver, 1)).toEqual(['0.1', '1.0']);
    expect(driver.heardEnd(1, 0, 2)).toBe(true);
  });

  it('is run again when what it has read comes out otherwise (I43)', () => {
    const outputs = [toFragment(1, 2, 'hash'), toFragment(2, 3, 'hash')];
    const plan = sharedPlan().map((fragment): PlanFragment => {
      if (fragment.id === 0) return { ...fragment, outputs, determinism: 'indeterminate' };
      if (fragment.id !== 2) return fragment;
      return { ...fragment, remoteSources: [aRemote(3, [0], 'partitioned')] };
    });
    const driver = driverOf(plan);
    driver.loaded(1, someSplits(1, 2));
    driver.report(0, 0, 'finished');
    expect(driver.attempts(1)).toEqual(['0.0', '1.0']);
    expect(driver.stage(2).startReason).toBe('speculative');
    driver.report(1, 0, lost(driver.task(0, 0)));
    expect(driver.stops()).toEqual(expect.arrayContaining(['abort 2.0', 'abort 2.1']));
    driver.report(0, 0, 'finished');
    const sources = driver.splitsOf(2, 0, 3).map(({ input }) => {
      return input.kind === 'remote' ? input.location.taskId.attempt : undefined;
    });
    expect(sources).toEqual([0, 1]);
  });

  it('that fails is not tried again before more of its input is there (F17)', () => {
    const driver = gathering();
    driver.fail(1, 0, LACKING);
    expect(driver.attempts(1)).toEqual(['0.0']);
    driver.report(0, 1, 'finished');
    expect(driver.attempts(1)).toEqual(['0.0', '0.1']);
  });

  it('may be of a scan of which not all splits are known, but has some (F11)', () => {
    const driver = driverOf(gatherPlan());
    driver.loaded(1, someSplits(1, 1), false);
    expect(leaseOf(driver, driver.task(0, 0))).toMatchObject({ executionClass: 'speculative' });
    driver.loaded(1, [], true);
    expect(leaseOf(driver, driver.task(0, 0))).toMatchObject({ executionClass: 'standard' });
    expect(driver.attempts(0)).toEqual(['0.0']);
  });

  it('is none without input of its own', () => {
    const driver = halfStored(joinPlan());
    const [partition] = driver.stage(2).partitions;
    if (partition === undefined) throw new Error('it has partitions');
    const classOf = (isReady: boolean) =>
      classOfPartition(driver.state, driver.stage(2), { ...partition, isReady });
    expect([classOf(true), classOf(false)]).toEqual(['speculative', undefined]);
  });
});

describe('a root with a small LIMIT', () => {
  const limited = (memoryBytes?: number): SchedulerDriver => {
    const plan = gatherPlan().map((each) => (each.id === 1 ? { ...each, rowLimit: 10 } : each));
    const driver = driverOf(plan, {}, memoryBytes);
    driver.loaded(1, someSplits(1, 4), false);
    return driver;
  };

  it('begins with the query, and runs with the first rows, whoever waits (§2.5)', () => {
    const driver = limited(12 * GIB);
    expect(driver.stage(1)).toMatchObject({ kind: 'scheduling', startReason: 'eager-speculative' });
    expect(driver.attempts(1)).toEqual([]);
    driver.report(0, 0, 'finished');
    expect(leaseOf(driver, driver.task(1, 0))?.executionClass).toBe('eager-speculative');
  });

  it('ends the query before its input has ended: nothing else is needed', () => {
    const driver = limited();
    driver.report(0, 0, 'finished');
    driver.report(1, 0, 'finished');
    expect(driver.stageKinds()).toEqual({ 0: 'canceled', 1: 'finished' });
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
    expect(driver.effectsOf('add-result-locations').at(-1)?.noMore).toBe(true);
  });
});

describe('a stage that waits for standard tasks', () => {
  it('begins in the turn in which the last of them gets its node', () => {
    const driver = driverOf(gatherPlan(), {}, 12 * GIB);
    driver.loaded(1, someSplits(1, 3));
    expect(driver.attempts(0)).toEqual(['0.0', '1.0']);
    driver.report(0, 0, 'finished');
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '2.0']);
    expect(driver.stage(1).startReason).toBe('speculative');
  });
});

describe('a scan', () => {
  it('loads no more while many standard tasks are queued, and goes on when they are fewer (§2.5)', () => {
    const queueBounds = { ...DEFAULT_QUEUE_BOUNDS, maxWaitingForNode: 1, maxQueuedStandard: 2 };
    const driver = driverOf(gatherPlan(), { queueBounds }, 12 * GIB);
    const loads = () => driver.effectsOf('load-splits').length;
    // Two run, one asks, one is queued, the last one is open.
    driver.loaded(1, someSplits(1, 5), false);
    expect(loads()).toBe(2);
    driver.loaded(1, someSplits(1, 2), false);
    expect(loads()).toBe(2);
    driver.report(0, 0, 'finished');
    expect(loads()).toBe(2);
    driver.report(0, 1, 'finished');
    expect(loads()).toBe(3);
  });
});

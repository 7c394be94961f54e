import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../../services/common/error.ts';
import type { PlanFragment } from '../../../../../services/common/plan/plan-fragment.ts';
import { producerDetails } from '../../../../../services/common/task/fetch-failure.ts';
import type { TaskState } from '../../../../../services/coordinator/scheduler/task-state.ts';
import {
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toClient,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { joinPlan } from '../../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const STAGE_BARRIER = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
const BROKEN: ErrorReport = { code: 'SOURCE_READ_FAILED', message: 'the file is not there now' };

/** 0 and 1 scan (two partitions each) → hash → 2 (two partitions) → gathered by 3; three workers of four lanes. */
function driverOf(changes: (fragment: PlanFragment) => PlanFragment = (same) => same) {
  const driver = new SchedulerDriver(joinPlan().map(changes), {
    nodes: someNodes(3, { taskConcurrency: 4 }),
    options: { ...STAGE_BARRIER, hashPartitionCount: 2 },
  });
  driver.loaded(1, someSplits(1, 2));
  driver.loaded(2, someSplits(2, 2));
  return driver;
}

function indeterminate(fragment: PlanFragment): PlanFragment {
  return fragment.id === 0 ? { ...fragment, determinism: 'indeterminate' } : fragment;
}

/** Stage 0 is broadcast to the two partitions of the root, which came inline and runs; 0 comes out otherwise each time. */
function announced(): SchedulerDriver {
  const plan = [
    aScanFragment(
      0,
      { sourceId: 1, output: toFragment(1, 3, 'broadcast') },
      { determinism: 'indeterminate' },
    ),
    aScanFragment(
      1,
      { sourceId: 2, output: toClient() },
      { remoteSources: [aRemote(3, [0], 'broadcast')] },
    ),
  ];
  const driver = new SchedulerDriver(plan, { nodes: someNodes(3), options: STAGE_BARRIER });
  driver.loaded(1, someSplits(1, 1));
  driver.report(0, 0, 'finished');
  driver.loaded(2, someSplits(2, 2));
  driver.report(1, 0, { state: 'finished', inlinePages: [] });
  return driver;
}

/** The scans are stored, the join runs. */
function joining(changes?: (fragment: PlanFragment) => PlanFragment): SchedulerDriver {
  const driver = driverOf(changes);
  for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
  driver.reportAll(2, 'running');
  return driver;
}

function fetchFailure(producer: TaskState): ErrorReport {
  const details = producerDetails(producer);
  return { code: 'EXCHANGE_FAILED', message: 'unreachable', details };
}

describe('a failed attempt', () => {
  it('is followed by the next one, on another worker, with the same splits (F10, S2)', () => {
    const driver = driverOf();
    const splits = driver.splitsOf(0, 1, 1);
    const first = driver.task(0, 1);
    driver.fail(0, 1, BROKEN);
    const second = driver.task(0, 1);
    expect(second.taskId.attempt).toBe(1);
    expect(second.nodeId).not.toBe(first.nodeId);
    const again = driver.splitsOf(0, 1, 1).slice(splits.length);
    expect(again.map(({ input }) => input)).toEqual(splits.map(({ input }) => input));
    expect(driver.heardEnd(0, 1, 1)).toBe(true);
  });

  it('fails the query when it is the fourth of its partition (S2)', () => {
    const driver = driverOf();
    for (let attempt = 0; attempt < 3; attempt += 1) driver.fail(0, 1, BROKEN);
    expect(driver.state.query.kind).toBe('running');
    driver.fail(0, 1, BROKEN);
    expect(driver.state.query).toEqual({ kind: 'failed', error: BROKEN });
  });

  it('fails the query at once when no other attempt could do better', () => {
    const driver = driverOf();
    const error: ErrorReport = { code: 'INVALID_INPUT', message: 'division by zero' };
    driver.fail(0, 1, error);
    expect(driver.state.query).toEqual({ kind: 'failed', error });
  });

  it('does not count when its worker was lost, or refuses because it drains', () => {
    const driver = driverOf();
    for (let attempt = 0; attempt < 6; attempt += 1)
      driver.fail(0, 1, { code: 'SHUTTING_DOWN', message: 'draining' });
    driver.loseNodeOf(driver.task(0, 1));
    expect(driver.state.query.kind).toBe('running');
    expect(driver.stage(0).partitions[1]?.failureCount).toBe(0);
    expect(driver.task(0, 1).kind).toBe('planned');
  });

  it('that broke the protocol is stopped and made again', () => {
    const driver = driverOf();
    driver.report(0, 1, { state: 'finished', receivedSplits: [] });
    expect(driver.stops()).toContain('abort 0.1');
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '1.1']);
    expect(driver.stage(0).partitions[1]).toMatchObject({ failureCount: 1 });
    expect(driver.selected(0)[1]).toBeNull();
  });
});

describe('an attempt that finishes', () => {
  it('counts when it is the first; a second one is ignored and released (R11, R6)', () => {
    const driver = joining();
    driver.fail(2, 0, fetchFailure(driver.task(0, 0)));
    driver.reportAll(0, 'finished');
    driver.reportAll(1, 'finished');
    // Partition 1 has a zombie and a new attempt.
    expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1', '1.1']);
    driver.reportAttempt({ stage: 2, partition: 1, attempt: 0 }, 'finished');
    expect(driver.selected(2)[1]).toBe(0);
    expect(driver.released()).toContain('2.1.1');
    const effects = driver.reportAttempt({ stage: 2, partition: 1, attempt: 1 }, 'finished');
    expect(effects).toEqual([]);
    expect(driver.selected(2)[1]).toBe(0);
  });
});

describe('a lost worker', () => {
  it('takes its outputs with it: only these partitions run again, then those that read them (R16–R18)', () => {
    const driver = joining();
    const lost = driver.task(0, 0);
    const survivors = [0, 1].map((stage) =>
      driver.stage(stage).tasks.filter(({ nodeId }) => nodeId !== lost.nodeId),
    );
    driver.loseNodeOf(lost);
    const missing = [0, 1].map((stage) =>
      driver.selected(stage).filter((attempt) => attempt === null),
    );
    expect(missing.map((each, stage) => each.length + (survivors[stage]?.length ?? 0))).toEqual([
      2, 2,
    ]);
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduled', 2: 'running', 3: 'planned' });
    // Nothing of the join starts before its inputs are whole again.
    expect(driver.stage(2).tasks).toHaveLength(2);
    for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 1: 'finished', 2: 'running' });
    expect(driver.stage(2).tasks).toHaveLength(4);
    const locations = driver
      .splitsOf(2, 0, 3)
      .slice(-2)
      .map(({ input }) => (input.kind === 'remote' ? input.location.taskId.attempt : -1));
    expect(locations).toEqual([1, driver.task(0, 1).taskId.attempt]);
  });

  it('stops what reads from it, without counting that as a failure', () => {
    const driver = joining();
    driver.loseNodeOf(driver.task(0, 0));
    const live = driver.stage(2).tasks.filter(({ kind }) => kind === 'running');
    expect(live.every(({ stop }) => stop === 'abort')).toBe(true);
    expect(driver.stage(2).partitions.map(({ failureCount }) => failureCount)).toEqual([0, 0]);
    expect(driver.stage(2).failedAttempts).toBe(0);
  });

  it('costs nothing where its outputs are not read any more, until somebody needs them again', () => {
    const driver = joining();
    driver.reportAll(2, 'finished');
    driver.reportAll(3, 'running');
    const before = driver.stage(0).tasks.length;
    const lost = driver.task(0, 0);
    const isJoinHit = driver.stage(2).tasks.some(({ nodeId }) => nodeId === lost.nodeId);
    driver.loseNodeOf(lost);
    expect(driver.stage(0).tasks.length > before).toBe(isJoinHit);
  });

  it('takes up again what was cancelled, because nobody read it any more, when somebody does (R17, T18)', () => {
    const driver = joining();
    driver.reportAll(2, 'flushing');
    const readers = driver.stage(2).tasks.map(({ nodeId }) => nodeId);
    const scans = [0, 1].flatMap((stage) => driver.stage(stage).tasks);
    const lost = scans.find(({ nodeId }) => !readers.includes(nodeId));
    if (lost === undefined) throw new Error('some scan runs beside no reader');
    const { stageId, partitionId } = lost.taskId;
    driver.loseNodeOf(lost);
    expect(driver.stageKinds()).toMatchObject({ [stageId]: 'scheduled', 2: 'running' });
    driver.reportAll(2, 'finished');
    expect(driver.stops()).toContain(`cancel ${stageId}.${partitionId}`);
    expect(driver.stageKinds()).toMatchObject({ [stageId]: 'canceled', 2: 'finished' });
    driver.fail(3, 0, fetchFailure(driver.task(2, 0)));
    expect(driver.stageKinds()).toMatchObject({ [stageId]: 'scheduled', 2: 'scheduled' });
    expect(driver.task(stageId, partitionId).taskId.attempt).toBe(2);
    for (const stage of [0, 1, 2, 3]) driver.reportAll(stage, 'finished');
    driver.send({ kind: 'result-released' });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('fails the query when it had the announced result', () => {
    const driver = joining();
    driver.reportAll(2, 'finished');
    driver.reportAll(3, 'finished');
    expect(driver.effectsOf('add-result-locations').at(-1)?.noMore).toBe(true);
    driver.loseNodeOf(driver.task(3, 0));
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'NODE_LOST' } });
  });
});

describe('a fetch failure (R19)', () => {
  it('makes lost outputs of that worker again, all at once, and then the partitions that miss them', () => {
    const driver = joining();
    const producer = driver.task(0, 0);
    const onIt = [0, 1].flatMap((stage) =>
      driver.stage(stage).tasks.filter(({ nodeId }) => nodeId === producer.nodeId),
    );
    driver.fail(2, 0, fetchFailure(producer));
    for (const { taskId } of onIt) {
      const name = `${taskId.stageId}.${taskId.partitionId}.0`;
      expect(driver.released()).toContain(name);
      expect(driver.task(taskId.stageId, taskId.partitionId).taskId.attempt).toBe(1);
    }
    expect(driver.stage(2)).toMatchObject({ attempt: 1, failedAttempts: 1 });
    expect(driver.stage(2).partitions[0]?.failureCount).toBe(0);
  });

  it('of an earlier attempt of the stage is ignored (S3)', () => {
    const driver = joining();
    driver.fail(2, 0, fetchFailure(driver.task(0, 0)));
    const effects = driver.fail(2, 1, fetchFailure(driver.task(1, 0)));
    expect(driver.stage(2)).toMatchObject({ attempt: 1, failedAttempts: 1 });
    expect(effectsOf(effects, 'update-task')).toEqual([]);
  });

  it('leaves what still runs to finish, and launches nothing in its place while inputs are missing (S3)', () => {
    const driver = joining();
    driver.fail(2, 0, fetchFailure(driver.task(0, 0)));
    expect(driver.task(2, 1)).toMatchObject({ kind: 'running', stop: 'none' });
    driver.report(2, 1, 'finished');
    for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
    expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1']);
    driver.report(2, 0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 2: 'finished', 3: 'scheduled' });
    expect(driver.stage(2).failedAttempts).toBe(0);
  });

  it('fails the query after four attempts of the stage in a row (S4)', () => {
    const driver = joining();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      expect(driver.state.query.kind).toBe('running');
      driver.fail(2, 0, fetchFailure(driver.task(0, 0)));
      for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
    }
    driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'EXCHANGE_FAILED' },
    });
  });

  it('that names no stored output of a producer is a failure like others', () => {
    const driver = joining();
    driver.fail(2, 0, { code: 'EXCHANGE_FAILED', message: 'somewhere' });
    expect(driver.stage(2).partitions[0]?.failureCount).toBe(1);
    expect(driver.attempts(2)).toEqual(['0.0', '1.0', '0.1']);
  });
});

describe('a stage that comes out otherwise when it is run again', () => {
  it('takes with it all that has read it, finished or not', () => {
    const driver = joining(indeterminate);
    driver.report(2, 1, 'finished');
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.selected(2)).toEqual([null, null]);
    const live = driver.stage(2).tasks.filter(({ kind }) => kind === 'running');
    expect(live.every(({ stop }) => stop === 'abort')).toBe(true);
    for (const stage of [0, 1]) driver.reportAll(stage, 'finished');
    expect(driver.task(2, 1).taskId.attempt).toBe(1);
  });

  it('spares what has finished if it comes out the same', () => {
    const driver = joining();
    const producer = driver.task(0, 0);
    const finished = driver.stage(2).tasks.find(({ nodeId }) => nodeId !== producer.nodeId);
    driver.report(2, finished?.taskId.partitionId ?? -1, 'finished');
    driver.loseNodeOf(producer);
    expect(driver.selected(2).filter((attempt) => attempt === 0)).toHaveLength(1);
  });

  it('fails the query when the client may have rows of the old run', () => {
    const driver = announced();
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'NODE_LOST' } });
  });

  it('fails it with the loss of the worker even if a reader notices first (T5)', () => {
    const driver = announced();
    const producer = driver.task(0, 0);
    driver.fail(1, 1, fetchFailure(producer));
    expect(driver.state.query.kind).toBe('running');
    expect(driver.effectsOf('update-task').filter(({ taskId }) => taskId.attempt > 0)).toEqual([]);
    driver.loseNodeOf(producer);
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'NODE_LOST' } });
  });

  it('fails it with what the reader met when nothing explains it', () => {
    const driver = announced();
    driver.fail(1, 1, fetchFailure(driver.task(0, 0)));
    driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'EXCHANGE_FAILED' },
    });
  });
});

describe('a launcher that looks at all partitions', () => {
  it('keeps no list of those that have changed', () => {
    const driver = joining();
    driver.reportAll(2, 'finished');
    expect(driver.state.stages.flatMap(({ launchDue }) => launchDue.partitions)).toEqual([]);
  });
});

describe('stored outputs', () => {
  it('are released once each when the query ends, but not on workers that are lost', () => {
    const driver = joining();
    const lost = driver.task(0, 0);
    driver.loseNodeOf(lost);
    for (const stage of [0, 1, 2, 3]) driver.reportAll(stage, 'finished');
    driver.send({ kind: 'result-released' });
    expect(driver.state.query.kind).toBe('finished');
    const all = driver.state.stages.flatMap(({ tasks }) => tasks);
    const there = all.filter(({ nodeId }) => nodeId !== lost.nodeId);
    expect([...driver.released()].toSorted()).toEqual(
      there
        .map(({ taskId }) => `${taskId.stageId}.${taskId.partitionId}.${taskId.attempt}`)
        .toSorted(),
    );
    expect(driver.effects.at(-1)?.kind).toBe('finish-query');
  });
});

import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../../services/common/error.ts';
import type { Instant, NodeId, NodeInstanceId } from '../../../../../services/common/ids.ts';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { gatherPlan } from '../../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const SYMPTOM: ErrorReport = { code: 'EXCHANGE_FAILED', message: 'cannot read 0.0 on worker-1' };
const CAUSE: ErrorReport = { code: 'NODE_LOST', message: 'worker-1 is lost: killed by SIGKILL' };

function running(): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan());
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
  return driver;
}

function loseNodeOf(driver: SchedulerDriver, stage: number, partition: number) {
  const { nodeId, nodeInstanceId } = driver.task(stage, partition);
  return driver.send({ kind: 'node-lost', nodeId, nodeInstanceId, error: CAUSE });
}

describe('failing the query (T4, T5)', () => {
  it('fails at once with the error of a task', () => {
    const driver = running();
    driver.fail(0, 0, { code: 'INVALID_INPUT', message: 'division by zero' });
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'INVALID_INPUT' } });
  });

  it('fails when a task says that it is about to', () => {
    const driver = running();
    driver.report(0, 0, { state: 'failing', error: { code: 'OUT_OF_MEMORY', message: '' } });
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'OUT_OF_MEMORY' } });
  });

  it.each(['canceling', 'canceled', 'aborting', 'aborted'] as const)(
    'fails when a live task is %s without an order',
    (state) => {
      const driver = running();
      driver.report(0, 0, state);
      expect(driver.state.query).toMatchObject({
        kind: 'failed',
        error: { code: 'INTERNAL_ERROR' },
      });
      expect(driver.stageKinds()).toEqual({ 0: 'failed', 1: 'aborted' });
    },
  );

  it('fails with NODE_LOST, which names the worker and the cause', () => {
    const driver = running();
    loseNodeOf(driver, 0, 1);
    expect(driver.state.query).toEqual({ kind: 'failed', error: CAUSE });
    // The dead worker is told nothing.
    expect(driver.stops()).not.toContain('abort 0.1');
  });
});

describe('waiting for the cause of a symptom (T5)', () => {
  it('arms a timer and schedules nothing meanwhile', () => {
    const driver = running();
    const effects = driver.fail(1, 0, SYMPTOM);
    const at = (driver.now + 3_000) as Instant;
    expect(effects).toEqual([{ kind: 'arm-timer', timer: { kind: 'failure-cause' }, at }]);
    expect(driver.state.query.kind).toBe('running');
  });

  it('fails with the cause when it comes', () => {
    const driver = running();
    driver.fail(1, 0, SYMPTOM);
    loseNodeOf(driver, 0, 0);
    expect(driver.state.query).toEqual({ kind: 'failed', error: CAUSE });
  });

  it('fails with the first symptom when no cause comes', () => {
    const driver = running();
    driver.fail(1, 0, SYMPTOM);
    driver.fail(0, 0, { code: 'REMOTE_TASK_FAILED', message: 'second' });
    const effects = driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(effectsOf(effects, 'fail-query')).toEqual([{ kind: 'fail-query', error: SYMPTOM }]);
    expect(
      driver.effectsOf('arm-timer').filter(({ timer }) => timer.kind === 'failure-cause'),
    ).toHaveLength(1);
  });

  it('is cancelled, or out of time, when that comes first: a symptom is no cause', () => {
    const cancelled = running();
    cancelled.fail(1, 0, SYMPTOM);
    const error = { code: 'QUERY_CANCELLED', message: '' } as const;
    cancelled.send({ kind: 'cancel-requested', error });
    expect(cancelled.state.query).toEqual({ kind: 'failed', error });
    const late = running();
    late.fail(1, 0, SYMPTOM);
    late.send({ kind: 'timer-fired', timer: { kind: 'query-deadline' } });
    expect(late.state.query).toMatchObject({ kind: 'failed', error: { code: 'QUERY_TIMEOUT' } });
  });

  it('forgets the symptom when its stage is not needed any more', () => {
    const driver = running();
    driver.fail(0, 0, SYMPTOM);
    driver.report(1, 0, 'flushing');
    expect(driver.state.suspectedFailure).toBeNull();
    driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('goes on scheduling where it had stopped, once the symptom is forgotten', () => {
    const driver = new SchedulerDriver([
      aScanFragment(0, { sourceId: 1, output: toFragment(1, 3, 'single') }),
      aFragment(1, {
        remoteSources: [aRemote(3, [0], 'gather')],
        outputs: [toFragment(3, 4, 'single')],
      }),
      aScanFragment(2, { sourceId: 2, output: toFragment(3, 5, 'single') }),
      aFragment(3, { remoteSources: [aRemote(4, [1], 'gather'), aRemote(5, [2], 'gather')] }),
    ]);
    driver.loaded(1, someSplits(1, 1));
    driver.fail(0, 0, SYMPTOM);
    driver.loaded(2, someSplits(2, 2));
    expect(driver.stage(2).tasks).toEqual([]);
    driver.report(1, 0, 'flushing');
    expect(driver.stage(2).tasks).toHaveLength(2);
  });

  it('does nothing when the timer fires without a symptom', () => {
    const driver = running();
    expect(driver.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } })).toEqual([]);
  });
});

describe('a worker without tasks of the query', () => {
  it('may be lost', () => {
    const driver = running();
    const error = CAUSE;
    const nodeId = 'worker-8' as NodeId;
    driver.send({
      kind: 'node-lost',
      nodeId,
      nodeInstanceId: 'worker-8-run-1' as NodeInstanceId,
      error,
    });
    expect(driver.state.query.kind).toBe('running');
  });

  it('may be lost when its tasks have finished', () => {
    const driver = running();
    driver.report(0, 1, 'finished');
    const lost = driver.task(0, 1).nodeId;
    if (driver.task(1, 0).nodeId === lost)
      driver.report(1, 0, { state: 'finished', inlinePages: [] });
    loseNodeOf(driver, 0, 1);
    expect(driver.state.query.kind).not.toBe('failed');
  });
});

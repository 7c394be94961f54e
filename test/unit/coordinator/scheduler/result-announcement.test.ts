import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import type { OutputBufferStatus } from '../../../../services/common/task/output-buffers.ts';
import { someSplits } from '../../../support/plan-builders.ts';
import { constantPlan, gatherPlan, scanRootPlan } from '../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../support/scheduler-driver.ts';

const PAGES = [new Uint8Array([1, 2]), new Uint8Array([3])];
const HOLDING: OutputBufferStatus = {
  state: 'open',
  bufferedBytes: 9,
  utilization: 0,
  overutilized: false,
};
const WINDOW = { kind: 'timer-fired', timer: { kind: 'result-announcement' } } as const;

describe('announcing the result (T17)', () => {
  it('names where the root task serves its only buffer', () => {
    const driver = new SchedulerDriver(constantPlan());
    const effects = driver.report(0, 0, { state: 'running', outputs: [HOLDING] });
    const { taskId, nodeId, nodeInstanceId, address } = driver.task(0, 0);
    expect(effects).toEqual([
      {
        kind: 'add-result-locations',
        locations: [
          { location: { taskId, nodeId, nodeInstanceId, address, outputIndex: 0, bufferId: 0 } },
        ],
        noMore: true,
      },
    ]);
  });

  it('waits for a small result while the window is open', () => {
    const driver = new SchedulerDriver(constantPlan());
    const [, timer] = driver.effectsOf('arm-timer');
    expect(timer).toMatchObject({
      timer: { kind: 'result-announcement' },
      at: (driver.now + 25) as Instant,
    });
    expect(driver.report(0, 0, 'running')).toEqual([]);
    const effects = driver.report(0, 0, { state: 'finished', inlinePages: PAGES });
    expect(effectsOf(effects, 'add-result-locations')).toMatchObject([
      { locations: [{ inlinePages: PAGES }], noMore: true },
    ]);
  });

  it('waits no longer than the window', () => {
    const driver = new SchedulerDriver(gatherPlan());
    const effects = driver.send(WINDOW);
    expect(effectsOf(effects, 'add-result-locations')).toMatchObject([
      { locations: [{ location: { taskId: { stageId: 1 } } }], noMore: true },
    ]);
    expect(driver.send(WINDOW)).toEqual([]);
  });

  it('announces inline pages even of a task that was announced before', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.send(WINDOW);
    const effects = driver.report(0, 0, { state: 'finished', inlinePages: PAGES });
    expect(effectsOf(effects, 'add-result-locations')).toMatchObject([
      { locations: [{ inlinePages: PAGES }], noMore: false },
    ]);
  });

  it('announces a task that has computed its rows', () => {
    const driver = new SchedulerDriver(constantPlan());
    expect(effectsOf(driver.report(0, 0, 'flushing'), 'add-result-locations')).toHaveLength(1);
  });

  it('announces every task of a root that follows its splits, the end with the last', () => {
    const driver = new SchedulerDriver(scanRootPlan());
    driver.send(WINDOW);
    driver.loaded(1, someSplits(1, 1), false);
    driver.loaded(1, someSplits(1, 3));
    const announced = driver.effectsOf('add-result-locations');
    expect(announced.map((effect) => effect.noMore)).toEqual([false, true]);
    expect(announced.flatMap((effect) => effect.locations)).toHaveLength(2);
  });

  it('does not announce a task that failed, nor the end of such a result', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.fail(0, 0, { code: 'EXCHANGE_FAILED', message: '' });
    driver.send(WINDOW);
    expect(driver.effectsOf('add-result-locations')).toEqual([]);
  });
});

describe('the end of the result', () => {
  it('finishes the query when its pages came inline', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('finishes the query when the client has read it all', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, 'flushing');
    expect(driver.state.query.kind).toBe('finishing');
    driver.report(0, 0, 'finished');
    expect(driver.state.query.kind).toBe('finished');
  });

  it('drops the pages of a released result and finishes when the root tasks have ended', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1));
    driver.report(1, 0, 'flushing');
    driver.send({ kind: 'result-released' });
    expect(driver.stops()).toContain('cancel 1.0');
    expect(driver.state.query.kind).toBe('finishing');
    driver.report(1, 0, 'canceled');
    expect(driver.state.query.kind).toBe('finished');
  });

  it('finishes a released query even if the worker of its root dies', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, 'flushing');
    driver.send({ kind: 'result-released' });
    const { nodeId, nodeInstanceId } = driver.task(0, 0);
    driver.send({
      kind: 'node-lost',
      nodeId,
      nodeInstanceId,
      error: { code: 'NODE_LOST', message: '' },
    });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('fails the query when the worker dies before the client has the result', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, 'flushing');
    const { nodeId, nodeInstanceId } = driver.task(0, 0);
    driver.send({
      kind: 'node-lost',
      nodeId,
      nodeInstanceId,
      error: { code: 'NODE_LOST', message: '' },
    });
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'NODE_LOST' } });
  });

  it('does not believe a root task that finished with rows nobody read', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, 'finished');
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL_ERROR' } });
  });

  it('does not fail at its deadline once the client has everything', () => {
    const driver = new SchedulerDriver(constantPlan());
    driver.report(0, 0, 'flushing');
    driver.send({ kind: 'result-released' });
    driver.send({ kind: 'timer-fired', timer: { kind: 'query-deadline' } });
    expect(driver.state.query.kind).toBe('finishing');
  });
});

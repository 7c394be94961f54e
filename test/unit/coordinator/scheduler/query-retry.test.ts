import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../services/common/error.ts';
import type { Instant } from '../../../../services/common/ids.ts';
import type { SchedulerOptions } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import { aNode, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../support/scheduler-driver.ts';

function running(options: Partial<SchedulerOptions> = {}): SchedulerDriver {
  const driver = new SchedulerDriver(gatherPlan(), {
    options: { retryPolicy: 'query', ...options },
  });
  run(driver);
  return driver;
}

function run(driver: SchedulerDriver): void {
  driver.loaded(1, someSplits(1, 2));
  for (const stage of [0, 1]) driver.reportAll(stage, 'running');
}

function loseWorker(driver: SchedulerDriver, name = 'worker-1'): void {
  const { nodeId, nodeInstanceId } = aNode(name);
  const error = { code: 'NODE_LOST', message: `${name} is lost` } as const;
  driver.send({ kind: 'node-lost', nodeId, nodeInstanceId, error });
}

/** Lets the delay pass. */
function retry(driver: SchedulerDriver): void {
  const { attempt, retryAt } = driver.state;
  if (retryAt === null) throw new Error('nothing to wait for');
  driver.now = retryAt;
  driver.send({ kind: 'timer-fired', timer: { kind: 'query-retry', attempt } });
}

const changes = (driver: SchedulerDriver) =>
  driver.effectsOf('change-result').map(({ attempt, commitment }) => `${attempt} ${commitment}`);

const full = [{ state: 'open', bufferedBytes: 1, utilization: 2, overutilized: true }] as const;

describe('a query that is retried (T6)', () => {
  it('runs again from the start, with a higher attempt number in every task', () => {
    const driver = running();
    const before = driver.stops().length;
    loseWorker(driver);
    expect(driver.state.query.kind).toBe('running');
    // What still runs is stopped, never as if it had ended well.
    expect(driver.stops().slice(before)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^abort /)]),
    );
    expect(driver.stageKinds()).toEqual({ 0: 'planned', 1: 'planned' });
    expect(whyBlocked(driver.state).query).toBe('waiting-for-retry');
    retry(driver);
    expect(driver.effectsOf('rewind-split-source')).toMatchObject([{ sourceId: 1 }]);
    driver.loaded(1, someSplits(1, 2));
    const tasks = driver.state.stages.flatMap((stage) => stage.tasks);
    expect(tasks.map(({ taskId }) => taskId.attempt)).toEqual(tasks.map(() => 1));
    expect(tasks.every(({ nodeId }) => nodeId === 'worker-2')).toBe(true);
    driver.reportAll(0, 'finished');
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
  });

  it('hears nothing of what an older attempt still says', () => {
    const driver = running();
    const late = driver.status(1, 0, { state: 'finished', inlinePages: [] });
    const failure = driver.status(0, 1, {
      state: 'failed',
      error: { code: 'CONVERSION_ERROR', message: '' },
    });
    loseWorker(driver);
    retry(driver);
    for (const status of [late, failure]) {
      const before = structuredClone(driver.state);
      expect(driver.send({ kind: 'task-status', status })).toEqual([]);
      expect(driver.state).toEqual(before);
    }
  });

  it('takes no batch of splits that was loaded for an older attempt', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { retryPolicy: 'query' } });
    const [load] = driver.effectsOf('load-splits');
    driver.fail(1, 0, { code: 'INTERNAL_ERROR', message: '' });
    retry(driver);
    const again = driver.effectsOf('load-splits').at(-1);
    expect(again?.batch).toBeGreaterThan(load?.batch ?? 0);
    const sourceId = load?.sourceId ?? 0;
    const splits = someSplits(1, 3);
    const stale = { kind: 'splits-loaded', sourceId, batch: load?.batch ?? 0, splits, last: true };
    expect(driver.send(stale as never)).toEqual([]);
    expect(driver.stage(0).tasks).toHaveLength(0);
  });

  it('waits longer before each further attempt, up to a limit', () => {
    const driver = running({
      retryDelays: { initialDelayMs: 100, maxDelayMs: 300, scaleFactor: 2 },
    });
    const delays = [1, 2, 3, 4].map(() => {
      driver.fail(1, 0, { code: 'INTERNAL_ERROR', message: '' });
      const delayMs = (driver.state.retryAt ?? 0) - driver.now;
      retry(driver);
      return delayMs;
    });
    expect(delays).toEqual([100, 200, 300, 300]);
    driver.fail(1, 0, { code: 'INTERNAL_ERROR', message: 'again' });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { code: 'INTERNAL_ERROR', details: { no_retry: '4 retries have failed' } },
    });
  });

  it.each(['CONVERSION_ERROR', 'OUT_OF_MEMORY', 'SOURCE_CHANGED'] as ErrorCode[])(
    'is not, for %s',
    (code) => {
      const driver = running();
      driver.fail(0, 0, { code, message: '' });
      expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code } });
    },
  );

  it('waits for the cause of a symptom, which may be the fault of the user', () => {
    const driver = running();
    driver.fail(1, 0, { code: 'EXCHANGE_FAILED', message: '' });
    expect(driver.state).toMatchObject({ attempt: 0, retryAt: null });
    driver.fail(0, 0, { code: 'CONVERSION_ERROR', message: '' });
    expect(driver.state.query.kind).toBe('failed');
    const other = running();
    other.fail(1, 0, { code: 'EXCHANGE_FAILED', message: '' });
    other.send({ kind: 'timer-fired', timer: { kind: 'failure-cause' } });
    expect(other.state.attempt).toBe(1);
  });

  it('is retried when splits cannot be loaded', () => {
    const driver = new SchedulerDriver(gatherPlan(), { options: { retryPolicy: 'query' } });
    const [load] = driver.effectsOf('load-splits');
    const error = { code: 'SOURCE_READ_FAILED', message: '' } as const;
    driver.send({
      kind: 'split-loading-failed',
      sourceId: load?.sourceId ?? (0 as never),
      batch: 0,
      error,
    });
    expect(driver.state.attempt).toBe(1);
  });

  it('waits for a worker while it may be retried', () => {
    const driver = running({ maxQueryRetries: 2 });
    loseWorker(driver, 'worker-1');
    loseWorker(driver, 'worker-2');
    retry(driver);
    expect(driver.state.attempt).toBe(2);
    driver.send({ kind: 'node-joined', node: aNode('worker-3') });
    retry(driver);
    run(driver);
    expect(driver.stage(1).tasks[0]?.nodeId).toBe('worker-3');
  });

  it('gives nothing more to a worker that lies', () => {
    const driver = running();
    driver.report(0, 0, { state: 'running', queuedSplitWeight: -1 });
    const liar = driver.state.nodes.find(({ isDistrusted }) => isDistrusted)?.node.nodeId;
    retry(driver);
    run(driver);
    const nodes = driver.state.stages.flatMap(({ tasks }) => tasks.map(({ nodeId }) => nodeId));
    expect(nodes.length).toBeGreaterThan(0);
    expect(nodes).not.toContain(liar);
  });

  it('ends while it waits, when somebody wants it to', () => {
    const driver = running();
    loseWorker(driver);
    driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
    expect(driver.state.query.kind).toBe('failed');
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
    driver.now = 9_999_999 as Instant;
    expect(
      driver.send({ kind: 'timer-fired', timer: { kind: 'query-retry', attempt: 1 } }),
    ).toEqual([]);
  });
});

describe('the result of a query that may be retried', () => {
  it('is withheld until all of it is computed (T8, T9)', () => {
    const driver = running();
    driver.report(1, 0, { state: 'running', outputs: [{ ...full[0], overutilized: false }] });
    expect(driver.effectsOf('add-result-locations').at(-1)).toMatchObject({ noMore: true });
    expect(changes(driver)).toEqual(['0 withheld']);
    driver.reportAll(0, 'finished');
    const effects = driver.report(1, 0, 'flushing');
    expect(effectsOf(effects, 'change-result')).toMatchObject([{ commitment: 'committed' }]);
  });

  it('lets go of sources that no other attempt will read, once it is given out (T36)', () => {
    const driver = running();
    expect(driver.effectsOf('close-split-source')).toEqual([]);
    driver.reportAll(0, 'finished');
    driver.report(1, 0, 'flushing');
    expect(changes(driver)).toEqual(['0 withheld', '0 committed']);
    expect(driver.effectsOf('close-split-source')).toHaveLength(1);
  });

  it('is void with the attempt that made it', () => {
    const driver = running();
    driver.send({ kind: 'timer-fired', timer: { kind: 'result-announcement' } });
    loseWorker(driver);
    expect(changes(driver)).toEqual(['0 withheld', '1 withheld']);
    retry(driver);
    run(driver);
    expect(driver.effectsOf('add-result-locations').at(-1)).toMatchObject({
      locations: [{ location: { taskId: { attempt: 1 } } }],
      noMore: true,
    });
  });

  it('is given out when no more of it can be withheld; then there is no further attempt, and that is said', () => {
    const driver = running();
    driver.report(1, 0, { state: 'running', blockedReason: 'output-full', outputs: [...full] });
    expect(changes(driver)).toEqual(['0 withheld', '0 committed']);
    driver.fail(0, 0, { code: 'INTERNAL_ERROR', message: '' });
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: { details: { no_retry: 'rows of the result were given out' } },
    });
  });

  it('is never withheld without a retry policy', () => {
    const driver = running({ retryPolicy: 'none' });
    driver.reportAll(0, 'finished');
    driver.report(1, 0, { state: 'finished', inlinePages: [] });
    expect(changes(driver)).toEqual([]);
  });
});

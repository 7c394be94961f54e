import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import type { Instant, SourceId } from '../../../../services/common/ids.ts';
import type { SchedulerOptions } from '../../../../services/coordinator/scheduler/scheduler-options.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { gatherPlan } from '../../../support/sample-plans.ts';
import { effectsOf, SchedulerDriver } from '../../../support/scheduler-driver.ts';

const STAGE_BARRIER = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
const REGIONS = {
  scheduling: 'regions',
  executionPolicy: 'pipelined-region',
  retryPolicy: 'region',
} as const;
const BROKEN: ErrorReport = { code: 'SOURCE_READ_FAILED', message: 'the bucket does not answer' };
const SOURCE = 1 as SourceId;

function driverOf(options: Partial<SchedulerOptions>): SchedulerDriver {
  return new SchedulerDriver(gatherPlan(), { nodes: someNodes(2), options });
}

const loadFails = (driver: SchedulerDriver, batch: number, error = BROKEN) =>
  driver.send({ kind: 'split-loading-failed', sourceId: SOURCE, batch, error });

const pauseOver = (driver: SchedulerDriver, batch: number) =>
  driver.send({ kind: 'timer-fired', timer: { kind: 'split-retry', sourceId: SOURCE, batch } });

const batches = (driver: SchedulerDriver): readonly number[] =>
  driver.effectsOf('load-splits').map(({ batch }) => batch);

describe.each([STAGE_BARRIER, REGIONS])(
  'a batch of splits, retry policy $retryPolicy',
  (policy) => {
    it('that could not be loaded is asked for again, once, after a pause, under another number', () => {
      const driver = driverOf(policy);
      const at = (driver.now + driver.state.options.retryDelays.initialDelayMs) as Instant;
      const timer = { kind: 'split-retry', sourceId: SOURCE, batch: 1 } as const;
      expect(loadFails(driver, 0)).toEqual([{ kind: 'arm-timer', timer, at }]);
      expect(loadFails(driver, 0)).toEqual([]);
      expect(pauseOver(driver, 0)).toEqual([]);
      expect(effectsOf(pauseOver(driver, 1), 'load-splits')).toHaveLength(1);
      expect(pauseOver(driver, 1)).toEqual([]);
      expect(batches(driver)).toEqual([0, 1]);
      driver.loaded(1, someSplits(1, 1));
      driver.reportAll(0, 'finished');
      driver.report(1, 0, { state: 'finished', inlinePages: [] });
      expect(driver.state.query.kind).toBe('finished');
    });

    it('that fails a fourth time in a row fails the query; a batch that comes ends the row', () => {
      const driver = driverOf(policy);
      const failOnce = (): void => {
        const { batch } = driver.stage(0).scans[0] ?? { batch: -1 };
        loadFails(driver, batch);
        pauseOver(driver, batch + 1);
      };
      for (let time = 0; time < 3; time += 1) failOnce();
      driver.loaded(1, someSplits(1, 1), false);
      for (let time = 0; time < 3; time += 1) failOnce();
      expect(driver.state.query.kind).toBe('running');
      failOnce();
      expect(driver.state.query).toEqual({ kind: 'failed', error: BROKEN });
    });

    it('that will never come fails the query at once', () => {
      const driver = driverOf(policy);
      const error: ErrorReport = { code: 'INVALID_INPUT', message: 'no Parquet' };
      loadFails(driver, 0, error);
      expect(driver.state.query).toEqual({ kind: 'failed', error });
    });

    it('is not asked for any more when the query is over', () => {
      const driver = driverOf(policy);
      loadFails(driver, 0);
      driver.send({ kind: 'cancel-requested', error: { code: 'QUERY_CANCELLED', message: '' } });
      expect(pauseOver(driver, 1)).toEqual([]);
    });
  },
);

describe('a batch of splits that could not be loaded', () => {
  it('fails a query of which nothing is tried again', () => {
    const driver = driverOf({});
    loadFails(driver, 0);
    expect(driver.state.query).toEqual({ kind: 'failed', error: BROKEN });
  });
});

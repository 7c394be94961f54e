import { describe, expect, it } from 'vitest';
import { faultTolerant } from '../../../../support/fault-tolerant.ts';
import { aFragment, someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { broadcastPlan, joinPlan, unionPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';
import { DEFAULT_TASK_SIZING } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { PlanFragment } from '../../../../../services/common/plan/plan-fragment.ts';
import type { TaskRetryOptions } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';

function driverOf(plan: readonly PlanFragment[], retries: Partial<TaskRetryOptions> = {}) {
  const nodes = someNodes(2, { taskConcurrency: 8 });
  return new SchedulerDriver(plan, { nodes, options: faultTolerant(retries) });
}

const sizing = { ...DEFAULT_TASK_SIZING, maxTaskSplits: 1, minTasksPerNode: 0 };

/** Which buffers of which partitions each task of the stage reads of a source. */
function readsOf(driver: SchedulerDriver, stage: number, sourceId: number): readonly string[][] {
  return driver.stage(stage).partitions.map(({ partitionId }) =>
    driver.splitsOf(stage, partitionId, sourceId).map(({ input }) => {
      if (input.kind !== 'remote') throw new Error('a file');
      const { taskId, bufferId, isSpooled } = input.location;
      return `${taskId.partitionId}.${bufferId}${isSpooled === true ? '' : ' of its worker'}`;
    }),
  );
}

describe('tasks that are described', () => {
  it('read the splits that were dealt to their partition, and hear of their end (F11)', () => {
    const driver = driverOf(joinPlan(), { startsSpeculatively: false });
    driver.loaded(1, someSplits(1, 2), false);
    // The first is full; the second may get more.
    expect(driver.stage(0).partitions.map(({ isSealed }) => isSealed)).toEqual([true, false]);
    expect(driver.stage(0).tasks).toHaveLength(1);
    driver.loaded(1, [], true);
    expect(driver.stage(0).tasks).toHaveLength(2);
    expect([0, 1].map((task) => driver.splitsOf(0, task, 1).length)).toEqual([1, 1]);
    expect([0, 1].map((task) => driver.heardEnd(0, task, 1))).toEqual([true, true]);
  });

  it('read one partition each of what is hashed, from the spool (F24, F27)', () => {
    const driver = driverOf(joinPlan());
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 2));
      driver.reportAll(stage, 'finished');
    }
    for (const sourceId of [3, 4]) {
      expect(readsOf(driver, 2, sourceId)).toEqual([
        ['0.0', '1.0'],
        ['0.1', '1.1'],
      ]);
      expect(driver.heardEnd(2, 1, sourceId)).toBe(true);
    }
  });

  it('read several partitions of what is hashed when these are small (F26)', () => {
    const driver = driverOf(joinPlan(), { sizing: { ...sizing, hashTargetBytes: 10_000 } });
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 2));
      driver.reportAll(stage, 'finished');
    }
    expect(readsOf(driver, 2, 3)).toEqual([['0.0', '0.1', '1.0', '1.1']]);
  });

  it('read all of what is broadcast', () => {
    const driver = driverOf(broadcastPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.reportAll(0, 'finished');
    driver.loaded(2, someSplits(2, 2));
    expect(readsOf(driver, 1, 3)).toEqual([
      ['0.0', '1.0'],
      ['0.0', '1.0'],
    ]);
  });

  it('read all producers of a union', () => {
    const driver = driverOf(unionPlan());
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 1));
      driver.reportAll(stage, 'finished');
    }
    expect(readsOf(driver, 2, 3)).toEqual([['0.0', '0.0']]);
  });

  it('are one with an empty split when there is nothing to read (T23)', () => {
    const driver = driverOf(joinPlan());
    driver.loaded(1, []);
    expect(driver.splitsOf(0, 0, 1).map(({ input }) => input.kind)).toEqual(['empty']);
  });

  it('are there even for a fragment without inputs', () => {
    const driver = driverOf([aFragment(0)]);
    expect(driver.stage(0)).toMatchObject({ kind: 'scheduled' });
    expect(driver.stage(0).tasks).toHaveLength(1);
  });

  it('are kept within a bound, beyond which the query fails (F29)', () => {
    const driver = driverOf(joinPlan(), { maxDescriptorBytes: 600 });
    driver.loaded(1, someSplits(1, 5));
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'OUT_OF_MEMORY' } });
  });

  it('fail the query when a scan cannot be read, with its own error (F15)', () => {
    const driver = driverOf(joinPlan());
    driver.loaded(2, someSplits(2, 1));
    const error = { code: 'SOURCE_READ_FAILED', message: 'the catalog is gone' } as const;
    driver.send({ kind: 'split-loading-failed', sourceId: 1 as never, batch: 0, error });
    expect(driver.state.query).toEqual({ kind: 'failed', error });
    expect(driver.stageKinds()).toMatchObject({ 0: 'failed', 1: 'aborted' });
    expect(driver.stops()).toEqual(['abort 1.0']);
  });
});

import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../../services/common/ids.ts';
import type { FileSplit } from '../../../../../services/common/plan/split.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  someNodes,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { fixedSourcePlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const splitsOfPartitions = (sourceId: number, partitions: readonly number[]): FileSplit[] =>
  someSplits(sourceId, partitions.length).map((split, index) => ({
    ...split,
    partition: (partitions[index] ?? 0) as PartitionId,
  }));

const firstRows = (driver: SchedulerDriver, task: number, sourceId: number): readonly unknown[] =>
  driver
    .splitsOf(0, task, sourceId)
    .map(({ input }) => (input.kind === 'file' ? input.firstRow : input.kind));

describe('stages whose tasks read scans by partitions (T28, T29)', () => {
  it('have a task for each partition at once, round the lanes when there are more', () => {
    const driver = new SchedulerDriver(fixedSourcePlan(), { nodes: someNodes(2) });
    const { tasks } = driver.stage(0);
    expect(tasks).toHaveLength(3);
    expect(tasks[2]?.nodeId).toBe(tasks[0]?.nodeId);
    expect(tasks[1]?.nodeId).not.toBe(tasks[0]?.nodeId);
  });

  it('are all known, also to their readers, long before their splits are (P12)', () => {
    const plan = [
      aFragment(0, { ...aFixedSource(3, [1, 2]), outputs: [toFragment(1, 3, 'single')] }),
      aFragment(1, { remoteSources: [aRemote(3, [0], 'gather')] }),
    ];
    const driver = new SchedulerDriver(plan);
    expect(driver.stage(0).kind).toBe('scheduling-splits');
    expect(driver.splitsOf(1, 0, 3)).toHaveLength(3);
    expect(driver.heardEnd(1, 0, 3)).toBe(true);
    driver.loaded(1, splitsOfPartitions(1, [0]));
    driver.loaded(2, []);
    expect(driver.stage(0)).toMatchObject({ kind: 'scheduled', tasks: { length: 3 } });
  });

  it('give each split to the task of its partition, the second scan after the first', () => {
    const driver = new SchedulerDriver(fixedSourcePlan());
    driver.loaded(1, splitsOfPartitions(1, [2, 0, 2]));
    driver.loaded(2, splitsOfPartitions(2, [1]));
    expect([0, 1, 2].map((task) => firstRows(driver, task, 1))).toEqual([[100], [], [0, 200]]);
    expect([0, 1, 2].map((task) => firstRows(driver, task, 2))).toEqual([[], [0], []]);
    expect(driver.stage(0).kind).toBe('scheduled');
  });

  it('ask for the second scan only when the first is through', () => {
    const driver = new SchedulerDriver(fixedSourcePlan());
    const loads = () => driver.effects.filter((effect) => effect.kind === 'load-splits');
    expect(loads()).toMatchObject([{ sourceId: 1 }]);
    driver.loaded(1, splitsOfPartitions(1, [0]));
    expect(loads()).toMatchObject([{ sourceId: 1 }, { sourceId: 2 }]);
  });

  it('let a full task hold up its own splits only', () => {
    const splitQueueLimits = {
      ...DEFAULT_SCHEDULER_OPTIONS.splitQueueLimits,
      maxUnacknowledgedSplits: 1,
    };
    const driver = new SchedulerDriver(fixedSourcePlan(), { options: { splitQueueLimits } });
    driver.loaded(1, splitsOfPartitions(1, [0, 0, 1]));
    expect([0, 1].map((task) => firstRows(driver, task, 1))).toEqual([[0], [200]]);
    expect(driver.stage(0).isPlacementBlocked).toBe(true);
    driver.report(0, 0, {
      state: 'running',
      receivedSplits: [{ sourceId: 1, sequenceId: 0 }],
    });
    expect(firstRows(driver, 0, 1)).toEqual([0, 100]);
  });

  it('get an empty split for a scan without splits (T23)', () => {
    const driver = new SchedulerDriver(fixedSourcePlan());
    driver.loaded(1, []);
    expect(firstRows(driver, 0, 1)).toEqual(['empty']);
  });

  it('fail rather than lose a split without a task', () => {
    const driver = new SchedulerDriver(fixedSourcePlan());
    driver.loaded(1, splitsOfPartitions(1, [7]));
    expect(driver.effects.at(-1)).toMatchObject({
      kind: 'fail-query',
      error: { code: 'INTERNAL_ERROR' },
    });
  });
});

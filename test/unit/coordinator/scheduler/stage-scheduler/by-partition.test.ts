import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../../services/common/ids.ts';
import {
  aFixedSource,
  aFragment,
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { gatherPlan, joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const options = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;
const nodes = someNodes(2, { taskConcurrency: 2 });

describe('partitions of a stage', () => {
  it('of a scan are cut so that a batch is enough for all lanes, each split in one (F11, F28)', () => {
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options });
    driver.loaded(1, someSplits(1, 8));
    const paths = driver.stage(0).partitions.map(({ splits }) => splits[1]?.length);
    expect(paths).toEqual([2, 2, 2, 2]);
  });

  it('of a scan run before the next batch is there', () => {
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options });
    driver.loaded(1, someSplits(1, 4), false);
    expect(driver.stage(0).tasks).toHaveLength(4);
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduling' });
    driver.reportAll(0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 0: 'scheduling', 1: 'planned' });
    driver.loaded(1, []);
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 1: 'scheduled' });
  });

  it('of a scan without splits are one, with an empty split (T23)', () => {
    const driver = new SchedulerDriver(gatherPlan(), { nodes, options });
    driver.loaded(1, []);
    expect(driver.splitsOf(0, 0, 1).map(({ input }) => input.kind)).toEqual(['empty']);
    expect(driver.stage(0).partitions).toHaveLength(1);
  });

  it('of a fixed source are those of its scans', () => {
    const plan = [
      aFragment(0, { ...aFixedSource(3, [1]), outputs: [toFragment(1, 2, 'single')] }),
      aFragment(1, { remoteSources: [aRemote(2, [0], 'gather')] }),
    ];
    const driver = new SchedulerDriver(plan, { nodes, options });
    driver.loaded(
      1,
      someSplits(1, 4).map((split, index) => ({ ...split, partition: (index % 3) as PartitionId })),
    );
    const counts = driver.stage(0).partitions.map(({ splits }) => splits[1]?.length);
    expect(counts).toEqual([2, 1, 1]);
  });

  it('of a table cut into buckets run group by group, one for each lane, each again alone (P12)', () => {
    const plan = [
      aFragment(0, { ...aFixedSource(4, [1, 2]), outputs: [toFragment(1, 3, 'single')] }),
      aFragment(1, { remoteSources: [aRemote(3, [0], 'gather')] }),
    ];
    const driver = new SchedulerDriver(plan, {
      nodes: someNodes(1, { taskConcurrency: 2 }),
      options,
    });
    for (const sourceId of [1, 2]) {
      const splits = someSplits(sourceId, 4);
      driver.loaded(
        sourceId,
        splits.map((split, index) => ({ ...split, partition: index as PartitionId })),
      );
    }
    const bucketsOf = (partition: number) =>
      [1, 2].map((sourceId) =>
        driver
          .splitsOf(0, partition, sourceId)
          .map(({ input }) => (input.kind === 'file' ? input.partition : undefined)),
      );
    expect(driver.attempts(0)).toEqual(['0.0', '1.0']);
    driver.report(0, 0, 'finished');
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '2.0']);
    expect([0, 1, 2].map(bucketsOf)).toEqual([
      [[0], [0]],
      [[1], [1]],
      [[2], [2]],
    ]);
    driver.fail(0, 1, { code: 'OUT_OF_MEMORY', message: 'too little' });
    expect(driver.attempts(0)).toEqual(['0.0', '1.0', '2.0', '1.1']);
    expect(bucketsOf(1)).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('of a hash stage are those of the map, whatever lanes are free', () => {
    const driver = new SchedulerDriver(joinPlan(), {
      nodes,
      options: { ...options, hashPartitionCount: 7 },
    });
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 1));
      driver.reportAll(stage, 'finished');
    }
    expect(driver.stage(2).partitions).toHaveLength(7);
    expect(driver.stage(2).tasks).toHaveLength(4);
  });

  it('of an arbitrary stage are dealt whole partitions of their producers', () => {
    const plan = [
      aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'arbitrary') }),
      aFragment(1, {
        partitioning: { kind: 'arbitrary' },
        remoteSources: [aRemote(2, [0], 'arbitrary')],
        outputs: [toFragment(2, 3, 'single')],
      }),
      aFragment(2, { remoteSources: [aRemote(3, [1], 'gather')] }),
    ];
    const driver = new SchedulerDriver(plan, {
      nodes,
      options: { ...options, hashPartitionCount: 2 },
    });
    driver.loaded(1, someSplits(1, 4));
    driver.reportAll(0, 'finished');
    const read = [0, 1].map((partition) =>
      driver
        .splitsOf(1, partition, 2)
        .map(({ input }) => (input.kind === 'remote' ? input.location.taskId.partitionId : -1)),
    );
    expect(read).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });
});

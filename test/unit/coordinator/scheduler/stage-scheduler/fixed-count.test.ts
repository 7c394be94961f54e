import { describe, expect, it } from 'vitest';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { joinPlan, smallPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

describe('fixed-count stages (T30, P2, P6)', () => {
  it('create one task per partition, at once', () => {
    const driver = new SchedulerDriver(joinPlan(), { options: { hashPartitionCount: 5 } });
    expect(driver.stage(2).tasks).toHaveLength(5);
    expect(driver.stage(2).kind).toBe('scheduled');
  });

  it('fill every lane of the cluster by default', () => {
    const driver = new SchedulerDriver(joinPlan(), { nodes: someNodes(3, { taskConcurrency: 4 }) });
    expect(driver.stage(2).tasks).toHaveLength(12);
  });

  it('share an arbitrary source among their tasks', () => {
    const driver = new SchedulerDriver([
      aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'arbitrary') }),
      aFragment(1, {
        partitioning: { kind: 'arbitrary' },
        remoteSources: [aRemote(2, [0], 'arbitrary')],
        outputs: [toFragment(2, 3, 'single')],
      }),
      aFragment(2, { remoteSources: [aRemote(3, [1], 'gather')] }),
    ]);
    driver.loaded(1, someSplits(1, 1));
    expect(driver.updatesOf(0, 0)[0]?.outputBuffers).toMatchObject([
      { kind: 'arbitrary', bufferIds: [0, 1], noMoreBufferIds: true },
    ]);
    expect(driver.splitsOf(1, 1, 2)).toMatchObject([{ input: { location: { bufferId: 1 } } }]);
  });
});

describe('single stages (T32)', () => {
  it('go where the query has the fewest tasks', () => {
    const gathers = Array.from({ length: 4 }, (_, id) =>
      aFragment(id, { outputs: [toFragment(4, 10 + id, 'single')] }),
    );
    const root = aFragment(4, {
      remoteSources: gathers.map(({ id }) => aRemote(10 + id, [id], 'gather')),
    });
    const driver = new SchedulerDriver([...gathers, root], { nodes: someNodes(5) });
    const hosts = driver.state.stages.map((stage) => stage.tasks[0]?.nodeId);
    expect(new Set(hosts).size).toBe(5);
  });

  it('get all splits of their own scans, queue limits or not', () => {
    const driver = new SchedulerDriver(smallPlan(), {
      options: {
        splitQueueLimits: {
          maxNodeWeight: 1,
          minTaskWeight: 1,
          maxTaskWeight: 1,
          maxUnacknowledgedSplits: 100,
        },
      },
    });
    driver.loaded(1, someSplits(1, 30));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(30);
    expect(driver.stage(0).kind).toBe('scheduled');
  });

  it('get an empty split for a scan without splits (T23)', () => {
    const driver = new SchedulerDriver(smallPlan());
    driver.loaded(1, []);
    expect(driver.splitsOf(0, 0, 1)).toMatchObject([{ input: { kind: 'empty' } }]);
  });
});

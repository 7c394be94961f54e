import { describe, expect, it } from 'vitest';
import {
  aFragment,
  aScan,
  bySource,
  someNodes,
  someSplits,
} from '../../../../support/plan-builders.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const plan = () => [
  aFragment(0, {
    partitioning: bySource(1),
    scans: [aScan(1), aScan(2)],
    inputMode: 'incremental',
  }),
];

const loads = (driver: SchedulerDriver) =>
  driver.effectsOf('load-splits').map(({ sourceId, batch }) => `${sourceId}.${batch}`);

describe('stages that follow the splits of several scans (T19)', () => {
  it('feed all scans at a time, none waits for another', () => {
    const driver = new SchedulerDriver(plan());
    expect(loads(driver)).toEqual(['1.0', '2.0']);
    driver.loaded(2, someSplits(2, 1), false);
    expect(loads(driver)).toEqual(['1.0', '2.0', '2.1']);
    driver.loaded(2, []);
    expect(driver.stage(0).kind).toBe('scheduling');
    driver.loaded(1, someSplits(1, 1));
    expect(driver.stage(0).kind).toBe('scheduled');
    expect(driver.effectsOf('close-split-source')).toHaveLength(2);
  });

  it('keep what finds no room of each scan, and ask for nothing more meanwhile', () => {
    const splitQueueLimits = {
      maxNodeWeight: 100,
      minTaskWeight: 100,
      maxTaskWeight: 100,
      maxUnacknowledgedSplits: 9,
    };
    const driver = new SchedulerDriver(plan(), {
      nodes: someNodes(1),
      options: { splitQueueLimits },
    });
    driver.loaded(1, someSplits(1, 3), false);
    driver.loaded(2, someSplits(2, 2), false);
    expect(driver.stage(0).isPlacementBlocked).toBe(true);
    expect(driver.stage(0).scans.map(({ pending }) => pending.length)).toEqual([2, 2]);
    expect(loads(driver)).toEqual(['1.0', '2.0']);
    for (let round = 0; round < 4; round += 1) driver.report(0, 0, 'running');
    expect(driver.stage(0).scans.map(({ pending }) => pending.length)).toEqual([0, 0]);
    expect(loads(driver)).toEqual(['1.0', '2.0', '1.1', '2.1']);
  });
});

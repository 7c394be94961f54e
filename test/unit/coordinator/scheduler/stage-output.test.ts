import { describe, expect, it } from 'vitest';
import { DEFAULT_OUTPUT_ESTIMATION } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { linksTo } from '../../../../services/coordinator/scheduler/stage-link.ts';
import { estimateOutput } from '../../../../services/coordinator/scheduler/stage-output.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

/** Stage 0 has four partitions; finished ones store 100 bytes for each of the two partitions of stage 2. */
function driverOf(finished: number): SchedulerDriver {
  const estimation = { ...DEFAULT_OUTPUT_ESTIMATION, minProgress: 0.5, scanPartitionBytes: 1_000 };
  const driver = new SchedulerDriver(joinPlan(), {
    nodes: someNodes(1, { taskConcurrency: 8 }),
    options: faultTolerant({ estimation }),
  });
  driver.loaded(1, someSplits(1, 4));
  for (let partition = 0; partition < finished; partition += 1)
    driver.report(0, partition, 'finished');
  return driver;
}

function estimate(driver: SchedulerDriver, consumer: number, isEager = false) {
  const [link] = linksTo(driver.state, driver.stage(consumer));
  return link === undefined ? undefined : estimateOutput(driver.state, link, isEager);
}

describe('what a stage is expected to give its consumer (F22)', () => {
  it('is what it has stored, once it has finished', () => {
    expect(estimate(driverOf(4), 2)).toEqual({
      origin: 'finished',
      estimate: { partitionBytes: [400, 400] },
    });
  });

  it('is as much more as is missing, when enough of it is there', () => {
    expect(estimate(driverOf(2), 2)).toEqual({
      origin: 'progress',
      estimate: { partitionBytes: [400, 400] },
    });
  });

  it('follows from what it reads, while too little is there', () => {
    expect(estimate(driverOf(1), 2)).toEqual({
      origin: 'small-input',
      estimate: { partitionBytes: [2_400, 2_400] },
    });
  });

  it('is unknown of a stage whose own input nobody knows, unless that does not matter', () => {
    const driver = driverOf(1);
    expect(estimate(driver, 3)).toBeUndefined();
    expect(estimate(driver, 3, true)).toMatchObject({ origin: 'eager-consumer' });
  });
});

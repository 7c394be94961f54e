import { describe, expect, it } from 'vitest';
import { NO_TASK_STATS } from '../../../../../services/common/task/task-status.ts';
import type { SchedulerOptions } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import { whyBlocked } from '../../../../../services/coordinator/scheduler/why-blocked.ts';
import {
  aFragment,
  aNode,
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const MIN_BYTES = 100;

/** 0 (scan 1) is written by 1, whose counts 2 gathers. */
function writing(options: Partial<SchedulerOptions> = {}, nodeCount = 3): SchedulerDriver {
  const driver = new SchedulerDriver(
    [
      aScanFragment(0, { sourceId: 1, output: toFragment(1, 2, 'arbitrary') }),
      aFragment(1, {
        partitioning: { kind: 'scaled-writer' },
        remoteSources: [aRemote(2, [0], 'arbitrary')],
        outputs: [toFragment(2, 3, 'single')],
      }),
      aFragment(2, { remoteSources: [aRemote(3, [1], 'gather')] }),
    ],
    { nodes: someNodes(nodeCount), options: { writerScalingMinBytes: MIN_BYTES, ...options } },
  );
  driver.loaded(1, someSplits(1, 2), false);
  return driver;
}

function producerIs(driver: SchedulerDriver, task: number, overutilized: boolean): void {
  const output = { state: 'open' as const, bufferedBytes: 1, utilization: 1, overutilized };
  driver.report(0, task, { state: 'running', outputs: [output] });
}

function wrote(driver: SchedulerDriver, writer: number, inputBytes: number): void {
  driver.report(1, writer, { state: 'running', stats: { ...NO_TASK_STATS, inputBytes } });
}

const writers = (driver: SchedulerDriver) => driver.stage(1).tasks.length;

describe('scaled writers (T31)', () => {
  it('are one at first, two when the producers are full and enough was written', () => {
    const driver = writing();
    expect(writers(driver)).toBe(1);
    producerIs(driver, 0, true);
    expect(writers(driver)).toBe(1);
    wrote(driver, 0, MIN_BYTES - 1);
    expect(writers(driver)).toBe(1);
    wrote(driver, 0, MIN_BYTES);
    expect(writers(driver)).toBe(2);
    // Each new one has to begin, and all of them to have written, before there is another.
    wrote(driver, 0, 10 * MIN_BYTES);
    expect(writers(driver)).toBe(2);
    wrote(driver, 1, 0);
    expect(writers(driver)).toBe(3);
    expect(new Set(driver.stage(1).tasks.map(({ nodeId }) => nodeId)).size).toBe(3);
  });

  it('stay as they are while half of the producers have room', () => {
    const driver = writing();
    driver.loaded(1, someSplits(1, 1), false);
    expect(driver.stage(0).tasks).toHaveLength(3);
    producerIs(driver, 0, true);
    wrote(driver, 0, MIN_BYTES);
    expect(writers(driver)).toBe(1);
    producerIs(driver, 1, true);
    expect(writers(driver)).toBe(2);
  });

  it('are never more than nodes, nor than the limit', () => {
    const full = (driver: SchedulerDriver): number => {
      for (let round = 0; round < 4; round += 1) {
        producerIs(driver, 0, true);
        driver.stage(1).tasks.forEach((_, writer) => wrote(driver, writer, 100 * MIN_BYTES));
      }
      return writers(driver);
    };
    expect(full(writing({}, 2))).toBe(2);
    expect(full(writing({ maxWriterTaskCount: 1 }))).toBe(1);
  });

  it('use a node that joins', () => {
    const driver = writing({}, 1);
    producerIs(driver, 0, true);
    wrote(driver, 0, MIN_BYTES);
    expect(writers(driver)).toBe(1);
    driver.send({ kind: 'node-joined', node: aNode('worker-9') });
    expect(driver.stage(1).tasks.map(({ nodeId }) => nodeId)).toContain('worker-9');
  });

  it('are all there when the producers have given out all of their rows', () => {
    const driver = writing();
    driver.loaded(1, []);
    driver.report(1, 0, { state: 'running', blockedReason: 'waiting-for-input' });
    expect(driver.stage(1).kind).toBe('scheduling');
    expect(whyBlocked(driver.state).stages[1]?.reason).toBe('writer-scaling');
    driver.reportAll(0, 'flushing');
    expect(driver.stage(1).kind).toBe('running');
    expect(driver.heardEnd(2, 0, 3)).toBe(true);
    expect(driver.updatesOf(0, 0).at(-1)?.outputBuffers).toMatchObject([
      { bufferIds: [0], noMoreBufferIds: true },
    ]);
  });
});

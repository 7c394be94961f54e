import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import type { Instant } from '../../../../services/common/ids.ts';
import { DEFAULT_SPECULATION } from '../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { faultTolerant } from '../../../support/fault-tolerant.ts';
import { someNodes, someSplits } from '../../../support/plan-builders.ts';
import { joinPlan } from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

const GIB = 1024 ** 3;
const LACKING: ErrorReport = { code: 'OUT_OF_MEMORY', message: 'too little' };

interface Cluster {
  readonly nodeCount?: number;
  readonly memoryBytes?: number;
  readonly taskCount?: number;
}

/** Tasks of stage 0, of which all but partition 3 finish after 10 s each; that one goes on. */
function straggling(cluster: Cluster = {}): SchedulerDriver {
  const { nodeCount = 3, memoryBytes = 100 * GIB, taskCount = 4 } = cluster;
  const driver = new SchedulerDriver(joinPlan(), {
    nodes: someNodes(nodeCount, { taskConcurrency: 8, memoryBytes }),
    options: faultTolerant({ speculation: { ...DEFAULT_SPECULATION, quantile: 0.5 } }),
  });
  driver.loaded(1, someSplits(1, taskCount));
  driver.reportAll(0, 'running');
  pass(driver, 10_000);
  for (let partition = 0; partition < taskCount; partition += 1)
    if (partition !== 3) driver.report(0, partition, 'finished');
  return driver;
}

function pass(driver: SchedulerDriver, durationMs: number): void {
  driver.now = (driver.now + durationMs) as Instant;
}

function look(driver: SchedulerDriver): void {
  driver.send({ kind: 'timer-fired', timer: { kind: 'slow-tasks', stageId: 0 as never } });
}

const attempts = (driver: SchedulerDriver): readonly string[] =>
  driver
    .stage(0)
    .tasks.flatMap(({ taskId: { partitionId, attempt } }) =>
      partitionId === 3 ? `${partitionId}.${attempt}` : [],
    );

/** It has its second attempt. */
function copied(cluster?: Cluster): SchedulerDriver {
  const driver = straggling(cluster);
  pass(driver, 30_000);
  look(driver);
  return driver;
}

describe('a slow task', () => {
  it('gets a second attempt on another node when it has taken too long, and no third (S16)', () => {
    const driver = straggling();
    const timers = driver.effectsOf('arm-timer').filter(({ timer }) => timer.kind === 'slow-tasks');
    expect(timers.at(-1)?.at).toBe(driver.now + 20_001);
    pass(driver, 10_000);
    look(driver);
    expect(attempts(driver)).toEqual(['3.0']);
    pass(driver, 10_001);
    look(driver);
    expect(attempts(driver)).toEqual(['3.0', '3.1']);
    expect(driver.task(0, 3, 1).nodeId).not.toBe(driver.task(0, 3, 0).nodeId);
    pass(driver, 100_000);
    look(driver);
    expect(attempts(driver)).toHaveLength(2);
  });

  it('is stopped when its second attempt is first, and the other way round', () => {
    const driver = copied();
    driver.reportAttempt({ stage: 0, partition: 3, attempt: 1 }, 'finished');
    expect(driver.selected(0)).toEqual([0, 0, 0, 1]);
    expect(driver.stops()).toEqual(['abort 0.3']);
    expect(driver.task(0, 3, 0).stop).toBe('abort');
    const other = copied();
    other.reportAttempt({ stage: 0, partition: 3, attempt: 0 }, 'finished');
    expect(other.task(0, 3, 1).stop).toBe('abort');
  });

  it('has no second attempt where there is no other node', () => {
    expect(attempts(copied({ nodeCount: 1 }))).toEqual(['3.0']);
  });

  it('that fails leaves its work to the second one, which is no speculation any more', () => {
    const driver = copied();
    const classes = () =>
      Object.values(driver.state.leasing.allocation.leases).map(
        ({ executionClass }) => executionClass,
      );
    expect(classes()).toEqual(['standard', 'speculative']);
    driver.reportAttempt(
      { stage: 0, partition: 3, attempt: 0 },
      { state: 'failed', error: LACKING },
    );
    expect(classes()).toEqual(['standard']);
    expect(attempts(driver)).toEqual(['3.0', '3.1']);
    expect(driver.stage(0).partitions[3]?.failureCount).toBe(1);
  });

  it('keeps what it was found to need when the other attempt fails with less (F30)', () => {
    // So many that one which lacked memory does not stand for all.
    const driver = copied({ taskCount: 20 });
    const partition = driver.stage(0).partitions[3];
    driver.reportAttempt(
      { stage: 0, partition: 3, attempt: 1 },
      { state: 'failed', error: LACKING },
    );
    const needed = partition?.needBytes ?? 0;
    expect(needed).toBeGreaterThan(driver.task(0, 3, 1).memoryBytes);
    const moved = { code: 'SHUTTING_DOWN', message: 'draining' } as const;
    driver.reportAttempt({ stage: 0, partition: 3, attempt: 0 }, { state: 'failed', error: moved });
    expect(partition?.needBytes).toBe(needed);
    expect(driver.task(0, 3, 2).memoryBytes).toBe(needed);
  });

  it('asks for as much as it is found to need while its second attempt waits for a node (F30)', () => {
    const driver = straggling({ nodeCount: 2, memoryBytes: 22 * GIB, taskCount: 20 });
    // There is no room beside it, nor on the other node.
    driver.loaded(2, someSplits(2, 7));
    driver.reportAll(1, 'running');
    pass(driver, 30_000);
    look(driver);
    expect(attempts(driver)).toEqual(['3.0']);
    expect(driver.stage(0).partitions[3]?.request).not.toBeNull();
    const had = driver.task(0, 3, 0).memoryBytes;
    driver.reportAttempt(
      { stage: 0, partition: 3, attempt: 0 },
      { state: 'failed', error: LACKING },
    );
    driver.reportAll(1, 'finished');
    expect(driver.task(0, 3, 1).memoryBytes).toBeGreaterThan(had);
  });

  it('loses its second attempt to tasks that need the room (F31)', () => {
    const driver = copied({ nodeCount: 2, memoryBytes: 10 * GIB });
    const copy = driver.task(0, 3, 1);
    // Two for each node, one of them beside the slow one.
    driver.loaded(2, someSplits(2, 3));
    expect(copy.stop).toBe('abort');
    expect(driver.task(0, 3, 0).stop).toBe('none');
    expect(driver.stage(1).tasks).toHaveLength(3);
  });
});

describe('a place where a partition has failed', () => {
  it('gets no more of its attempts while there are others (S17)', () => {
    const driver = straggling();
    const hosts: string[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      hosts.push(driver.task(0, 3, attempt).nodeId);
      driver.reportAttempt(
        { stage: 0, partition: 3, attempt },
        { state: 'failed', error: LACKING },
      );
    }
    expect(new Set(hosts).size).toBe(3);
    // It has failed everywhere: any place is better than none.
    expect(attempts(driver)).toHaveLength(4);
  });

  it('is not to blame for a worker that leaves', () => {
    const driver = straggling({ nodeCount: 1 });
    const moved = { code: 'SHUTTING_DOWN', message: 'draining' } as const;
    driver.reportAttempt({ stage: 0, partition: 3, attempt: 0 }, { state: 'failed', error: moved });
    expect(driver.state.failures).toEqual([]);
    expect(attempts(driver)).toHaveLength(2);
  });
});

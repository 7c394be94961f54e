import { describe, expect, it } from 'vitest';
import type { OutputBuffers } from '../../../../services/common/task/output-buffers.ts';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toFragment,
} from '../../../support/plan-builders.ts';
import {
  broadcastPlan,
  gatherPlan,
  joinPlan,
  sharedPlan,
  unionPlan,
} from '../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../support/scheduler-driver.ts';

/** `producer stage.partition#buffer` of every remote split that a source of a task was given. */
function remotesOf(
  driver: SchedulerDriver,
  task: readonly [number, number],
  sourceId: number,
): string[] {
  return driver.splitsOf(task[0], task[1], sourceId).map(({ input }) => {
    if (input.kind !== 'remote') throw new Error('not a remote split');
    const { taskId, bufferId } = input.location;
    return `${taskId.stageId}.${taskId.partitionId}#${bufferId}`;
  });
}

/** What a task was last told of its outputs. */
function buffersOf(
  driver: SchedulerDriver,
  stage: number,
  partition: number,
): readonly OutputBuffers[] {
  const told = driver
    .updatesOf(stage, partition)
    .filter((update) => update.outputBuffers.length > 0);
  return told.at(-1)?.outputBuffers ?? [];
}

describe('output buffers (T10)', () => {
  it('declares partitioned buffers whole, with the first order', () => {
    const driver = new SchedulerDriver(joinPlan(), { options: { hashPartitionCount: 3 } });
    driver.loaded(1, someSplits(1, 1));
    const [first] = driver.updatesOf(0, 0);
    expect(first?.outputBuffers).toEqual([
      { kind: 'partitioned', version: 1, bufferIds: [0, 1, 2], noMoreBufferIds: true },
    ]);
  });

  it('declares one buffer for a single reader', () => {
    const driver = new SchedulerDriver(gatherPlan());
    driver.loaded(1, someSplits(1, 1));
    expect(buffersOf(driver, 0, 0)).toEqual([
      { kind: 'partitioned', version: 1, bufferIds: [0], noMoreBufferIds: true },
    ]);
  });

  it('grows broadcast buffers with their readers, a version each time, to the last', () => {
    const driver = new SchedulerDriver(broadcastPlan(), { options: { splitBatchSize: 1 } });
    driver.loaded(1, someSplits(1, 1));
    expect(buffersOf(driver, 0, 0)).toMatchObject([
      { kind: 'broadcast', bufferIds: [], noMoreBufferIds: false },
    ]);
    driver.loaded(2, someSplits(2, 1), false);
    driver.loaded(2, someSplits(2, 1), true);
    const told = driver.updatesOf(0, 0).flatMap((update) => update.outputBuffers);
    expect(told.map((buffers) => buffers.version)).toEqual([1, 2, 3]);
    expect(told.map((buffers) => buffers.bufferIds)).toEqual([[], [0], [0, 1]]);
    expect(told.map((buffers) => buffers.noMoreBufferIds)).toEqual([false, false, true]);
  });

  it('declares each output of a shared fragment for its own consumer', () => {
    const driver = new SchedulerDriver(sharedPlan(), { options: { hashPartitionCount: 2 } });
    driver.loaded(1, someSplits(1, 1));
    expect(buffersOf(driver, 0, 0)).toMatchObject([
      { kind: 'partitioned', bufferIds: [0, 1], noMoreBufferIds: true },
      { kind: 'broadcast', bufferIds: [0, 1], noMoreBufferIds: true },
    ]);
  });
});

describe('remote splits (T14, P10, P11)', () => {
  it('joins consumers that exist with producers that come later, once', () => {
    const driver = new SchedulerDriver(joinPlan(), { options: { hashPartitionCount: 2 } });
    driver.loaded(1, someSplits(1, 1), false);
    driver.loaded(1, someSplits(1, 1), true);
    expect(remotesOf(driver, [2, 0], 3)).toEqual(['0.0#0', '0.1#0']);
    expect(remotesOf(driver, [2, 1], 3)).toEqual(['0.0#1', '0.1#1']);
    expect(remotesOf(driver, [3, 0], 5)).toEqual(['2.0#0', '2.1#0']);
  });

  it('joins producers that exist with consumers that come later, once', () => {
    const driver = new SchedulerDriver(broadcastPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 2));
    expect(remotesOf(driver, [1, 0], 3)).toEqual(['0.0#0', '0.1#0']);
    expect(remotesOf(driver, [1, 1], 3)).toEqual(['0.0#1', '0.1#1']);
  });

  it('names the output of a shared fragment that feeds the reader', () => {
    const driver = new SchedulerDriver(sharedPlan(), { options: { hashPartitionCount: 1 } });
    driver.loaded(1, someSplits(1, 1));
    const outputs = [1, 2].map((stage) => {
      const [split] = driver.splitsOf(stage, 0, stage + 1);
      return split?.input.kind === 'remote' ? split.input.location.outputIndex : -1;
    });
    expect(outputs).toEqual([0, 1]);
  });

  it('gives no producer that has finished to a consumer that comes later', () => {
    const [scan, probe, root] = broadcastPlan();
    if (scan === undefined || probe === undefined || root === undefined) throw new Error('no plan');
    const arbitrary = [
      {
        ...scan,
        outputs: scan.outputs.map((output) => ({
          ...output,
          scheme: { kind: 'arbitrary' } as const,
        })),
      },
      {
        ...probe,
        remoteSources: probe.remoteSources.map((source) => ({
          ...source,
          delivery: 'arbitrary' as const,
        })),
      },
      root,
    ];
    const driver = new SchedulerDriver(arbitrary);
    driver.loaded(1, someSplits(1, 2));
    driver.report(0, 0, 'finished');
    driver.loaded(2, someSplits(2, 1));
    expect(remotesOf(driver, [1, 0], 3)).toEqual(['0.1#0']);
  });
});

describe('the end of remote sources (T15, T16, P9)', () => {
  it('comes when all producers of a union have all their tasks', () => {
    const driver = new SchedulerDriver(unionPlan());
    driver.loaded(1, someSplits(1, 2));
    expect(driver.heardEnd(2, 0, 3)).toBe(false);
    driver.loaded(2, someSplits(2, 1));
    expect(driver.heardEnd(2, 0, 3)).toBe(true);
    expect(driver.splitsOf(2, 0, 3)).toHaveLength(3);
  });

  it('never comes from a stage that failed', () => {
    const driver = new SchedulerDriver(unionPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 1), false);
    driver.fail(1, 0, { code: 'INVALID_INPUT', message: 'bad row' });
    expect(driver.stageKinds()).toEqual({ 0: 'aborted', 1: 'failed', 2: 'aborted' });
    expect(driver.heardEnd(2, 0, 3)).toBe(false);
  });

  it('never tells producers that their readers are complete after a failure', () => {
    const driver = new SchedulerDriver(broadcastPlan());
    driver.loaded(1, someSplits(1, 1));
    driver.loaded(2, someSplits(2, 1), false);
    driver.fail(1, 0, { code: 'INVALID_INPUT', message: 'bad row' });
    expect(buffersOf(driver, 0, 0)).toMatchObject([{ noMoreBufferIds: false }]);
  });

  it('tells a task that comes after the end of a source with its first order', () => {
    const driver = new SchedulerDriver(broadcastPlan());
    driver.loaded(1, someSplits(1, 1));
    driver.loaded(2, someSplits(2, 1));
    const [first] = driver.updatesOf(1, 0);
    const broadcast = first?.splitAssignments.find((assignment) => assignment.sourceId === 3);
    expect(broadcast).toMatchObject({ noMoreSplits: true, splits: [{ sequenceId: 0 }] });
  });
});

describe('rows of the coordinator', () => {
  it('are one remote split, there from the first order on, and the end behind it', () => {
    const source = { ...aRemote(7, [], 'gather'), systemTable: 'queries' } as const;
    const driver = new SchedulerDriver([aFragment(0, { remoteSources: [source] })]);
    const [first, ...others] = driver.updatesOf(0, 0);
    expect(others).toEqual([]);
    expect(first?.splitAssignments).toMatchObject([
      {
        sourceId: 7,
        noMoreSplits: true,
        splits: [
          {
            sequenceId: 0,
            input: { kind: 'remote', location: { nodeId: 'coordinator', bufferId: 7 } },
          },
        ],
      },
    ]);
    const split = first?.splitAssignments[0]?.splits[0];
    expect(split?.input.kind === 'remote' && split.input.location.taskId).toEqual(first?.taskId);
  });
});

describe('the partition map (T12, P2)', () => {
  it('puts the same partition of every hash stage on the same node', () => {
    const driver = new SchedulerDriver(sharedPlan(), {
      nodes: someNodes(3, { taskConcurrency: 2 }),
    });
    const hosts = (stage: number) => driver.stage(stage).tasks.map((task) => task.nodeId);
    expect(hosts(1)).toHaveLength(6);
    expect(hosts(1)).toEqual(hosts(2));
  });
});

describe('readers that have ended (T10, T14)', () => {
  it('are abandoned by producers that come later, and get no split of theirs', () => {
    const driver = new SchedulerDriver(sharedPlan(), { options: { hashPartitionCount: 2 } });
    driver.loaded(1, someSplits(1, 1), false);
    driver.report(1, 0, 'finished');
    driver.loaded(1, someSplits(1, 1));
    expect(remotesOf(driver, [1, 0], 2)).toEqual(['0.0#0']);
    expect(remotesOf(driver, [1, 1], 2)).toEqual(['0.0#1', '0.1#1']);
    expect(driver.updatesOf(0, 1)[0]?.outputBuffers).toMatchObject([
      { bufferIds: [0, 1], abandonedBufferIds: [0] },
      { bufferIds: [0, 1] },
    ]);
  });

  it('are abandoned by producers that they have not heard of', () => {
    const driver = new SchedulerDriver(sharedPlan(), { options: { hashPartitionCount: 2 } });
    driver.loaded(1, someSplits(1, 1));
    driver.report(1, 1, { state: 'flushing', receivedSplits: [] });
    expect(buffersOf(driver, 0, 0)).toMatchObject([{ version: 2, abandonedBufferIds: [1] }, {}]);
  });

  it('leave nothing behind when they have read their sources to the end', () => {
    const driver = new SchedulerDriver(joinPlan());
    driver.loaded(1, someSplits(1, 2));
    driver.loaded(2, someSplits(2, 2));
    driver.reportAll(0, 'flushing');
    const before = driver.effectsOf('update-task').length;
    driver.report(2, 0, 'flushing');
    driver.report(2, 0, 'finished');
    expect(driver.effectsOf('update-task')).toHaveLength(before);
  });

  it('are abandoned all at once when their stage is cancelled and its producer lives on', () => {
    const driver = new SchedulerDriver([
      aScanFragment(
        0,
        { sourceId: 1, output: toFragment(1, 2, 'hash') },
        {
          outputs: [toFragment(1, 2, 'hash'), toFragment(3, 5, 'single')],
        },
      ),
      aFragment(1, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(2, [0], 'partitioned')],
        outputs: [toFragment(2, 3, 'single')],
      }),
      aFragment(2, {
        remoteSources: [aRemote(3, [1], 'gather')],
        outputs: [toFragment(3, 4, 'single')],
      }),
      aFragment(3, { remoteSources: [aRemote(4, [2], 'gather'), aRemote(5, [0], 'gather')] }),
    ]);
    driver.loaded(1, someSplits(1, 1), false);
    driver.report(2, 0, 'flushing');
    expect(driver.stageKinds()).toEqual({
      0: 'scheduling',
      1: 'canceled',
      2: 'flushing',
      3: 'scheduled',
    });
    expect(buffersOf(driver, 0, 0)).toMatchObject([{ abandonedBufferIds: [0, 1] }, {}]);
    expect(buffersOf(driver, 0, 0)[1]).not.toHaveProperty('abandonedBufferIds');
  });
});

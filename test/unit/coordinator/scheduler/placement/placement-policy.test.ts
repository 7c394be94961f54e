import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../../services/common/ids.ts';
import type { FileSplit } from '../../../../../services/common/plan/split.ts';
import type { SchedulerOptions } from '../../../../../services/coordinator/scheduler/scheduler-options.ts';
import { whyBlocked } from '../../../../../services/coordinator/scheduler/why-blocked.ts';
import {
  aFragment,
  aNode,
  aScan,
  bySource,
  someSplits,
} from '../../../../support/plan-builders.ts';
import { fixedSourcePlan, gatherPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

/** Two racks of two nodes with one lane each. */
const NODES = ['a1', 'a2', 'b1', 'b2'].map((name) => aNode(name, { location: [name.slice(0, 1)] }));

/** Two standard splits fill a node. */
const LIMITS = {
  maxNodeWeight: 200,
  minTaskWeight: 200,
  maxTaskWeight: 200,
  maxUnacknowledgedSplits: 100,
};

function aQuery(options: Partial<SchedulerOptions>, nodes = NODES): SchedulerDriver {
  return new SchedulerDriver(gatherPlan(), { nodes, options });
}

function placedOn(driver: SchedulerDriver): Record<string, number> {
  const placed: Record<string, number> = {};
  driver.stage(0).tasks.forEach((task, partition) => {
    placed[task.nodeId] = (placed[task.nodeId] ?? 0) + driver.splitsOf(0, partition, 1).length;
  });
  return placed;
}

/** One split of each of so many files. */
const someFiles = (count: number): readonly FileSplit[] =>
  Array.from({ length: count }, (_, file) => someSplits(file, 1)).flat();

/** Which node reads which file. */
function readers(driver: SchedulerDriver): Record<string, string> {
  const found: Record<string, string> = {};
  driver.stage(0).tasks.forEach((task, partition) => {
    for (const { input } of driver.splitsOf(0, partition, 1))
      if (input.kind === 'file') found[input.path] = task.nodeId;
  });
  return found;
}

describe('affinity of files (T27)', () => {
  it('brings files back to the nodes that read them, query after query', () => {
    const run = (seed: number) => {
      const driver = aQuery({ splitAffinity: 'file', seed });
      driver.loaded(1, someFiles(12));
      return readers(driver);
    };
    expect(run(2)).toEqual(run(1));
  });

  it('takes no balance for it: no task is more than a few splits ahead', () => {
    const driver = aQuery({ splitAffinity: 'file' });
    driver.loaded(1, someSplits(1, 40));
    const counts = Object.values(placedOn(driver));
    expect(counts).toHaveLength(4);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
  });

  it('reads partitions of a layout where every query does (T28)', () => {
    const hosts = (seed: number) =>
      new SchedulerDriver(fixedSourcePlan(), {
        nodes: NODES,
        options: { splitAffinity: 'file', seed },
      })
        .stage(0)
        .tasks.map((task) => task.nodeId);
    const others = [1, 2, 3, 4].map(hosts);
    for (const other of others) expect(other).toEqual(others[0]);
  });
});

describe('placement by topology (S14, S15)', () => {
  const topology = {
    splitPlacement: 'topology',
    splitQueueLimits: LIMITS,
    localityWaitMs: 1_000,
  } as const;
  /** All splits are of one file, which prefers two of the nodes. */
  const preferredOf = (driver: SchedulerDriver): readonly string[] => Object.keys(placedOn(driver));
  const fire = (driver: SchedulerDriver) => {
    driver.now = (driver.now + 1_000) as Instant;
    const timer = { kind: 'locality-wait', sourceId: aScan(1).sourceId } as const;
    return driver.send({ kind: 'timer-fired', timer });
  };

  it('keeps to the preferred nodes, says what it waits for, and goes farther when it has waited', () => {
    const driver = aQuery(topology);
    const effects = driver.loaded(1, someSplits(1, 5));
    expect(preferredOf(driver)).toHaveLength(2);
    expect(effects.filter(({ kind }) => kind === 'arm-timer')).toEqual([
      { kind: 'arm-timer', timer: { kind: 'locality-wait', sourceId: 1 }, at: driver.now + 1_000 },
    ]);
    expect(whyBlocked(driver.state).stages[0]?.reason).toBe('waiting-for-locality');
    for (let waits = 0; waits < 2 && driver.stage(0).scans[0]?.pending.length !== 0; waits += 1)
      fire(driver);
    expect(driver.stage(0).scans[0]?.pending).toEqual([]);
    expect(preferredOf(driver)).toHaveLength(3);
  });

  it('places what finds room near at once, without a timer', () => {
    const driver = aQuery(topology);
    const effects = driver.loaded(1, someSplits(1, 4));
    expect(Object.values(placedOn(driver))).toEqual([2, 2]);
    expect(effects.filter(({ kind }) => kind === 'arm-timer')).toEqual([]);
  });

  it('holds up no other scan of the stage', () => {
    const fragment = aFragment(0, {
      partitioning: bySource(1),
      scans: [aScan(1), aScan(2)],
      inputMode: 'incremental',
    });
    const driver = new SchedulerDriver([fragment], { nodes: NODES, options: topology });
    driver.loaded(1, someSplits(1, 5));
    const scans = () => driver.stage(0).scans.map(({ pending }) => pending.length);
    expect(scans()).toEqual([1, 0]);
    expect(whyBlocked(driver.state).stages[0]?.reason).toBe('waiting-for-locality');
    driver.loaded(2, [...someSplits(2, 1), ...someSplits(3, 1), ...someSplits(4, 1)]);
    expect(driver.stage(0).scans[1]?.splitCount).toBeGreaterThan(0);
    driver.send({ kind: 'node-joined', node: aNode('c1') });
    for (let waits = 0; waits < 3; waits += 1) fire(driver);
    expect(scans()[0]).toBe(0);
  });

  it('waits anew when a node has joined (S13)', () => {
    const driver = aQuery(topology);
    driver.loaded(1, someSplits(1, 5));
    const pending = () => driver.stage(0).scans[0]?.pending.length;
    driver.now = (driver.now + 900) as Instant;
    driver.send({ kind: 'node-joined', node: aNode('c1') });
    expect(pending()).toBe(1);
    driver.now = (driver.now - 900) as Instant;
    fire(driver);
    expect(pending()).toBe(1);
    driver.now = (driver.now - 100) as Instant;
    fire(driver);
    fire(driver);
    expect(pending()).toBe(0);
  });

  it('takes room near its data before the wait is over', () => {
    const driver = aQuery(topology);
    driver.loaded(1, someSplits(1, 5));
    const before = placedOn(driver);
    driver.report(0, 0, { state: 'running', receivedSplits: [{ sourceId: 1, sequenceId: 1 }] });
    expect(driver.stage(0).scans[0]?.pending).toEqual([]);
    expect(Object.keys(placedOn(driver))).toEqual(Object.keys(before));
  });

  it('ignores a timer that comes twice or for nothing', () => {
    const driver = aQuery(topology);
    expect(fire(driver)).toEqual([]);
    driver.loaded(1, someSplits(1, 4));
    expect(fire(driver)).toEqual([]);
  });

  it('does not wait when the tasks need all of their splits to begin', () => {
    const [fragment, ...rest] = gatherPlan();
    if (fragment === undefined) throw new Error('no fragment');
    const driver = new SchedulerDriver([{ ...fragment, inputMode: 'complete' }, ...rest], {
      nodes: NODES,
      options: topology,
    });
    driver.loaded(1, someSplits(1, 20));
    expect(driver.stage(0).scans[0]?.pending).toEqual([]);
    expect(Object.keys(placedOn(driver))).toHaveLength(4);
  });
});

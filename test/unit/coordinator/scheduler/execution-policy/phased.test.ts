import { describe, expect, it } from 'vitest';
import type { FilterId } from '../../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../../services/common/plan/plan-fragment.ts';
import { phased } from '../../../../../services/coordinator/scheduler/execution-policy/phased.ts';
import {
  aFragment,
  aggregated,
  aRemote,
  aScanFragment,
  joined,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import {
  broadcastJoinPlan,
  buildAndProbePlan,
  joinPlan,
} from '../../../../support/sample-plans.ts';
import type { DriverSetup } from '../../../../support/scheduler-driver.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const PHASED: DriverSetup = { options: { executionPolicy: 'phased' } };

const startsOf = (driver: SchedulerDriver) =>
  driver.state.stages.map(({ kind, startReason }) => (kind === 'planned' ? '' : startReason));

/** Stages that each stage waits for. */
function edgesOf(fragments: readonly PlanFragment[]): Readonly<Record<number, readonly number[]>> {
  const schedule = phased.createSchedule(fragments);
  return schedule.kind === 'edges' ? schedule.startsAfter : {};
}

const full = (outputIndex = 0) => ({
  state: 'running' as const,
  blockedReason: 'output-full' as const,
  outputs: Array.from({ length: outputIndex + 1 }, (_, index) => ({
    state: 'open' as const,
    bufferedBytes: 1,
    utilization: 1,
    overutilized: index === outputIndex,
  })),
});

describe('phased (T33)', () => {
  it('starts the probe side when all that the build side needs has its splits', () => {
    const driver = new SchedulerDriver(buildAndProbePlan(), PHASED);
    expect(startsOf(driver)).toEqual([
      '',
      'nothing-before-it',
      'nothing-before-it',
      'nothing-before-it',
    ]);
    driver.loaded(2, someSplits(2, 1), false);
    expect(driver.stage(0).kind).toBe('planned');
    driver.loaded(2, someSplits(2, 1));
    expect(driver.stage(1).kind).toBe('scheduled');
    expect(startsOf(driver)[0]).toBe('builds-scheduled');
  });

  it('keeps a scan waiting for what is broadcast to it', () => {
    const driver = new SchedulerDriver(broadcastJoinPlan(), PHASED);
    expect(startsOf(driver)).toEqual(['nothing-before-it', '', 'nothing-before-it']);
    driver.loaded(1, someSplits(1, 1));
    expect(startsOf(driver)[1]).toBe('builds-scheduled');
  });

  it('does not wait for a build side that is over', () => {
    const driver = new SchedulerDriver(buildAndProbePlan(), PHASED);
    driver.loaded(2, someSplits(2, 1));
    driver.reportAll(1, 'finished');
    expect(driver.stage(1).kind).toBe('finished');
    expect(driver.stage(0).kind).toBe('scheduling');
  });

  it('starts what has no order at once', () => {
    expect(startsOf(new SchedulerDriver(joinPlan(), PHASED))).toEqual(
      Array.from({ length: 4 }, () => 'nothing-before-it'),
    );
  });

  it('delays every lazy stage below the probe side, not what is behind an aggregation', () => {
    // 0 probes in 2 with 1, which is aggregated there; 2 probes in 4 with 3.
    const plan = (tree: PlanFragment['inputTree']) => [
      aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'hash') }),
      aScanFragment(1, { sourceId: 2, output: toFragment(2, 4, 'hash') }),
      aFragment(2, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(3, [0], 'partitioned'), aRemote(4, [1], 'partitioned')],
        ...(tree === undefined ? {} : { inputTree: tree }),
        outputs: [toFragment(4, 6, 'hash')],
      }),
      aScanFragment(3, { sourceId: 5, output: toFragment(4, 7, 'hash') }),
      aFragment(4, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(6, [2], 'partitioned'), aRemote(7, [3], 'partitioned')],
        inputTree: joined(6, 7),
      }),
    ];
    // A join of two partitioned sides starts at once, although it probes.
    expect(edgesOf(plan(joined(3, 4)))).toMatchObject({ 0: [1, 3], 1: [3], 2: [], 3: [], 4: [] });
    expect(edgesOf(plan(aggregated(joined(3, 4))))).toMatchObject({ 0: [1], 1: [], 2: [] });
    expect(edgesOf(plan(joined(3, aggregated(4))))).toMatchObject({ 0: [1, 3], 1: [] });
  });

  it('never keeps shared rows waiting for one of their readers', () => {
    const shared = aScanFragment(0, { sourceId: 1, output: toFragment(2, 3, 'hash') });
    const plan = [
      { ...shared, outputs: [toFragment(1, 5, 'broadcast'), toFragment(2, 3, 'hash')] },
      aScanFragment(
        1,
        { sourceId: 2, output: toFragment(2, 4, 'hash') },
        { remoteSources: [aRemote(5, [0], 'broadcast')], inputTree: joined(2, 5) },
      ),
      aFragment(2, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(3, [0], 'partitioned'), aRemote(4, [1], 'partitioned')],
        inputTree: joined(3, 4),
      }),
    ];
    expect(edgesOf(plan)).toEqual({ 0: [], 1: [0], 2: [] });
  });

  it('starts the consumer of a producer that has no room left, and no other (anti-deadlock)', () => {
    const shared = aScanFragment(0, { sourceId: 1, output: toFragment(1, 4, 'broadcast') });
    const probe = (id: number, scan: number, remote: number) =>
      aScanFragment(
        id,
        { sourceId: scan, output: toFragment(3, 10 + id, 'single') },
        { remoteSources: [aRemote(remote, [0], 'broadcast')], inputTree: joined(scan, remote) },
      );
    const driver = new SchedulerDriver(
      [
        { ...shared, outputs: [toFragment(1, 4, 'broadcast'), toFragment(2, 5, 'broadcast')] },
        probe(1, 2, 4),
        probe(2, 3, 5),
        aFragment(3, { remoteSources: [aRemote(11, [1], 'gather'), aRemote(12, [2], 'gather')] }),
      ],
      PHASED,
    );
    driver.loaded(1, someSplits(1, 1), false);
    expect(startsOf(driver)).toEqual(['nothing-before-it', '', '', 'nothing-before-it']);
    driver.report(0, 0, full(1));
    expect(startsOf(driver)).toEqual([
      'nothing-before-it',
      '',
      'producer-full',
      'nothing-before-it',
    ]);
    // It reads at once: all of its tasks are there, and the producer knows its readers (T25).
    expect(driver.stage(2).tasks.length).toBeGreaterThan(0);
  });

  it('starts the stages that make a filter which a scan waits for', () => {
    const filterId = 0 as FilterId;
    const type = { id: 'BIGINT' } as const;
    const key = { filterId, column: 0, type, bloomBits: 0, collectsValues: true };
    const column = {
      filterId,
      column: 0,
      type,
      keepsNulls: false,
      isAwaited: true,
      testsRows: true,
    };
    // The keys are collected on the probe side, the build side is filtered.
    const plan = buildAndProbePlan().map((fragment): PlanFragment => {
      if (fragment.id === 0) return { ...fragment, collectedKeys: [key] };
      if (fragment.id !== 1) return fragment;
      return {
        ...fragment,
        scans: fragment.scans.map((scan) => ({ ...scan, filteredColumns: [column] })),
      };
    });
    const driver = new SchedulerDriver(plan, PHASED);
    expect(driver.state.stages[1]?.scans[0]?.filterWait).toBe('waiting');
    expect(startsOf(driver)[0]).toBe('filter-awaited');
  });

  it('refuses a plan whose stages wait for each other', () => {
    const [a, b, join, root] = buildAndProbePlan();
    const inputTree = joined(joined(3, 4), 3);
    const plan = [a, b, { ...join, inputTree }, root] as PlanFragment[];
    const driver = new SchedulerDriver(plan, PHASED);
    expect(driver.state.query).toMatchObject({
      kind: 'failed',
      error: {
        code: 'INTERNAL_ERROR',
        message: 'the plan cannot be scheduled: stages 0, 1 wait for each other',
      },
    });
  });

  it('orders a single stage of many joins one build after the other', () => {
    const sources = [1, 2, 3].map((id) => aRemote(id + 10, [id - 1], 'broadcast'));
    const scans = [0, 1, 2].map((id) =>
      aScanFragment(id, { sourceId: id + 1, output: toFragment(3, id + 11, 'broadcast') }),
    );
    const chain = joined(joined(joined(9, 11), 12), 13);
    const root = aScanFragment(
      3,
      { sourceId: 9, output: { consumer: { kind: 'client' }, scheme: { kind: 'single' } } },
      { remoteSources: sources, inputTree: chain },
    );
    expect(edgesOf([...scans, root])).toEqual({ 0: [1, 2], 1: [2], 2: [], 3: [0, 1, 2] });
  });
});

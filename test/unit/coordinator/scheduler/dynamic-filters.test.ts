import { describe, expect, it } from 'vitest';
import type {
  CollectedDomain,
  FilteredColumn,
} from '../../../../services/common/dynamic-filter/dynamic-filter.ts';
import { someKeys } from '../../../../services/common/dynamic-filter/key-domain.ts';
import type { FilterId } from '../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import { whyBlocked } from '../../../../services/coordinator/scheduler/why-blocked.ts';
import {
  aFragment,
  aRemote,
  aScan,
  aScanFragment,
  bySource,
  someSplits,
  toFragment,
} from '../../../support/plan-builders.ts';
import { effectsOf, SchedulerDriver } from '../../../support/scheduler-driver.ts';

const FILTER = 0 as FilterId;
const TYPE = { id: 'BIGINT' } as const;
const COLUMN: FilteredColumn = {
  filterId: FILTER,
  column: 0,
  type: TYPE,
  keepsNulls: false,
  isAwaited: true,
  testsRows: true,
};

/** Stage 0 scans the build side; stage 1 scans the probe side and reads stage 0, as `delivery` says. */
function plan(
  column: Partial<FilteredColumn> = {},
  delivery: 'broadcast' | 'hash' = 'broadcast',
): readonly PlanFragment[] {
  const filteredColumns = [{ ...COLUMN, ...column }];
  const collectedKeys = [
    { filterId: FILTER, column: 0, type: TYPE, bloomBits: 0, collectsValues: true },
  ];
  const build = (consumer: number) =>
    aScanFragment(0, { sourceId: 1, output: toFragment(consumer, 3, delivery) }, { collectedKeys });
  if (delivery === 'broadcast') {
    const probe = aFragment(1, {
      partitioning: bySource(2),
      scans: [{ ...aScan(2), filteredColumns }],
      remoteSources: [aRemote(3, [0], 'broadcast')],
      inputMode: 'incremental',
      outputs: [toFragment(2, 4, 'single')],
    });
    return [build(1), probe, aFragment(2, { remoteSources: [aRemote(4, [1], 'gather')] })];
  }
  const probe = aScanFragment(
    1,
    { sourceId: 2, output: toFragment(2, 4, 'hash') },
    { scans: [{ ...aScan(2), filteredColumns }] },
  );
  const join = aFragment(2, {
    partitioning: { kind: 'hash' },
    remoteSources: [aRemote(3, [0], 'partitioned'), aRemote(4, [1], 'partitioned')],
    outputs: [toFragment(3, 5, 'single')],
  });
  return [build(2), probe, join, aFragment(3, { remoteSources: [aRemote(5, [2], 'gather')] })];
}

const domain = (...values: string[]): CollectedDomain['domain'] =>
  someKeys({ range: { min: values[0] ?? '', max: values.at(-1) ?? '' }, values });

const collected = (...values: string[]): { readonly collectedDomains: CollectedDomain[] } => ({
  collectedDomains: [{ filterId: FILTER, domain: domain(...values) }],
});

const loadsOf = (driver: SchedulerDriver, sourceId: number) =>
  driver.effectsOf('load-splits').filter((effect) => effect.sourceId === sourceId);

const filtersFor = (driver: SchedulerDriver, stage: number) =>
  driver
    .effectsOf('update-task')
    .filter(({ taskId }) => taskId.stageId === stage)
    .flatMap(({ dynamicFilters = [] }) => dynamicFilters);

describe('dynamic filters', () => {
  it('are united when all build tasks have reported, never before (I34)', () => {
    const driver = new SchedulerDriver(plan());
    driver.loaded(1, someSplits(1, 8));
    expect(driver.stage(0).tasks.length).toBeGreaterThan(1);
    const last = driver.stage(0).tasks.length - 1;
    for (let partition = 0; partition < last; partition += 1) {
      driver.report(0, partition, { state: 'flushing', ...collected(`${partition}`) });
    }
    expect(loadsOf(driver, 2)).toEqual([]);
    driver.report(0, last, { state: 'flushing', ...collected('77') });
    const values = [...Array.from({ length: last }, (_, i) => `${i}`), '77'];
    expect(loadsOf(driver, 2).map(({ filters }) => filters)).toEqual([
      [{ index: 0, form: 'integer', domain: domain(...values), keepsNulls: false }],
    ]);
    driver.loaded(2, someSplits(2, 2));
    expect(filtersFor(driver, 1)[0]).toEqual({
      filterId: FILTER,
      version: 1,
      domain: domain(...values),
    });
  });

  it.each([
    { executionPolicy: 'pipelined-region', retryPolicy: 'region' },
    { executionPolicy: 'stage-barrier', retryPolicy: 'stage' },
  ] as const)(
    'are none where the build may run again with other keys: $retryPolicy (I34)',
    (options) => {
      const filtersOf = (determinism: PlanFragment['determinism']) => {
        const [build, ...others] = plan({}, 'broadcast');
        if (build === undefined) throw new Error('a plan has a build side');
        const driver = new SchedulerDriver([{ ...build, determinism }, ...others], { options });
        driver.loaded(1, someSplits(1, 2));
        for (const { partitionId } of driver.stage(0).partitions)
          driver.report(0, partitionId, { state: 'finished', ...collected('5') });
        return loadsOf(driver, 2).map(({ filters }) => filters?.length ?? 0);
      };
      expect(filtersOf('deterministic')).toEqual([1]);
      expect(filtersOf('indeterminate')).toEqual([0]);
    },
  );

  it('are not complete while a build task may still come', () => {
    const driver = new SchedulerDriver(plan());
    driver.loaded(1, someSplits(1, 1), false);
    driver.report(0, 0, { state: 'running', ...collected('5') });
    expect(driver.stage(0).kind).toBe('scheduling');
    expect(loadsOf(driver, 2)).toEqual([]);
  });

  it('take a report from an older status, once, and none of another run', () => {
    const driver = new SchedulerDriver(plan());
    driver.loaded(1, someSplits(1, 1));
    const older = driver.status(0, 0, { state: 'running', ...collected('5') });
    driver.report(0, 0, 'flushing');
    driver.send({
      kind: 'task-status',
      status: { ...older, nodeInstanceId: 'other' as typeof older.nodeInstanceId },
    });
    expect(loadsOf(driver, 2)).toEqual([]);
    driver.send({ kind: 'task-status', status: older });
    driver.report(0, 0, { state: 'flushing', ...collected('9') });
    expect(loadsOf(driver, 2)[0]?.filters?.[0]?.domain).toEqual(domain('5'));
  });

  it('keep a scan waiting within the limit, and say so', () => {
    const driver = new SchedulerDriver(plan());
    expect(loadsOf(driver, 2)).toEqual([]);
    const reasons = whyBlocked(driver.state).stages.map(({ reason }) => reason);
    expect(reasons[1]).toBe('waiting-for-dynamic-filters');
    const timer = { kind: 'dynamic-filter-wait', sourceId: 2 } as const;
    expect(driver.effectsOf('arm-timer')).toContainEqual({ kind: 'arm-timer', timer, at: 6_000 });
    const effects = driver.send({
      kind: 'timer-fired',
      timer: { kind: 'dynamic-filter-wait', sourceId: driver.stage(1).scans[0]!.sourceId },
    });
    expect(effectsOf(effects, 'load-splits').map(({ sourceId }) => sourceId)).toEqual([2]);
  });

  it.each([
    { what: 'that is not awaited', column: { isAwaited: false }, dynamicFilterWaitMs: 1_000 },
    { what: 'in a session that does not wait', column: {}, dynamicFilterWaitMs: 0 },
  ])('do not hold up a scan $what, and reach its tasks when they come', (example) => {
    const { column, dynamicFilterWaitMs } = example;
    const driver = new SchedulerDriver(plan(column), { options: { dynamicFilterWaitMs } });
    expect(loadsOf(driver, 2)).toHaveLength(1);
    driver.loaded(1, someSplits(1, 1));
    driver.loaded(2, someSplits(2, 4), false);
    driver.report(0, 0, { state: 'flushing', ...collected('5') });
    const tasks = driver.stage(1).tasks.length;
    expect(filtersFor(driver, 1)).toHaveLength(tasks);
    driver.loaded(2, someSplits(2, 1), false);
    expect(loadsOf(driver, 2).at(-1)?.filters).toHaveLength(1);
  });

  it('of the join in the scan’s own stage go to its split source only', () => {
    const driver = new SchedulerDriver(plan({ testsRows: false }));
    driver.loaded(1, someSplits(1, 1));
    driver.report(0, 0, { state: 'flushing', ...collected('5') });
    driver.loaded(2, someSplits(2, 4));
    expect(loadsOf(driver, 2)[0]?.filters).toHaveLength(1);
    expect(filtersFor(driver, 1)).toEqual([]);
  });

  it('say nothing when a task knows nothing, and end the wait at once', () => {
    const driver = new SchedulerDriver(plan());
    driver.loaded(1, someSplits(1, 8));
    const collectedDomains = [{ filterId: FILTER, domain: { kind: 'all' } as const }];
    driver.report(0, 0, { state: 'flushing', collectedDomains });
    expect(loadsOf(driver, 2).map(({ filters }) => filters)).toEqual([undefined]);
  });

  it('of a partitioned join reach the scan in another stage', () => {
    const driver = new SchedulerDriver(plan({}, 'hash'));
    driver.loaded(1, []);
    driver.report(0, 0, {
      state: 'flushing',
      collectedDomains: [{ filterId: FILTER, domain: { kind: 'none' } }],
    });
    expect(loadsOf(driver, 2)[0]?.filters?.[0]?.domain).toEqual({ kind: 'none' });
    // All is left out: the scan still gets its one task (T23).
    driver.loaded(2, []);
    expect(driver.stage(1).tasks).toHaveLength(1);
  });

  it('are not waited for while the build side is full and its readers wait (T25)', () => {
    const driver = new SchedulerDriver(plan());
    driver.loaded(1, someSplits(1, 1));
    driver.report(0, 0, {
      state: 'running',
      outputs: [{ state: 'open', bufferedBytes: 9, utilization: 1, overutilized: true }],
    });
    expect(driver.stage(1).kind).toBe('scheduling-splits');
    expect(driver.stage(1).tasks.length).toBeGreaterThan(0);
    expect(loadsOf(driver, 2)).toHaveLength(1);
  });

  it('are what row groups are counted by', () => {
    const driver = new SchedulerDriver(plan({ isAwaited: false }));
    const pruned = { rowGroups: 3, rows: 300, bytes: 999 };
    const { sourceId } = driver.stage(1).scans[0]!;
    driver.send({ kind: 'splits-loaded', sourceId, batch: 0, splits: [], last: true, pruned });
    expect(driver.stage(1).scans[0]?.pruned).toEqual(pruned);
  });
});

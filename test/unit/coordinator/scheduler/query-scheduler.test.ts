import { describe, expect, it } from 'vitest';
import type { ErrorReport } from '../../../../services/common/error.ts';
import type { NodeId, NodeInstanceId, SourceId } from '../../../../services/common/ids.ts';
import type { QueryState } from '../../../../services/coordinator/scheduler/query-state.ts';
import type { SchedulerEvent } from '../../../../services/coordinator/scheduler/scheduler-event.ts';
import { aFragment, aNode, someNodes, someSplits } from '../../../support/plan-builders.ts';
import {
  constantPlan,
  gatherPlan,
  joinPlan,
  scanRootPlan,
  smallPlan,
} from '../../../support/sample-plans.ts';
import { DEADLINE, SchedulerDriver } from '../../../support/scheduler-driver.ts';

type QueryKind = QueryState['kind'];
type EventKind = SchedulerEvent['kind'];

const CANCELLED: ErrorReport = { code: 'QUERY_CANCELLED', message: 'cancelled' };
const LOST: ErrorReport = {
  code: 'NODE_LOST',
  message: 'worker-1 is lost',
  details: { node_id: 'worker-1' },
};
const RUN_1 = { nodeId: 'worker-1' as NodeId, nodeInstanceId: 'worker-1-run-1' as NodeInstanceId };
const SCAN = 1 as SourceId;

/** A query whose root reads scan 1 on two workers, brought to each state. */
const IN_STATE: Record<QueryKind, () => SchedulerDriver> = {
  starting: () => new SchedulerDriver(scanRootPlan()),
  /** Both workers have a task; the next batch is being loaded. */
  running: () => {
    const driver = IN_STATE.starting();
    driver.loaded(1, someSplits(1, 2), false);
    return driver;
  },
  finishing: () => {
    const driver = IN_STATE.starting();
    driver.loaded(1, someSplits(1, 2));
    driver.reportAll(0, 'flushing');
    return driver;
  },
  finished: () => {
    const driver = IN_STATE.finishing();
    driver.reportAll(0, 'finished');
    return driver;
  },
  failed: () => {
    const driver = IN_STATE.running();
    driver.send({ kind: 'cancel-requested', error: CANCELLED });
    return driver;
  },
};

const EVENTS: Record<EventKind, (driver: SchedulerDriver) => SchedulerEvent> = {
  'splits-loaded': (driver) => ({
    kind: 'splits-loaded',
    sourceId: SCAN,
    batch: driver.stage(0).scans[0]?.batch ?? 0,
    splits: someSplits(1, 2),
    last: true,
  }),
  'split-loading-failed': (driver) => ({
    kind: 'split-loading-failed',
    sourceId: SCAN,
    batch: driver.stage(0).scans[0]?.batch ?? 0,
    error: { code: 'SOURCE_READ_FAILED', message: 'cannot list' },
  }),
  'task-status': (driver) => ({
    kind: 'task-status',
    status:
      driver.stage(0).tasks.length === 0
        ? IN_STATE.running().status(0, 0, 'running')
        : driver.status(0, 0, driver.task(0, 0).kind === 'flushing' ? 'flushing' : 'running'),
  }),
  'node-joined': () => ({ kind: 'node-joined', node: aNode('worker-9') }),
  'node-draining': () => ({ kind: 'node-draining', ...RUN_1 }),
  'node-lost': () => ({ kind: 'node-lost', ...RUN_1, error: LOST }),
  'cancel-requested': () => ({ kind: 'cancel-requested', error: CANCELLED }),
  'result-released': () => ({ kind: 'result-released' }),
  'timer-fired': () => ({ kind: 'timer-fired', timer: { kind: 'query-deadline' } }),
};

/** The query after one event of each kind. Missing cells do not compile. */
// prettier-ignore
const TRANSITIONS: Record<QueryKind, Record<EventKind, QueryKind>> = {
  starting: {
    'splits-loaded': 'running', 'split-loading-failed': 'failed', 'task-status': 'starting',
    'node-joined': 'starting', 'node-draining': 'starting', 'node-lost': 'starting',
    'cancel-requested': 'failed', 'result-released': 'failed', 'timer-fired': 'failed',
  },
  running: {
    'splits-loaded': 'running', 'split-loading-failed': 'failed', 'task-status': 'running',
    'node-joined': 'running', 'node-draining': 'running', 'node-lost': 'failed',
    'cancel-requested': 'failed', 'result-released': 'failed', 'timer-fired': 'failed',
  },
  finishing: {
    'splits-loaded': 'finishing', 'split-loading-failed': 'finishing', 'task-status': 'finishing',
    'node-joined': 'finishing', 'node-draining': 'finishing', 'node-lost': 'failed',
    'cancel-requested': 'failed', 'result-released': 'finishing', 'timer-fired': 'failed',
  },
  finished: {
    'splits-loaded': 'finished', 'split-loading-failed': 'finished', 'task-status': 'finished',
    'node-joined': 'finished', 'node-draining': 'finished', 'node-lost': 'finished',
    'cancel-requested': 'finished', 'result-released': 'finished', 'timer-fired': 'finished',
  },
  failed: {
    'splits-loaded': 'failed', 'split-loading-failed': 'failed', 'task-status': 'failed',
    'node-joined': 'failed', 'node-draining': 'failed', 'node-lost': 'failed',
    'cancel-requested': 'failed', 'result-released': 'failed', 'timer-fired': 'failed',
  },
};

const cells = Object.entries(TRANSITIONS).flatMap(([state, row]) =>
  Object.entries(row).map(([event, expected]) => ({ state, event, expected })),
);

describe('query: states × events', () => {
  it.each(cells)('$state + $event → $expected', ({ state, event, expected }) => {
    const driver = IN_STATE[state as QueryKind]();
    expect(driver.state.query.kind).toBe(state);
    const effects = driver.send(EVENTS[event as EventKind](driver));
    expect(driver.state.query.kind).toBe(expected);
    if (state === 'finished' || state === 'failed') expect(effects).toEqual([]);
  });

  it.each(cells)('$state + $event twice → the second changes nothing more', ({ state, event }) => {
    const driver = IN_STATE[state as QueryKind]();
    const same = EVENTS[event as EventKind](driver);
    driver.send(same);
    const before = structuredClone(driver.state);
    expect(driver.send(same)).toEqual([]);
    // Strange statuses are counted, however often they come.
    const { unknownStatuses } = driver.state;
    expect(driver.state).toEqual({ ...before, unknownStatuses });
  });
});

describe('a query from its first order to its last', () => {
  it('runs a join to its end, each stage through its states', () => {
    const driver = new SchedulerDriver(joinPlan());
    expect(driver.stageKinds()).toEqual({
      0: 'scheduling',
      1: 'scheduling',
      2: 'scheduled',
      3: 'scheduled',
    });
    driver.loaded(1, someSplits(1, 4));
    driver.loaded(2, someSplits(2, 3));
    expect(driver.stageKinds()).toEqual({
      0: 'scheduled',
      1: 'scheduled',
      2: 'scheduled',
      3: 'scheduled',
    });
    for (const stage of [0, 1, 2, 3]) driver.reportAll(stage, 'running');
    expect(driver.stageKinds()).toEqual({ 0: 'running', 1: 'running', 2: 'running', 3: 'running' });
    for (const stage of [0, 1]) driver.reportAll(stage, 'flushing');
    expect(driver.stageKinds()).toEqual({
      0: 'flushing',
      1: 'flushing',
      2: 'running',
      3: 'running',
    });
    for (const stage of [0, 1, 2]) driver.reportAll(stage, 'finished');
    driver.report(3, 0, { state: 'finished', inlinePages: [] });
    expect(driver.stageKinds()).toEqual({
      0: 'finished',
      1: 'finished',
      2: 'finished',
      3: 'finished',
    });
    expect(driver.state.query).toEqual({ kind: 'finished' });
    expect(driver.effects.at(-1)).toEqual({ kind: 'finish-query' });
    expect(driver.stops()).toEqual([]);
  });

  it('runs SELECT 1 with one order and one status', () => {
    const driver = new SchedulerDriver(constantPlan());
    expect(driver.effectsOf('update-task')).toHaveLength(1);
    const effects = driver.report(0, 0, { state: 'finished', inlinePages: [new Uint8Array([7])] });
    expect(effects.map((effect) => effect.kind)).toEqual(['add-result-locations', 'finish-query']);
  });

  it('runs a small query in one task that reads its own files', () => {
    const driver = new SchedulerDriver(smallPlan());
    expect(driver.stageKinds()).toEqual({ 0: 'scheduling-splits' });
    driver.loaded(1, someSplits(1, 3));
    expect(driver.splitsOf(0, 0, 1)).toHaveLength(3);
    expect(driver.heardEnd(0, 0, 1)).toBe(true);
    driver.report(0, 0, { state: 'finished', inlinePages: [] });
    expect(driver.state.query.kind).toBe('finished');
  });

  it('arms its deadline and fails with QUERY_TIMEOUT when it fires', () => {
    const driver = new SchedulerDriver(constantPlan());
    const [timer] = driver.effectsOf('arm-timer');
    expect(timer).toEqual({ kind: 'arm-timer', timer: { kind: 'query-deadline' }, at: DEADLINE });
    driver.send({ kind: 'timer-fired', timer: { kind: 'query-deadline' } });
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'QUERY_TIMEOUT' } });
  });

  it('fails without nodes: NO_NODES_AVAILABLE (T32)', () => {
    const driver = new SchedulerDriver(joinPlan(), { nodes: [] });
    expect(driver.effects.at(-1)).toMatchObject({
      kind: 'fail-query',
      error: { code: 'NO_NODES_AVAILABLE' },
    });
    expect(driver.effectsOf('close-split-source').map((effect) => effect.sourceId)).toEqual([1, 2]);
  });

  it('fails on a plan that it cannot schedule, before it orders anything', () => {
    const driver = new SchedulerDriver([aFragment(0, { outputs: [] })]);
    expect(driver.state.query).toMatchObject({ kind: 'failed', error: { code: 'INTERNAL_ERROR' } });
    expect(driver.effectsOf('update-task')).toEqual([]);
    expect(new SchedulerDriver([]).state.query.kind).toBe('failed');
  });

  it('keeps its state as JSON-safe data', () => {
    for (const reach of Object.values(IN_STATE)) {
      const { state } = reach();
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
    }
  });

  it('decides the same again from the same events, its choices included', () => {
    const run = (seed: number) => {
      const driver = new SchedulerDriver(gatherPlan(), {
        nodes: someNodes(7, { taskConcurrency: 2 }),
        options: { seed },
      });
      driver.loaded(1, someSplits(1, 9));
      return driver.effects;
    };
    expect(run(5)).toEqual(run(5));
    const hosts = [1, 2, 3, 4, 5, 6].map((seed) => JSON.stringify(run(seed)));
    expect(new Set(hosts).size).toBeGreaterThan(1);
  });
});

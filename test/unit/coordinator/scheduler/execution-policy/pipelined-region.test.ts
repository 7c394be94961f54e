import { describe, expect, it } from 'vitest';
import { cutRegions } from '../../../../../services/coordinator/scheduler/execution-policy/pipelined-region.ts';
import {
  aFragment,
  aRemote,
  aScanFragment,
  someNodes,
  someSplits,
  toFragment,
} from '../../../../support/plan-builders.ts';
import { broadcastPlan, gatherPlan, joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const REGIONS = { executionPolicy: 'pipelined-region', retryPolicy: 'region' } as const;

describe('regions', () => {
  it('are cut where a build side or what is broadcast has to be whole first (K23)', () => {
    expect(cutRegions(gatherPlan())).toEqual([[0, 1]]);
    expect(cutRegions(broadcastPlan())).toEqual([[0], [1, 2]]);
    const [scanA, scanB, join, root] = joinPlan();
    const source = (sourceId: number) => ({ kind: 'source', sourceId }) as never;
    const inputTree = { kind: 'join', probe: source(3), build: source(4) } as const;
    const plan = [
      scanA,
      scanB,
      { ...join, inputTree },
      root,
    ] as typeof joinPlan extends () => infer P ? P : never;
    expect(cutRegions(plan)).toEqual([[1], [0, 2, 3]]);
  });

  it('are joined where a cut would make one wait for itself', () => {
    // 0 feeds 1 as its stream and as its build side.
    const plan = [
      aScanFragment(
        0,
        { sourceId: 1, output: toFragment(1, 2, 'hash') },
        { outputs: [toFragment(1, 2, 'hash'), toFragment(1, 3, 'broadcast')] },
      ),
      aFragment(1, {
        partitioning: { kind: 'hash' },
        remoteSources: [aRemote(2, [0], 'partitioned'), aRemote(3, [0], 'broadcast')],
      }),
    ];
    expect(cutRegions(plan)).toEqual([[0, 1]]);
  });

  it('start when all that they read of others is stored, all of their stages at once (K23, S18)', () => {
    const driver = new SchedulerDriver(broadcastPlan(), { options: REGIONS });
    driver.loaded(1, someSplits(1, 2));
    expect(driver.stageKinds()).toMatchObject({ 1: 'planned', 2: 'planned' });
    driver.reportAll(0, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 0: 'finished', 1: 'scheduling', 2: 'scheduled' });
    driver.loaded(2, someSplits(2, 2));
    expect(driver.splitsOf(1, 0, 3)).toHaveLength(2);
    expect(driver.heardEnd(1, 0, 3)).toBe(true);
  });

  it('stream inside and store between (and for the client)', () => {
    const driver = new SchedulerDriver(broadcastPlan(), { options: REGIONS });
    const retentions = driver.state.stages.map(({ outputs }) => outputs[0]?.retention);
    expect(retentions).toEqual(['retained', 'streaming', 'retained']);
  });

  it('do not start without a worker, and all of them when one comes (K5)', () => {
    const driver = new SchedulerDriver(gatherPlan(), { nodes: someNodes(1), options: REGIONS });
    driver.loaded(1, someSplits(1, 1));
    driver.loseNodeOf(driver.task(0, 0));
    expect(driver.stageKinds()).toEqual({ 0: 'planned', 1: 'planned' });
    expect(driver.effectsOf('arm-timer').at(-1)?.timer.kind).toBe('node-wait');
    const [node] = someNodes(2).slice(1);
    if (node !== undefined) driver.send({ kind: 'node-joined', node });
    expect(driver.stage(1).tasks.map(({ taskId }) => taskId.attempt)).toEqual([1]);
  });
});

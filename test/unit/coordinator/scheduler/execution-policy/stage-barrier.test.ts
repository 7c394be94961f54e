import { describe, expect, it } from 'vitest';
import { someNodes, someSplits } from '../../../../support/plan-builders.ts';
import { joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const STAGE_BARRIER = { executionPolicy: 'stage-barrier', retryPolicy: 'stage' } as const;

describe('stage-barrier', () => {
  it('starts a stage when all that it reads is stored, and not before (R18)', () => {
    const driver = new SchedulerDriver(joinPlan(), {
      nodes: someNodes(2, { taskConcurrency: 4 }),
      options: STAGE_BARRIER,
    });
    driver.loaded(1, someSplits(1, 4));
    driver.loaded(2, someSplits(2, 4));
    driver.reportAll(0, 'finished');
    expect(driver.stageKinds()).toEqual({
      0: 'finished',
      1: 'scheduled',
      2: 'planned',
      3: 'planned',
    });
    driver.reportAll(1, 'finished');
    expect(driver.stageKinds()).toMatchObject({ 1: 'finished', 2: 'scheduled', 3: 'planned' });
    expect(driver.stage(2).startReason).toBe('inputs-stored');
    for (const sourceId of [3, 4]) {
      expect(driver.splitsOf(2, 0, sourceId)).toHaveLength(4);
      expect(driver.heardEnd(2, 0, sourceId)).toBe(true);
    }
  });

  it('keeps what is stored between stages, and says so to the workers', () => {
    const driver = new SchedulerDriver(joinPlan(), { options: STAGE_BARRIER });
    driver.loaded(1, someSplits(1, 1));
    expect(driver.updatesOf(0, 0)[0]?.outputBuffers).toEqual([
      {
        kind: 'partitioned',
        retention: 'retained',
        version: 1,
        bufferIds: [0, 1],
        noMoreBufferIds: true,
      },
    ]);
  });

  it('announces the result when the root is stored, and finishes when the client has it (F32)', () => {
    const driver = new SchedulerDriver(joinPlan(), { options: STAGE_BARRIER });
    for (const [stage, sourceId] of [1, 2].entries()) {
      driver.loaded(sourceId, someSplits(sourceId, 1));
      driver.reportAll(stage, 'finished');
    }
    driver.reportAll(2, 'finished');
    driver.reportAll(3, 'running');
    driver.send({ kind: 'timer-fired', timer: { kind: 'result-announcement' } });
    expect(driver.effectsOf('add-result-locations')).toEqual([]);
    driver.reportAll(3, 'finished');
    expect(driver.effectsOf('add-result-locations')).toMatchObject([{ noMore: true }]);
    expect(driver.state.query.kind).toBe('finishing');
    driver.send({ kind: 'result-released' });
    expect(driver.state.query.kind).toBe('finished');
  });
});

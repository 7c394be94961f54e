import { describe, expect, it } from 'vitest';
import type { PlanFragment } from '../../../../../services/common/plan/plan-fragment.ts';
import { legacyPhased } from '../../../../../services/coordinator/scheduler/execution-policy/legacy-phased.ts';
import { joined, someSplits } from '../../../../support/plan-builders.ts';
import {
  broadcastJoinPlan,
  buildAndProbePlan,
  unionPlan,
} from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

const phasesOf = (fragments: readonly PlanFragment[]) => {
  const schedule = legacyPhased.createSchedule(fragments);
  return schedule.kind === 'phases' ? schedule.phases : [];
};

const started = (driver: SchedulerDriver) =>
  driver.state.stages.filter(({ kind }) => kind !== 'planned').map(({ stageId }) => stageId);

describe('legacy-phased (T33, P4)', () => {
  it('puts consumers before producers and builds before probes', () => {
    expect(phasesOf(buildAndProbePlan())).toEqual([[3], [2], [1], [0]]);
  });

  it('puts a scan and what is broadcast to it into one phase', () => {
    expect(phasesOf(broadcastJoinPlan())).toEqual([[2], [0, 1]]);
    // Whatever the join does with the rows: they are needed before the first split is read.
    const flipped = broadcastJoinPlan().map((fragment) =>
      fragment.id === 1 ? { ...fragment, inputTree: joined(3, 2) } : fragment,
    );
    expect(phasesOf(flipped)).toEqual([[2], [0, 1]]);
  });

  it('reads the parts of a union one after the other', () => {
    expect(phasesOf(unionPlan())).toEqual([[2], [0], [1]]);
  });

  it('starts the next phase when no started stage has splits to deal', () => {
    const driver = new SchedulerDriver(buildAndProbePlan(), {
      options: { executionPolicy: 'legacy-phased' },
    });
    expect(started(driver)).toEqual([1, 2, 3]);
    driver.loaded(2, someSplits(2, 1), false);
    expect(started(driver)).toEqual([1, 2, 3]);
    driver.loaded(2, someSplits(2, 1));
    expect(started(driver)).toEqual([0, 1, 2, 3]);
    expect(driver.stage(0).startReason).toBe('phase-reached');
  });
});

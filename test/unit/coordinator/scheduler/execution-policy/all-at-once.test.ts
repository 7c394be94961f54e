import { describe, expect, it } from 'vitest';
import { allAtOnce } from '../../../../../services/coordinator/scheduler/execution-policy/all-at-once.ts';
import { joinPlan } from '../../../../support/sample-plans.ts';
import { SchedulerDriver } from '../../../../support/scheduler-driver.ts';

describe('all-at-once (T33, P4)', () => {
  it('starts every planned stage, producers first', () => {
    const { state } = new SchedulerDriver(joinPlan(), {
      options: { executionPolicy: 'all-at-once' },
    });
    for (const stage of state.stages) stage.kind = 'planned';
    expect(allAtOnce.stagesToStart(state).map(({ stage }) => stage.stageId)).toEqual([0, 1, 2, 3]);
  });

  it('starts none twice', () => {
    const { state } = new SchedulerDriver(joinPlan());
    expect(allAtOnce.stagesToStart(state)).toEqual([]);
  });
});

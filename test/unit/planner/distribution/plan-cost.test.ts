import { describe, expect, it } from 'vitest';
import { inOneTask } from '../../../../services/planner/distribution/one-task.ts';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import { planCost } from '../../../../services/planner/distribution/plan-cost.ts';
import { firstFreeSourceId, simplify } from '../../../../services/planner/distribution/simplify.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import { aggregateCall, groupBy, join, scan } from '../../../support/logical-plan-builders.ts';

const count = aggregateCall('count_star', []);

function costs(plan: LogicalPlan): { readonly inOne: number; readonly inStages: number } {
  const simple = simplify(plan);
  const options = {
    taskCount: 4,
    statistics: new Map(),
    broadcastThresholdBytes: 32 * 1024 * 1024,
    sendsRawRows: false,
    sharesSmallWork: false,
    replicated: new Map(),
  };
  const physical = distribute(simple, options, firstFreeSourceId(simple));
  return { inOne: planCost(inOneTask(simple), options), inStages: planCost(physical, options) };
}

describe('the cost of a plan', () => {
  it('is less in stages where their tasks share out much work', () => {
    const { inOne, inStages } = costs(groupBy(scan(0, 2, 10_000_000), [], [count]));
    expect(inStages).toBeLessThan(inOne * 0.6);
  });

  it('is less in one task where there is little work', () => {
    const { inOne, inStages } = costs(groupBy(scan(0, 2, 10_000), [], [count]));
    expect(inOne).toBeLessThan(inStages);
  });

  it('is less in one task where rows are sent only to be joined', () => {
    const sides = { left: scan(0, 2, 2_000_000), right: scan(1, 2, 2_000_000) };
    const { inOne, inStages } = costs(groupBy(join('inner', sides, [0, 0]), [], [count]));
    expect(inOne).toBeLessThan(inStages);
  });

  it('counts what each task reads whole as often as there are tasks', () => {
    const sides = { left: scan(0, 2, 10_000_000), right: scan(1, 2, 1_000_000) };
    const { inStages } = costs(groupBy(join('inner', sides, [0, 0]), [], [count]));
    const smaller = { ...sides, right: scan(1, 2, 500_000) };
    const less = costs(groupBy(join('inner', smaller, [0, 0]), [], [count])).inStages;
    expect(inStages - less).toBeGreaterThan(500_000 * 16);
  });
});

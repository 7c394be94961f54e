import { expect, it } from 'vitest';
import type { QueryId } from '../../../../services/common/ids.ts';
import type { QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';
import { NEW_SESSION } from '../../../../services/common/session-state.ts';
import { ConstantPlans } from '../../../../services/coordinator/planner/constant-plans.ts';
import type { PlanRequest } from '../../../../services/coordinator/query/ports.ts';
import { aPlan } from '../../../support/coordinator-fakes.ts';

const { signal } = new AbortController();

/** Counts what reaches the planner. */
function fixture(plan: QueryPlan): { plans: ConstantPlans; asked: PlanRequest[] } {
  const asked: PlanRequest[] = [];
  const planner = {
    plan: (request: PlanRequest) => {
      asked.push(request);
      return Promise.resolve(plan);
    },
  };
  return { plans: new ConstantPlans(planner), asked };
}

function aRequest(changes: Partial<PlanRequest> = {}): PlanRequest {
  return {
    queryId: 'q1' as QueryId,
    sql: 'SELECT 1',
    principal: { name: 'ann' },
    sessionProperties: {},
    session: NEW_SESSION,
    parameters: new Uint8Array(),
    answers: new Uint8Array(),
    workerCount: 2,
    tasksPerWorker: 1,
    ...changes,
  };
}

const CONSTANT: QueryPlan = { ...aPlan(), isConstant: true };

it('asks once for a constant plan, whichever query wants it', async () => {
  const { plans, asked } = fixture(CONSTANT);
  expect(await plans.plan(aRequest(), signal)).toBe(CONSTANT);
  expect(await plans.plan(aRequest({ queryId: 'q2' as QueryId }), signal)).toBe(CONSTANT);
  expect(asked).toHaveLength(1);
});

it('asks each time for a plan that reads a table', async () => {
  const { plans, asked } = fixture(aPlan());
  await plans.plan(aRequest(), signal);
  await plans.plan(aRequest(), signal);
  expect(asked).toHaveLength(2);
});

const OTHERS: Record<string, Partial<PlanRequest>> = {
  'another statement': { sql: 'SELECT 2' },
  'another user': { principal: { name: 'bob' } },
  'another session property': { sessionProperties: { time_zone: 'UTC' } },
  'another session': { session: { ...NEW_SESSION, properties: { time_zone: 'UTC' } } },
  'another cluster': { workerCount: 3 },
  'other lanes': { tasksPerWorker: 2 },
  parameters: { parameters: Uint8Array.of(1) },
  answers: { answers: Uint8Array.of(1) },
};

it.each(Object.keys(OTHERS))('asks again for %s', async (name) => {
  const { plans, asked } = fixture(CONSTANT);
  await plans.plan(aRequest(), signal);
  await plans.plan(aRequest(OTHERS[name]), signal);
  expect(asked).toHaveLength(2);
});

it('keeps a bounded number of plans, the ones used last', async () => {
  const { plans, asked } = fixture(CONSTANT);
  await plans.plan(aRequest(), signal);
  for (let i = 0; i < 300; i += 1) {
    await plans.plan(aRequest({ sql: `SELECT 10${i}` }), signal);
    await plans.plan(aRequest(), signal);
  }
  expect(asked).toHaveLength(301);
  await plans.plan(aRequest({ sql: 'SELECT 100' }), signal);
  expect(asked).toHaveLength(302);
});

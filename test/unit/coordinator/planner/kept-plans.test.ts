import { expect, it } from 'vitest';
import type { QueryId, SourceId } from '../../../../services/common/ids.ts';
import type { QueryPlan } from '../../../../services/common/plan/plan-fragment.ts';
import { NEW_SESSION } from '../../../../services/common/session-state.ts';
import { KeptPlans } from '../../../../services/coordinator/planner/kept-plans.ts';
import type { PlanRequest } from '../../../../services/coordinator/query/ports.ts';
import { aPlan } from '../../../support/coordinator-fakes.ts';

const { signal } = new AbortController();

/** Counts what reaches the planner; `times` are those of the paths. */
function fixture(
  plan: QueryPlan,
  times: Readonly<Record<string, number>> = {},
): { plans: KeptPlans; asked: PlanRequest[] } {
  const asked: PlanRequest[] = [];
  const planner = {
    plan: (request: PlanRequest) => {
      asked.push(request);
      return Promise.resolve(plan);
    },
  };
  const changes = { changedAtMs: (path: string) => Promise.resolve(times[path]) };
  return { plans: new KeptPlans(planner, changes), asked };
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

const CONSTANT: QueryPlan = { ...aPlan(), holdsWhile: [] };
const OF_FILES: QueryPlan = {
  ...aPlan(),
  holdsWhile: [
    { path: '/data', changedAtMs: 1 },
    { path: '/data/t.parquet', changedAtMs: 2 },
  ],
};

it('asks once for a constant plan, whichever query wants it', async () => {
  const { plans, asked } = fixture(CONSTANT);
  expect(await plans.plan(aRequest(), signal)).toBe(CONSTANT);
  expect(await plans.plan(aRequest({ queryId: 'q2' as QueryId }), signal)).toBe(CONSTANT);
  expect(asked).toHaveLength(1);
});

it('asks once for a plan whose files and folders are as they were', async () => {
  const { plans, asked } = fixture(OF_FILES, { '/data': 1, '/data/t.parquet': 2 });
  for (let i = 0; i < 3; i += 1) expect(await plans.plan(aRequest(), signal)).toBe(OF_FILES);
  expect(asked).toHaveLength(1);
});

it.each<readonly [string, Record<string, number>]>([
  ['a file has changed', { '/data': 1, '/data/t.parquet': 3 }],
  ['a file is gone', { '/data': 1 }],
  ['a folder has other entries', { '/data': 5, '/data/t.parquet': 2 }],
])('asks again when %s', async (_, times) => {
  const { plans, asked } = fixture(OF_FILES, times);
  await plans.plan(aRequest(), signal);
  await plans.plan(aRequest(), signal);
  expect(asked).toHaveLength(2);
});

it('forgets a plan that no longer holds', async () => {
  const times: Record<string, number> = { '/data': 1, '/data/t.parquet': 2 };
  const asked: PlanRequest[] = [];
  const answers = [OF_FILES, aPlan(), aPlan()];
  const planner = {
    plan: (request: PlanRequest) => Promise.resolve(answers[asked.push(request) - 1] ?? aPlan()),
  };
  const changes = { changedAtMs: (path: string) => Promise.resolve(times[path]) };
  const plans = new KeptPlans(planner, changes);
  await plans.plan(aRequest(), signal);
  times['/data'] = 3;
  await plans.plan(aRequest(), signal);
  times['/data'] = 1;
  await plans.plan(aRequest(), signal);
  expect(asked).toHaveLength(3);
});

it('does not keep a plan of very many row groups', async () => {
  const rowGroups = Array.from({ length: 501 }, () => ({ firstRow: 0, rowCount: 1, bytes: 1 }));
  const file = { path: '/data/t.parquet', sizeBytes: 1, modifiedAtMs: 1, rowGroups };
  const scan = { sourceId: 0 as SourceId, files: [file], totalRows: 501, totalBytes: 501 };
  const { plans, asked } = fixture({ ...CONSTANT, scans: [scan] });
  await plans.plan(aRequest(), signal);
  await plans.plan(aRequest(), signal);
  expect(asked).toHaveLength(2);
});

it('asks each time for a plan that only the planner can tell to hold', async () => {
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

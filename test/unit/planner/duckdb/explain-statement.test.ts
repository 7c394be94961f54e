import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';

let planner: PlannerFixture;
beforeAll(() => {
  planner = new PlannerFixture([{ name: '', directory: resolve('examples/data') }]);
});
afterAll(async () => {
  await planner[Symbol.asyncDispose]();
});

describe('EXPLAIN', () => {
  it.each([
    ['EXPLAIN SELECT r_name FROM region', false, 'text'],
    ['EXPLAIN ANALYZE SELECT r_name FROM region', true, 'text'],
    ['explain -- how\n analyse (SELECT r_name FROM region)', true, 'text'],
    ['EXPLAIN (ANALYZE) SELECT r_name FROM region', true, 'text'],
    ['EXPLAIN (ANALYZE, FORMAT json) SELECT r_name FROM region', true, 'json'],
    ['EXPLAIN ( format JSON , analyze true ) SELECT r_name FROM region', true, 'json'],
    ['EXPLAIN (FORMAT text) FROM region', false, 'text'],
    ['EXPLAIN (SELECT r_name FROM region)', false, 'text'],
  ])('has options, as DuckDB reads them: %s', async (sql, isAnalyzed, format) => {
    const admitted = await planner.frontEnd.admit(planningRequest(sql));
    expect(admitted).toMatchObject({ kind: 'explain', explain: { isAnalyzed, format } });
  });

  it.each([
    ['explain analyze selec 1', 'SYNTAX_ERROR', 16],
    ['/* é */ EXPLAIN (ANALYZE, FORMAT json) SELECT x FROM region', 'COLUMN_NOT_FOUND', 47],
    ['EXPLAIN (FORMAT json SELECT 1', 'SYNTAX_ERROR', 21],
  ])('keeps the places of errors: %s', async (sql, code, position) => {
    const admitted = planner.frontEnd.admit(planningRequest(sql));
    await expect(admitted).rejects.toMatchObject({ code, position });
  });

  it.each([
    ['EXPLAIN (FORMAT html) SELECT 1', 'EXPLAIN (FORMAT HTML)'],
    ['EXPLAIN (VERBOSE) SELECT 1', 'EXPLAIN (VERBOSE)'],
    ['EXPLAIN ANALYZE DELETE FROM region', 'EXPLAIN DELETE'],
    ['EXPLAIN (ANALYZE, FORMAT json) DELETE FROM region', 'EXPLAIN DELETE'],
  ])('refuses what it cannot answer: %s', async (sql, statement) => {
    const admitted = planner.frontEnd.admit(planningRequest(sql));
    await expect(admitted).rejects.toMatchObject({
      code: 'STATEMENT_NOT_SUPPORTED',
      details: { statement },
    });
  });
});

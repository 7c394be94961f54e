import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlannerOracle } from '../../support/planner-oracle.ts';

const DATA = fileURLToPath(new URL('../../../examples/data', import.meta.url));
const QUERIES = Array.from({ length: 22 }, (_, index) => `q${String(index + 1).padStart(2, '0')}`);

let oracle: PlannerOracle;

beforeAll(async () => {
  oracle = await PlannerOracle.open(DATA);
});

afterAll(async () => await oracle.close());

describe.each([
  [2, 'on'],
  [5, 'on'],
  [5, 'off'],
])('TPC-H in %i tasks, scans by several of them %s', (taskCount, replicated_scans) => {
  it.each(QUERIES)('%s is distributed and equals DuckDB', async (name) => {
    const sql = readFileSync(new URL(`../tpch/${name}.sql`, import.meta.url), 'utf8');
    const { plan, difference } = await oracle.compare(sql, {
      taskCount,
      properties: { replicated_scans },
    });
    expect(difference).toBeUndefined();
    expect(plan.rung).toBe('distributed');
  });
});

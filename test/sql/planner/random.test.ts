import { rm } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';
import { randomQueries } from '../../support/random-queries.ts';

const TABLES = ['n2', 'n3', 'keys', 'empty'];
const QUERY_COUNT = 60;

let directory: string;
let oracle: PlannerOracle;

beforeAll(async () => {
  directory = await writeNullTables();
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

describe('random queries', () => {
  it('equal DuckDB however they are distributed', async () => {
    const threshold = fc.constantFrom('0', '32MiB');
    await fc.assert(
      fc.asyncProperty(
        randomQueries(TABLES, 2),
        fc.integer({ min: 1, max: 4 }),
        threshold,
        async (sql, taskCount, broadcast_threshold) => {
          const options = { taskCount, properties: { broadcast_threshold } };
          const { plan, difference } = await oracle.compare(sql, options);
          expect({ sql, difference }).toEqual({ sql, difference: undefined });
          expect(plan.rung).not.toBe('whole');
        },
      ),
      { numRuns: QUERY_COUNT, seed: 1 },
    );
  });
});

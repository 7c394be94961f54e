import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { type OracleOptions, PlannerOracle } from '../../support/planner-oracle.ts';
import { readQueries } from '../../support/query-files.ts';

const FILES = [
  'aggregates',
  'expressions',
  'joins',
  'rows',
  'set-operations',
  'shared-stages',
  'subqueries',
  'windows',
];

/** Joins are broadcast by their size, or partitioned wherever that is possible. */
const WAYS: readonly (readonly [string, OracleOptions])[] = [
  ['broadcast', { taskCount: 3 }],
  ['partitioned', { taskCount: 2, properties: { broadcast_threshold: '0' } }],
];

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

describe.each(FILES)('%s', (file) => {
  describe.each(readQueries(`queries/${file}.sql`))('%s', (sql) => {
    it.each(WAYS)('equals DuckDB, %s', async (_way, options) => {
      const error = await oracle.duckdbError(sql);
      if (error !== undefined) {
        await expect(oracle.compare(sql, options)).rejects.toThrow(firstLine(error));
        return;
      }
      const { plan, difference } = await oracle.compare(sql, options);
      expect(difference).toBeUndefined();
      expect(plan.rung).not.toBe('whole');
    });
  });
});

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

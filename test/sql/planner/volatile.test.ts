import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

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

describe('volatile functions', () => {
  it.each([
    // One statement over files in their order: seeded, it repeats.
    ['never', 'SELECT k, random() FROM n1', ['one order-sensitive']],
    ['never', 'SELECT random() FROM range(3)', ['one order-sensitive']],
    ['never', 'SELECT k FROM n1 WHERE random() < 0.5 LIMIT 3', ['one indeterminate']],
    // Batches are cut as splits arrive.
    ['always', 'SELECT k, random() FROM n1', ['one indeterminate']],
    // Rows of other tasks come in any order.
    [
      'always',
      'SELECT g, count(*) + random() FROM n1 GROUP BY g',
      ['task deterministic', 'one indeterminate'],
    ],
    // A seed of 32 bits would give the same UUIDs again, in another query.
    ['never', 'SELECT k, uuid() FROM n1', ['worker indeterminate']],
    ['never', 'SELECT k, uuid(), random() FROM n1', ['worker indeterminate']],
    ['never', 'SELECT uuidv7()', ['worker indeterminate']],
    ['never', 'SELECT k FROM n1', ['worker deterministic']],
    ['never', 'SELECT k, random() FROM (FROM n1 LIMIT (SELECT 3))', ['one indeterminate']],
  ])('with distribution = %s, %s runs as %j', async (distribution, sql, expected) => {
    const { fragments } = await oracle.plan(sql, { taskCount: 2, properties: { distribution } });
    expect(fragments.map(({ threads, determinism }) => `${threads} ${determinism}`)).toEqual(
      expected,
    );
  });

  it('run in one place: whoever reads a shared expression reads the same values', async () => {
    const { answer } = await oracle.execute(
      `WITH r AS MATERIALIZED (SELECT k, random() AS x FROM n1 WHERE k IS NOT NULL)
       SELECT count(*) FILTER (a.x <> b.x) FROM (FROM r WHERE x < 2) a JOIN (SELECT DISTINCT * FROM r) b USING (k, x)`,
      { taskCount: 2 },
    );
    expect(answer.rows).toEqual([['0']]);
  });
});

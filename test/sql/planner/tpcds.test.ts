import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlannerOracle } from '../../support/planner-oracle.ts';

const DIRECTORY = join(import.meta.dirname, '..', 'tpcds');
const QUERIES = readdirSync(DIRECTORY).filter((file) => file.endsWith('.sql'));

let oracle: PlannerOracle;

beforeAll(async () => {
  oracle = await PlannerOracle.open(join(DIRECTORY, 'data'));
});

afterAll(async () => await oracle.close());

describe('TPC-DS', () => {
  it('has 99 queries', () => {
    expect(QUERIES).toHaveLength(99);
  });

  it.each(QUERIES)('%s is distributed, whichever way its joins go', async (file) => {
    const sql = readFileSync(join(DIRECTORY, file), 'utf8');
    for (const threshold of ['0', '32MiB']) {
      const properties = { broadcast_threshold: threshold };
      const { rung, rungReason } = await oracle.plan(sql, { taskCount: 2, properties });
      expect({ rung, rungReason }).toMatchObject({ rung: 'distributed' });
    }
  });
});

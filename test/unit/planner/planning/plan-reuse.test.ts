import { copyFile, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NEW_SESSION } from '../../../../services/common/session-state.ts';
import { QueryPlanner } from '../../../../services/planner/planning/query-planner.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';

const SAMPLE = join(import.meta.dirname, '..', '..', '..', '..', 'examples', 'data');

let directory: string;
let fixture: PlannerFixture;
let planner: QueryPlanner;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-reuse-'));
  await copyFile(join(SAMPLE, 'nation.parquet'), join(directory, 'nation.parquet'));
  fixture = new PlannerFixture([{ name: '', directory }]);
  planner = new QueryPlanner(fixture);
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function isSamePlan(sql: string): Promise<boolean> {
  const first = await planner.plan(planningRequest(sql));
  return first === (await planner.plan(planningRequest(sql)));
}

describe('a plan', () => {
  it.each(['SELECT 1', 'SELECT count(*) FROM nation', 'SELECT n_name FROM nation ORDER BY 1'])(
    'is made once for %s',
    async (sql) => {
      expect(await isSamePlan(sql)).toBe(true);
    },
  );

  it.each([
    'SELECT now()',
    "SELECT current_date - DATE '2020-01-01'",
    'SELECT n_name FROM nation WHERE random() < 0.5',
  ])('is made each time for %s', async (sql) => {
    expect(await isSamePlan(sql)).toBe(false);
  });

  it('is made each time where the session has views, which may hide anything', async () => {
    const view = { kind: 'view', name: 'v', columnNames: [], sql: 'SELECT now() AS t' } as const;
    const request = {
      ...planningRequest('SELECT count(*) FROM v'),
      sessionState: { ...NEW_SESSION, objects: [view] },
    };
    expect(await planner.plan(request)).not.toBe(await planner.plan(request));
  });

  it('is made anew when a file was written, and reads the file as it is now', async () => {
    const request = planningRequest('SELECT n_regionkey FROM nation');
    const before = await planner.plan(request);
    // Whole seconds, which every file system keeps.
    const later = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 10_000);
    await utimes(join(directory, 'nation.parquet'), later, later);
    const after = await planner.plan(request);
    expect(after.scans[0]?.files[0]?.modifiedAtMs).toBe(later.getTime());
    expect(before.scans[0]?.files[0]?.modifiedAtMs).not.toBe(later.getTime());
    await rm(join(directory, 'nation.parquet'));
    await expect(planner.plan(request)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});

import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { respellSystemTables } from '../../../../services/planner/duckdb/system-catalog.ts';
import { walkPlan } from '../../../../services/planner/logical/plan-children.ts';
import type { SystemScan } from '../../../../services/planner/logical/logical-plan.ts';
import type { BoundQuery } from '../../../../services/planner/planning/ports.ts';
import { QueryPlanner } from '../../../../services/planner/planning/query-planner.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';

let planner: PlannerFixture;
beforeAll(() => {
  planner = new PlannerFixture([{ name: '', directory: resolve('examples/data') }]);
});
afterAll(async () => {
  await planner[Symbol.asyncDispose]();
});

async function respelled(sql: string): Promise<string> {
  return await planner.instances.use(
    { settings: { TimeZone: 'UTC' }, optimizers: 'usual' },
    async (instance) => respellSystemTables(sql, await instance.parse(sql)),
  );
}

async function query(sql: string): Promise<BoundQuery> {
  const admitted = await planner.frontEnd.admit(planningRequest(sql));
  if (admitted.kind !== 'query') throw new Error(admitted.kind);
  return admitted.query;
}

async function scansOf(sql: string): Promise<readonly SystemScan[]> {
  const { plan } = await query(sql);
  if (plan.kind === 'unsupported') throw new Error(plan.construct);
  return [...walkPlan(plan.plan)].filter((node) => node.kind === 'system-scan');
}

describe('a statement that names tables of the catalog system', () => {
  it.each([
    ['FROM system.queries', 'FROM _skein.queries'],
    [
      "SELECT 'é', System . Tasks.state FROM SYSTEM.tasks",
      "SELECT 'é', _skein . Tasks.state FROM _skein.tasks",
    ],
    ['FROM "system"."main"."nodes" n', 'FROM "_skein"."main"."nodes" n'],
    [
      'SELECT * FROM (FROM system.main.stages) system',
      'SELECT * FROM (FROM _skein.main.stages) system',
    ],
  ])('is respelled in place: %s', async (sql, expected) => {
    expect(await respelled(sql)).toBe(expected);
  });

  it.each([
    "SELECT 'system.queries'",
    'FROM system.information_schema.tables',
    'FROM system.settings',
    'WITH system AS (SELECT 1 AS queries) SELECT system.queries FROM system',
    'SELECT system.queries.x FROM (SELECT {x: 1} AS queries) system',
  ])('is left alone where it means something else: %s', async (sql) => {
    expect(await respelled(sql)).toBe(sql);
  });

  it.each([
    ['FROM querys', 'TABLE_NOT_FOUND'],
    ['FROM stage', 'TABLE_NOT_FOUND'],
    ['FROM system.querys', 'TABLE_NOT_FOUND'],
    ['SELECT query_ids FROM system.queries', 'COLUMN_NOT_FOUND'],
    ["FROM skein_system_row('queries')", 'FUNCTION_NOT_FOUND'],
    ["FROM pinned_scans('1')", 'FUNCTION_NOT_FOUND'],
    ['FROM tsks JOIN system.stages USING (query_id)', 'TABLE_NOT_FOUND'],
  ])('is called by its name in the error of %s', async (sql, code) => {
    const failed = planner.frontEnd.admit(planningRequest(sql));
    await expect(failed).rejects.toMatchObject({ code });
    await expect(failed).rejects.not.toThrow(/_skein|skein_system_rows|pinned_scan\b/);
  });

  it('has scans of all columns, with the registry’s types', async () => {
    const [scan, ...others] = await scansOf(
      "SELECT count(*) FROM system.queries WHERE state = 'RUNNING' AND create_time > now()",
    );
    expect(others).toEqual([]);
    expect(scan?.table).toBe('queries');
    const { columns } = await query(
      'SELECT query_id, create_time, cpu_ms, tasks FROM system.queries',
    );
    expect(columns.map(({ type }) => type.id)).toEqual([
      'VARCHAR',
      'TIMESTAMP WITH TIME ZONE',
      'DOUBLE',
      'BIGINT',
    ]);
  });

  it('keeps its rows beside those of files', async () => {
    const scans = await scansOf(
      'SELECT * FROM system.stages s JOIN system.queries q USING (query_id), nation',
    );
    expect(scans.map(({ table }) => table).toSorted()).toEqual(['queries', 'stages']);
    expect(new Set(scans.map(({ scanId }) => scanId)).size).toBe(2);
  });

  it.each([
    ['SELECT nothing FROM system.queries', 'COLUMN_NOT_FOUND', 7],
    ["SELECT 'é', nothing FROM system.queries", 'COLUMN_NOT_FOUND', 13],
    ['FROM system.nowhere', 'TABLE_NOT_FOUND', 5],
    ["FROM skein_system_rows('queries')", 'FUNCTION_NOT_ALLOWED', undefined],
  ])('fails where the user wrote it: %s', async (sql, code, position) => {
    await expect(query(sql)).rejects.toMatchObject({ code, position });
  });

  it('is described, and listed, like any other', async () => {
    const described = await planner.frontEnd.admit(planningRequest('DESCRIBE system.nodes'));
    expect(described).toMatchObject({ kind: 'known', statement: 'DESCRIBE' });
    const listed = await planner.frontEnd.admit(planningRequest('SHOW TABLES FROM system'));
    expect(listed).toMatchObject({
      rows: { rows: [['nodes'], ['queries'], ['resource_groups'], ['stages'], ['tasks']] },
    });
    const inMain = await planner.frontEnd.admit(planningRequest('SHOW TABLES FROM system.main'));
    expect(inMain).toMatchObject({
      rows: { rows: [['nodes'], ['queries'], ['resource_groups'], ['stages'], ['tasks']] },
    });
    const tables = await planner.catalog.listTables('System');
    expect(tables.map(({ catalog, name }) => `${catalog}.${name}`)).toContain('system.tasks');
  });
});

describe('the catalog’s other name', () => {
  it.each(['SHOW DATABASES', 'SHOW ALL TABLES', 'SHOW SCHEMAS'])(
    'is not shown: %s',
    async (sql) => {
      const admitted = await planner.frontEnd.admit(planningRequest(sql));
      expect(JSON.stringify(admitted)).not.toContain('_skein');
    },
  );
});

describe('a view of the session', () => {
  it('may be over such tables', async () => {
    const created = await planner.frontEnd.admit(
      planningRequest('CREATE TEMP VIEW v AS SELECT n.node_id FROM system.nodes n'),
    );
    if (created.kind !== 'session') throw new Error(created.kind);
    const request = { ...planningRequest('FROM v'), sessionState: created.session };
    const admitted = await planner.frontEnd.admit(request);
    if (admitted.kind !== 'query' || admitted.query.plan.kind !== 'plan')
      throw new Error('no plan');
    const scans = [...walkPlan(admitted.query.plan.plan)].map(({ kind }) => kind);
    expect(scans).toContain('system-scan');
  });
});

describe('the plan of such a statement', () => {
  const plan = async (sql: string) => {
    const { frontEnd, catalog } = planner;
    return await new QueryPlanner({ frontEnd, catalog }).plan(
      planningRequest(sql, { distribution: 'always' }),
    );
  };

  it('gathers the coordinator’s rows in a single task', async () => {
    const { fragments, rung } = await plan('SELECT * FROM lineitem, system.nodes');
    expect(rung).toBe('distributed');
    const readers = fragments.filter(({ remoteSources }) =>
      remoteSources.some(({ systemTable }) => systemTable === 'nodes'),
    );
    expect(readers.map(({ partitioning }) => partitioning.kind)).toEqual(['single']);
    expect(readers[0]?.determinism).toBe('indeterminate');
  });

  it('keeps them where a recursive query reads them again and again', async () => {
    const { fragments } = await plan(
      `WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL
         SELECT x + 1 FROM t WHERE x < (SELECT count(*) FROM system.nodes)) FROM t`,
    );
    const readers = fragments.filter(({ remoteSources }) =>
      remoteSources.some(({ systemTable }) => systemTable !== undefined),
    );
    expect(readers.map(({ partitioning }) => partitioning.kind)).toEqual(['single']);
  });

  it('reads them on the last rung too, once', async () => {
    const whole = await (await query('SELECT n.role FROM system.nodes n, nation')).whole();
    if (whole.kind !== 'sql') throw new Error(whole.reason);
    expect(whole.systemScans).toMatchObject([{ table: 'nodes' }]);
    expect(whole.scans).toHaveLength(1);
    expect(whole.sql).toMatch(/AS MATERIALIZED \(SELECT c0 AS "node_id", .* FROM remote_\d\)/);
  });
});

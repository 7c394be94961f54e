import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DuckDBFooterReader } from '../../../../services/planner/duckdb/footer-reader.ts';
import { walkPlan } from '../../../../services/planner/logical/plan-children.ts';
import type {
  Filter,
  LogicalPlan,
  Scan,
} from '../../../../services/planner/logical/logical-plan.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';

let directory: string;
let instance: DuckDBInstance;
let duckdb: DuckDBConnection;
let planner: PlannerFixture;

const ROWS = 6_000;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-footers-'));
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  duckdb = await instance.connect();
  await duckdb.run(`CREATE TABLE t AS SELECT i::INT AS i, i * 10::BIGINT AS big,
    CASE WHEN i % 10 = 0 THEN NULL ELSE (i / 8)::DECIMAL(15,2) END AS d,
    DATE '1990-01-01' + i::INT AS dt, TIMESTAMP '1990-01-01' + INTERVAL (i) MINUTE AS ts,
    (i / 3)::DOUBLE AS f, CASE WHEN i % 1000 = 5 THEN 'nan'::DOUBLE ELSE i / 3 END AS nan,
    repeat(chr(65 + (i // 2048)::INT), 500) || i AS long, 'k' || (i // 500) AS s,
    [i, i + 1] AS l, {'x': i, 'y': 'v'} AS st FROM range(${ROWS}) r(i)`);
  await copy('t.parquet', 'FROM t', 'ROW_GROUP_SIZE 2048');
  await mkdir(join(directory, 'parts'));
  await copy('parts', 'SELECT *, i % 3 AS p FROM t', 'PARTITION_BY (p), OVERWRITE_OR_IGNORE');
  await mkdir(join(directory, 'mixed'));
  await copy('mixed/a.parquet', 'SELECT 1 AS x, 2 AS y');
  await copy('mixed/b.parquet', "SELECT 1 AS x, 'two' AS y");
  planner = new PlannerFixture([{ name: '', directory }]);
});

afterAll(async () => {
  await planner[Symbol.asyncDispose]();
  duckdb.disconnectSync();
  instance.closeSync();
  await rm(directory, { recursive: true, force: true });
});

async function copy(file: string, query: string, options = ''): Promise<void> {
  const settings = ['FORMAT parquet', ...(options === '' ? [] : [options])].join(', ');
  await duckdb.run(`COPY (${query}) TO '${join(directory, file)}' (${settings})`);
}

async function plan(sql: string): Promise<LogicalPlan> {
  const admitted = await planner.frontEnd.admit(planningRequest(sql));
  if (admitted.kind !== 'query' || admitted.query.plan.kind !== 'plan') throw new Error(sql);
  return admitted.query.plan.plan;
}

/** The scan of a query over one table, resolved with the filter right above it. */
async function resolve(sql: string) {
  const root = await plan(sql);
  const nodes = [...walkPlan(root)];
  const scan = nodes.find((node): node is Scan => node.kind === 'scan');
  if (scan === undefined) throw new Error('no scan');
  const filter = nodes.find(
    (node): node is Filter => node.kind === 'filter' && node.child === scan,
  );
  return await planner.catalog.resolve(scan, filter?.predicates ?? []);
}

async function keptRows(sql: string): Promise<readonly number[]> {
  const { files } = await resolve(sql);
  return files.flatMap((file) => file.rowGroups.map(({ firstRow }) => firstRow));
}

describe('footers of real files', () => {
  it('tell row groups, columns and sizes', async () => {
    const path = join(directory, 't.parquet');
    const reader = new DuckDBFooterReader(planner.instances, { TimeZone: 'UTC' });
    const [footer] = await reader.readFooters([path]);
    expect(footer?.columns.map(({ name }) => name)).toEqual(
      'i big d dt ts f nan long s l st'.split(' '),
    );
    expect(footer?.rowGroups.map(({ firstRow, rowCount }) => [firstRow, rowCount])).toEqual([
      [0, 2048],
      [2048, 2048],
      [4096, 1904],
    ]);
    const paths = footer?.rowGroups[0]?.chunks.map((chunk) => chunk.path);
    expect(paths?.slice(-3)).toEqual(['l, list, element', 'st, x', 'st, y']);
  });

  it.each([
    ['i = 3000', [2048]],
    ['i < 1024', [0]],
    ['i >= 4096', [4096]],
    ['big BETWEEN 21000 AND 30000', [2048]],
    ['i IN (3, 5900)', [0, 4096]],
    ["dt < DATE '1991-01-01'", [0]],
    ["ts >= TIMESTAMP '1990-01-04'", [4096]],
    ['d > 600', [4096]],
    ["s = 'k6'", [2048, 4096]],
    ["s = 'k3' AND i < 3000", [0]],
    ["long < 'B'", [0]],
    ['f < 10', [0]],
    ['f > 1900', [0, 2048, 4096]],
    ['nan < 10', [0, 2048, 4096]],
    ['d IS NULL', [0, 2048, 4096]],
    ['i IS NULL', []],
  ])('leave only row groups that can matter to %s', async (condition, kept) => {
    const sql = `SELECT i, big, d, dt, ts, f, nan, long, s FROM t WHERE ${condition}`;
    const files = await plan(sql);
    // A condition that DuckDB itself knows to be false leaves no scan at all.
    if (![...walkPlan(files)].some((node) => node.kind === 'scan')) return expect(kept).toEqual([]);
    return expect(await keptRows(sql)).toEqual(kept);
  });

  it('keep every row that DuckDB finds', async () => {
    for (const condition of [
      "s LIKE 'k3%'",
      'nan > 1900',
      "long >= 'C'",
      'd < 1',
      'abs(i) = 7',
      'st.x = 2000',
    ]) {
      const wanted = await duckdb.runAndReadAll(`SELECT i FROM t WHERE ${condition}`);
      const kept = await resolve(`SELECT * FROM t WHERE ${condition}`);
      const ranges = kept.files.flatMap((file) => file.rowGroups);
      for (const row of wanted.getRows()) {
        const i = Number(row[0]);
        const isCovered = ranges.some(
          (range) => i >= range.firstRow && i < range.firstRow + range.rowCount,
        );
        expect(isCovered, `${condition}: row ${i}`).toBe(true);
      }
    }
  });
});

describe('tables of many files', () => {
  it('are read by the partitions that a filter names', async () => {
    const { files } = await resolve('SELECT i FROM parts WHERE p = 1');
    expect(files.map(({ path }) => path.includes('p=1/'))).toEqual([true]);
    expect((await resolve('SELECT i FROM parts')).files).toHaveLength(3);
  });

  it('say which file and column differs', async () => {
    expect((await resolve('SELECT x FROM mixed')).files).toHaveLength(2);
    await expect(resolve('SELECT y FROM mixed')).rejects.toMatchObject({
      code: 'SOURCE_SCHEMA_MISMATCH',
      details: { file: join(directory, 'mixed/b.parquet'), column: 'y' },
    });
  });

  it('are listed with their columns, partitions included', async () => {
    await rm(join(directory, 'mixed'), { recursive: true });
    const tables = await planner.catalog.listTables('');
    expect(tables.map(({ name, columns }) => [name, columns.at(-1)?.name])).toEqual([
      ['parts', 'p'],
      ['t', 'st'],
    ]);
    const scan = [...walkPlan(await plan('FROM parts'))].find((node) => node.kind === 'scan');
    expect(scan && planner.catalog.tableOf(scan)).toBe('parts');
  });
});

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

const TASKS = { taskCount: 2 };

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

describe('the ladder', () => {
  it.each([
    [
      'key_targets of LOGICAL_RECURSIVE_CTE',
      'WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, b + 1 FROM t WHERE b < 5) SELECT t.b, v FROM t JOIN n1 ON k = a',
    ],
    ['encoding', "SELECT k FROM n1 WHERE k::BIT <> '1'::BIT"],
  ])('runs a query with %s whole, by name, and answers as DuckDB', async (construct, sql) => {
    const { plan, difference } = await oracle.compare(sql, TASKS);
    expect(difference).toBeUndefined();
    expect(plan.rung).toBe('whole');
    expect(plan.rungReason).toContain(construct);
    expect(plan.fragments).toHaveLength(1);
  });

  it.each([
    [
      'a recursive CTE',
      'WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT t.n, v FROM t JOIN n1 ON k = n',
    ],
    [
      'a recursive CTE',
      `WITH RECURSIVE t(k, depth) AS (SELECT k, 0 FROM n3 WHERE v > 0 UNION
         SELECT b.k, depth + 1 FROM t JOIN n1 a ON a.k = t.k JOIN n2 b ON b.v > a.v WHERE depth < 3)
       SELECT k, count(*), max(depth) FROM t GROUP BY k`,
    ],
    ['a sample is taken', 'SELECT count(*), sum(v) FROM n1 TABLESAMPLE 100%'],
    ['a sample is taken', 'SELECT k FROM (SELECT k FROM n1 WHERE v > 0) USING SAMPLE 0 ROWS'],
    [
      'a repeatable sample',
      'SELECT count(*) FROM n1 TABLESAMPLE reservoir(7 ROWS) REPEATABLE (42)',
    ],
    ['a positional join', 'SELECT a.k, b.v FROM n3 a POSITIONAL JOIN n2 b'],
    [
      'a positional join',
      'SELECT a.k, b.v FROM n3 a POSITIONAL JOIN (FROM n2 WHERE v > 0) b WHERE b.k > 4',
    ],
  ])('runs %s in one task over its scans: %s', async (reason, sql) => {
    const { plan, difference } = await oracle.compare(sql, TASKS);
    expect(difference).toBeUndefined();
    expect(plan.rung).toBe('single-over-scans');
    expect(plan.rungReason).toContain(reason);
  });

  it('sees a CTE of the name of a table in the whole statement as that CTE', async () => {
    const sql =
      'WITH n1 AS (SELECT k + 100 AS k, g FROM n1 WHERE k > 3) SELECT a.k, b.k FROM n1 a JOIN (FROM n3 LIMIT (SELECT 1000)) b ON a.g = b.g';
    const { plan, difference } = await oracle.compare(sql, TASKS);
    expect(plan.rung).toBe('whole');
    expect(difference).toBeUndefined();
  });

  it.each([
    ['SELECT 1', 'no files are read'],
    ['SELECT k FROM n1 WHERE false', 'no files are read'],
  ])('keeps %s small: %s', async (sql, reason) => {
    const plan = await oracle.plan(sql, TASKS);
    expect([plan.rung, plan.rungReason]).toEqual(['small', reason]);
  });

  it('gives the same answer when a query stays small', async () => {
    const sql = 'SELECT a.g, count(*) FROM n1 a JOIN n2 b ON a.k = b.k GROUP BY a.g';
    const properties = { distribution: 'never' };
    const { plan, difference } = await oracle.compare(sql, { ...TASKS, properties });
    expect([plan.rung, plan.fragments.length, difference]).toEqual(['small', 1, undefined]);
  });
});

describe('a LIMIT without an order', () => {
  it('gives as many rows as there are to give, each of them one of the input', async () => {
    const { plan, difference } = await oracle.compare(
      'SELECT count(*), count(v) <= 3 FROM (SELECT v FROM n1 LIMIT 3 OFFSET 100)',
      TASKS,
    );
    expect(difference).toBeUndefined();
    expect(plan.fragments[0]?.rowLimit).toBe(103);
  });
});

describe('statements that the planner answers', () => {
  it('SHOW TABLES', async () => {
    const plan = await oracle.plan('SHOW TABLES', TASKS);
    expect(plan.fragments[0]?.columns).toEqual([{ name: 'name', type: { id: 'VARCHAR' } }]);
    expect(plan.fragments[0]?.sql).toContain("('empty'), ('keys'), ('n1'), ('n2'), ('n3')");
  });

  it('DESCRIBE', async () => {
    const plan = await oracle.plan('DESCRIBE n1', TASKS);
    expect(plan.fragments[0]?.columns.map(({ name }) => name)).toEqual([
      'column_name',
      'column_type',
      'null',
      'key',
      'default',
      'extra',
    ]);
    expect(plan.fragments[0]?.sql).toContain("('m', 'DECIMAL(10,2)', 'YES', NULL, NULL, NULL)");
  });

  it('EXPLAIN, with rung, partitioning and SQL of each fragment', async () => {
    const plan = await oracle.plan('EXPLAIN SELECT g, count(*) FROM n1 GROUP BY g', TASKS);
    const { sql, columns } = plan.fragments[0] ?? { sql: '', columns: [] };
    expect(columns.map(({ name }) => name)).toEqual(['explain_key', 'explain_value']);
    expect(sql).toContain("('rung', 'rung: distributed\nreason: 2 stages, 2 with several tasks')");
    expect(sql).toMatch(/partitioning: source \(scan_0 = n1\)\noutput: hash\(c0\) to fragment 1/);
  });
});

describe('what is wrong with a statement', () => {
  it.each([
    ['SELEC 1', 'SYNTAX_ERROR'],
    ['SELECT * FROM nowhere', 'TABLE_NOT_FOUND'],
    ['SELECT nothing FROM n1', 'COLUMN_NOT_FOUND'],
    ['SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS'],
    ['CREATE TABLE t (a INTEGER)', 'STATEMENT_NOT_SUPPORTED'],
    ["SELECT * FROM read_parquet('/etc/passwd')", 'FILE_NOT_ALLOWED'],
  ])('%s is %s', async (sql, code) => {
    await expect(oracle.plan(sql, TASKS)).rejects.toMatchObject({ code });
  });

  it.each([
    ['read_parquet', "FROM read_parquet('DIR/n1/missing.parquet')", 'DIR/n1/missing.parquet'],
    ['a pattern', "FROM read_csv('DIR/nowhere/*.csv', header = true)", 'DIR/nowhere/*.csv'],
    [
      'a list',
      "FROM read_parquet(['DIR/n1/part-0.parquet', 'DIR/n1/missing.parquet'])",
      'DIR/n1/missing.parquet',
    ],
    ['a file as a table', "FROM 'DIR/n1/missing.parquet'", 'DIR/n1/missing.parquet'],
    ['DESCRIBE', "DESCRIBE FROM n1, 'DIR/n1/missing.parquet'", 'DIR/n1/missing.parquet'],
  ])('a missing file in %s is SOURCE_NOT_FOUND, naming it', async (_how, sql, file) => {
    await expect(oracle.plan(sql.replaceAll('DIR', directory), TASKS)).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      details: { file: file.replace('DIR', directory) },
    });
  });

  it.each([
    ["FROM read_parquet('DIR/cut.parquet')", 'INVALID_INPUT'],
    ["FROM read_parquet('/nowhere/missing.parquet')", 'FILE_NOT_ALLOWED'],
  ])('a file that is there, or out of reach, is not called missing: %s', async (sql, code) => {
    await writeFile(join(directory, 'cut.parquet'), 'PAR1');
    await expect(oracle.plan(sql.replace('DIR', directory), TASKS)).rejects.toMatchObject({ code });
    await rm(join(directory, 'cut.parquet'));
  });
});

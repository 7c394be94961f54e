import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { PlanFragment } from '../../../../services/common/plan/plan-fragment.ts';
import { walkPlan } from '../../../../services/planner/logical/plan-children.ts';
import type { AdmittedStatement, BoundQuery } from '../../../../services/planner/planning/ports.ts';
import { aFragment } from '../../../support/plan-builders.ts';
import { parquetRelation } from '../../../support/parquet-relation.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';
import { differenceOf, readAnswer } from '../../../support/table-answers.ts';
import { WideTables } from '../../../support/wide-tables.ts';

let tables: WideTables;
let planner: PlannerFixture;

beforeAll(async () => {
  tables = await WideTables.open(["SET TimeZone = 'UTC'"]);
  planner = new PlannerFixture([
    { name: '', directory: tables.directory },
    { name: 'other', directory: tables.directory },
  ]);
});

afterAll(async () => {
  await planner[Symbol.asyncDispose]();
  await tables[Symbol.asyncDispose]();
});

async function admit(
  sql: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<AdmittedStatement> {
  return await planner.frontEnd.admit(planningRequest(sql, properties));
}

async function query(
  sql: string,
  properties: Readonly<Record<string, string>> = {},
): Promise<BoundQuery> {
  const admitted = await admit(sql, properties);
  if (admitted.kind !== 'query') throw new Error(admitted.kind);
  return admitted.query;
}

async function refusal(sql: string): Promise<EngineError> {
  try {
    await admit(sql);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error(`admitted: ${sql}`);
}

describe('statements', () => {
  it.each([
    'SELECT a FROM r',
    'VALUES (1), (2)',
    'FROM r',
    'TABLE r',
    'WITH c AS (SELECT 1 AS x) SELECT x FROM c',
    '(SELECT 1) UNION ALL (SELECT 2);',
    '-- a comment\nSELECT 1 /* another */ ;',
    'SELECT * FROM other.r JOIN memory.main.u ON r.b = u.k',
  ])('are admitted: %s', async (sql) => {
    const { plan } = await query(sql);
    expect(plan.kind).toBe('plan');
  });

  it('have columns as the user sees them, duplicates included', async () => {
    const { columns } = await query('SELECT a, a, 1 + 1, s AS a, NULL, st.x FROM r');
    expect(columns).toEqual([
      { name: 'a', type: { id: 'INTEGER' } },
      { name: 'a', type: { id: 'INTEGER' } },
      { name: '(1 + 1)', type: { id: 'INTEGER' } },
      { name: 'a', type: { id: 'VARCHAR' } },
      { name: 'NULL', type: { id: 'INTEGER' } },
      { name: 'x', type: { id: 'BIGINT' } },
    ]);
  });

  it('EXPLAIN binds the query that it explains', async () => {
    const admitted = await admit('  /* why */ explain SELECT a FROM r');
    expect(admitted.kind).toBe('explain');
  });

  it("SHOW TABLES and DESCRIBE answer DuckDB's own columns", async () => {
    expect(await admit('SHOW TABLES')).toEqual({
      kind: 'known',
      statement: 'SHOW',
      rows: {
        columns: [{ name: 'name', type: { id: 'VARCHAR' } }],
        rows: [['none'], ['r'], ['u']],
      },
    });
    expect(await admit('SHOW TABLES FROM other')).toMatchObject({ kind: 'known' });
    const described = await admit('DESCRIBE u');
    const own = await tables.connection.runAndReadAll('DESCRIBE u');
    if (described.kind !== 'known') throw new Error(described.kind);
    expect(described.rows.columns.map(({ name }) => name)).toEqual(own.columnNames());
    expect(described.rows.rows).toEqual(own.getRows());
  });

  it('carry the session’s time zone into binding and running', async () => {
    const sql = "SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00'::VARCHAR AS x";
    const { settings, plan } = await query(sql, { time_zone: 'America/New_York' });
    expect(settings).toEqual({ TimeZone: 'America/New_York' });
    expect(plan).toMatchObject({
      plan: { expressions: [{ value: '2019-12-31 19:00:00-05' }] },
    });
  });

  it('of several sessions at once do not disturb each other', async () => {
    const zones = ['UTC', 'Asia/Tokyo', 'Europe/Berlin'];
    const bound = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const sql = `SELECT ${i} AS n, count(*) FROM r JOIN u ON r.b = u.k WHERE a > ${i}`;
        return await query(sql, { time_zone: zones[i % 3] ?? 'UTC', distribution: 'always' });
      }),
    );
    expect(bound.map(({ columns }) => columns[0]?.name)).toEqual(bound.map(() => 'n'));
  });
});

describe('what is wrong with a statement', () => {
  it.each([
    ['selec 1', 'SYNTAX_ERROR', 0],
    ["SELECT 'é', FROM WHERE", 'SYNTAX_ERROR', 17],
    ['SELECT x FROM r', 'COLUMN_NOT_FOUND', 7],
    ["SELECT 'é', x FROM r", 'COLUMN_NOT_FOUND', 13],
    ['SELECT * FROM nope', 'TABLE_NOT_FOUND', 14],
    ['SELECT * FROM other.nope', 'TABLE_NOT_FOUND', 14],
    ['SELECT nosuch(1)', 'FUNCTION_NOT_FOUND', 7],
    ["SELECT abs('x', 2)", 'FUNCTION_NOT_FOUND', 7],
    ['SELECT a FROM r GROUP BY b', 'BIND_ERROR', 7],
    ['EXPLAIN SELECT x FROM r', 'COLUMN_NOT_FOUND', 15],
    ['explain selec 1', 'SYNTAX_ERROR', 8],
    ['SELECT $1', 'INVALID_PARAMETER', undefined],
    ['SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS', undefined],
    ['SELECT 1; DROP TABLE r', 'MULTIPLE_STATEMENTS', undefined],
    ['EXPLAIN SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS', undefined],
    ['', 'EMPTY_STATEMENT', undefined],
    [' ; -- nothing\n;', 'EMPTY_STATEMENT', undefined],
    ['SELECT 1\0', 'SYNTAX_ERROR', 8],
    [`SELECT '${'x'.repeat(5_000_000)}'`, 'STATEMENT_TOO_LARGE', undefined],
    ['SHOW TABLES FROM nowhere', 'TABLE_NOT_FOUND', undefined],
  ])('is told by code and place: %.60s', async (sql, code, position) => {
    const error = await refusal(sql);
    expect([error.code, error.position]).toEqual([code, position]);
  });

  it.each([
    ['INSERT INTO r VALUES (1)', 'INSERT'],
    ['CREATE TABLE t (x INT)', 'CREATE TABLE'],
    ['CREATE SECRET s (TYPE s3)', 'CREATE SECRET'],
    ['DROP VIEW r', 'DROP VIEW of a table'],
    ["COPY r TO '/tmp/x.csv'", 'COPY'],
    ["ATTACH 'x.db'", 'ATTACH'],
    ["EXPORT DATABASE 'x'", 'EXPORT'],
    ['PRAGMA enable_profiling', 'PRAGMA'],
    ["PRAGMA json_execute_serialized_sql('{}')", 'PRAGMA'],
    ["CALL enable_logging(storage = 'file')", 'CALL'],
    ['CHECKPOINT', 'CHECKPOINT'],
    ["LOAD 'httpfs'", 'LOAD'],
    ['INSTALL httpfs', 'INSTALL'],
    ['BEGIN', 'BEGIN'],
    ['EXPLAIN DELETE FROM r', 'EXPLAIN DELETE'],
  ])('is that its kind is not answered: %s', async (sql, kind) => {
    const error = await refusal(sql);
    expect([error.code, error.details['statement']]).toEqual(['STATEMENT_NOT_SUPPORTED', kind]);
  });

  it('is a time zone that does not exist', async () => {
    await expect(admit('SELECT 1', { time_zone: 'Mars/Olympus' })).rejects.toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
    });
  });
});

describe('the SQL door (reliability A6)', () => {
  it.each([
    ["SELECT * FROM read_csv('/etc/passwd')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM read_text('/etc/passwd')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM read_text('/proc/self/environ')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM read_blob('/etc/passwd')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM glob('/etc/*')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM sniff_csv('/etc/passwd')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT * FROM read_parquet('DIRECTORY/../secret.parquet')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM '/etc/x.parquet'", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM 'http://localhost:1/x.parquet'", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM read_parquet('http://localhost:1/x.parquet')", 'FILE_NOT_ALLOWED'],
    ["SELECT * FROM query('SELECT 1')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT * FROM query_table('r')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT * FROM json_execute_serialized_sql('{}')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT json_serialize_plan('SELECT 1')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT * FROM enable_logging(storage = 'file')", 'FUNCTION_NOT_ALLOWED'],
    ['SELECT * FROM system.main.checkpoint()', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT * FROM duckdb_memory()', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT * FROM duckdb_secrets()', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT * FROM duckdb_logs', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT * FROM duckdb_extensions()', 'FUNCTION_NOT_ALLOWED'],
    ["SELECT getenv('HOME')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT current_setting('memory_limit')", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT nextval('s')", 'FUNCTION_NOT_ALLOWED'],
    ['SELECT setseed(0.5)', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT sleep_ms(60000)', 'FUNCTION_NOT_ALLOWED'],
    ['SELECT pg_sleep(60)', 'FUNCTION_NOT_ALLOWED'],
    ["SELECT write_log('x')", 'FUNCTION_NOT_ALLOWED'],
    ['SELECT __internal_compress_integral_utinyint(1, 0)', 'FUNCTION_NOT_ALLOWED'],
    ["SELECT (SELECT max(current_setting('threads')) FROM r)", 'FUNCTION_NOT_ALLOWED'],
    ["SELECT * FROM r WHERE EXISTS (FROM query('SELECT 1'))", 'FUNCTION_NOT_ALLOWED'],
    ["DESCRIBE SELECT current_setting('threads')", 'FUNCTION_NOT_ALLOWED'],
    ["EXPLAIN SELECT getenv('HOME')", 'FUNCTION_NOT_ALLOWED'],
  ])('refuses %s', async (sql, code) => {
    const error = await refusal(sql.replace('DIRECTORY', tables.directory));
    expect(error.code).toBe(code);
  });

  it('lets files of the catalog be read by name', async () => {
    const { plan } = await query(`FROM read_parquet('${tables.directory}/u.parquet')`);
    expect(plan.kind).toBe('plan');
  });

  it.each([
    `SELECT ${'NOT '.repeat(5_000)} TRUE`,
    `SELECT 1 ${'+ 1 '.repeat(20_000)}`,
    `SELECT ${'['.repeat(3_000)}1${']'.repeat(3_000)}`,
    `SELECT ${'(SELECT '.repeat(500)}1${')'.repeat(500)}`,
  ])('survives what is nested too deep: %.30s', async (sql) => {
    const error = await refusal(sql);
    expect(error.code).not.toBe('INTERNAL_ERROR');
    expect((await query('SELECT 1')).columns).toHaveLength(1);
  });

  it.each([
    `SELECT ${'('.repeat(2_000)}1${')'.repeat(2_000)}`,
    `SELECT 1 ${'UNION ALL SELECT 1 '.repeat(3_000)}`,
    `SELECT CASE a ${'WHEN 1 THEN 2 '.repeat(5_000)} END FROM r`,
  ])('binds what is only long: %.30s', async (sql) => {
    expect((await query(sql)).columns).toHaveLength(1);
  });
});

describe('estimates', () => {
  const sql = 'SELECT r.s, count(*) FROM r JOIN u ON r.b = u.k GROUP BY r.s';
  const estimated = ({ plan }: BoundQuery): number => {
    if (plan.kind !== 'plan') throw new Error(plan.construct);
    return [...walkPlan(plan.plan)].filter((node) => node.estimatedRows !== undefined).length;
  };

  it('are asked for when the query may be distributed', async () => {
    expect(estimated(await query(sql, { distribution: 'always' }))).toBeGreaterThan(0);
    expect(estimated(await query(sql, { distribution_threshold: '1B' }))).toBeGreaterThan(0);
    expect(estimated(await query(sql))).toBe(0);
  });
});

describe('the last rung', () => {
  it.each([
    'WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 9) SELECT i, g FROM t JOIN u ON i = k',
    'WITH u AS (SELECT k + 1 AS k FROM u) SELECT k FROM u WHERE k IN (SELECT b FROM r) ORDER BY k',
    'SELECT r.a, x.k FROM main.r ASOF JOIN other.u x ON r.a >= x.k ORDER BY ALL',
    'SELECT count(*) FROM r r1 POSITIONAL JOIN r r2',
    "SELECT s FROM r WHERE s COLLATE NOCASE = 'V1'",
    'SELECT x.a FROM r, unnest(l) AS x(a) WHERE r.a < 3',
    "SELECT date_part(['year', 'month'], dt) AS p FROM r",
    // Printed as decimals, which add up to something else.
    "SELECT s, 0.1e0 + 0.2e0 AS x, typeof(1e0) AS t FROM r WHERE s COLLATE NOCASE = 'V1'",
    "SELECT x, y IS NOT TRUE AS b FROM (VALUES (1, true), (2e0, NULL)) AS v(x, y), r WHERE s COLLATE NOCASE = 'V1'",
  ])('has the statement as the parser prints it: %s', async (sql) => {
    const bound = await query(sql);
    const whole = await bound.whole();
    if (whole.kind === 'refused') throw new Error(whole.reason);
    const relations = whole.scans.map((scan) => `scan_${scan.scanId} AS ${parquetRelation(scan)}`);
    const ctes = relations.length === 0 ? '' : `WITH ${relations.join(', ')} `;
    const run = `${ctes}SELECT * FROM (${whole.sql})`;
    const plain = sql.replaceAll('main.', '').replaceAll('other.', '');
    const actual = await readAnswer(tables.connection, [`(${run})`]);
    const expected = await readAnswer(tables.connection, [`(${plain})`]);
    expect(differenceOf(actual, expected)).toBeUndefined();
    expect(actual.types).toHaveLength(bound.columns.length);
  });
});

describe('the proof of a fragment', () => {
  const scans: PlanFragment['scans'] = [
    {
      sourceId: 0 as SourceId,
      name: 'scan_0',
      format: 'parquet',
      columns: [
        { name: 'k', type: { id: 'INTEGER' } },
        { name: 'e', type: { id: 'ENUM', values: ["it's", 'b'] } },
      ],
      table: 't',
    },
  ];
  const remoteSources: PlanFragment['remoteSources'] = [
    {
      sourceId: 1 as SourceId,
      name: 'remote_1',
      producers: [],
      delivery: 'gather',
      types: [{ id: 'DECIMAL', width: 38, scale: 5 }],
      estimatedRows: 1,
    },
  ];
  const columns: PlanFragment['columns'] = [
    { name: 'c0', type: { id: 'HUGEINT' } },
    { name: 'c1', type: { id: 'DECIMAL', width: 38, scale: 5 } },
  ];
  const sql = 'WITH m AS (SELECT c0 FROM remote_1) SELECT sum(scan_0.c0), max(m.c0) FROM scan_0, m';

  it('is that its SQL binds to the planned types', async () => {
    const fragment = aFragment(0, { sql, scans, remoteSources, columns });
    expect(await planner.frontEnd.refute(fragment)).toBeUndefined();
  });

  it('fails on another type, another width and SQL that does not bind', async () => {
    const refute = async (change: Partial<PlanFragment>): Promise<string | undefined> => {
      const fragment = aFragment(0, { sql, scans, remoteSources, columns, ...change });
      return (await planner.frontEnd.refute(fragment))?.reason;
    };
    const asBigint = [{ name: 'c0', type: { id: 'BIGINT' } as const }, ...columns.slice(1)];
    expect(await refute({ columns: asBigint })).toBe(
      'column 0 is bound as HUGEINT, planned as BIGINT',
    );
    expect(await refute({ columns: columns.slice(1) })).toBe('2 columns are bound, 1 planned');
    expect(await refute({ remoteSources: [] })).toMatch(/^TABLE_NOT_FOUND: /);
  });
});

describe('files of a table', () => {
  let directory: string;
  let changing: PlannerFixture;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'skein-files-'));
    changing = new PlannerFixture([{ name: '', directory }]);
  });

  afterAll(async () => {
    await changing[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const write = async (file: string, select: string): Promise<void> => {
    await tables.connection.run(`COPY (${select}) TO '${join(directory, file)}' (FORMAT parquet)`);
  };
  const columnsOf = async (sql: string): Promise<readonly string[]> => {
    const admitted = await changing.frontEnd.admit(planningRequest(sql));
    return admitted.kind === 'query' ? admitted.query.columns.map(({ name }) => name) : [];
  };

  it('may appear, change and go while the planner runs', async () => {
    await expect(columnsOf('FROM t')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    await write('t.parquet', 'SELECT 1 AS x');
    expect(await columnsOf('FROM t')).toEqual(['x']);
    await write('t.parquet', "SELECT 'a' AS y, 2 AS z");
    expect(await columnsOf('FROM t')).toEqual(['y', 'z']);
    await rm(join(directory, 't.parquet'));
    await expect(columnsOf('FROM t')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });

  it.each([
    ['empty', async (path: string) => await writeFile(path, '')],
    ['text', async (path: string) => await writeFile(path, 'this is no Parquet file at all')],
    ['truncated', async (path: string) => await truncate(path, 100)],
    [
      'damaged',
      async (path: string) => {
        const bytes = await readFile(path);
        bytes.fill(0xff, bytes.length - 60, bytes.length - 8);
        await writeFile(path, bytes);
      },
    ],
  ])('are named when they are %s', async (name, damage) => {
    const path = join(directory, `${name}.parquet`);
    await write(`${name}.parquet`, 'SELECT range AS x FROM range(1000)');
    await damage(path);
    await expect(columnsOf(`FROM "${name}"`)).rejects.toMatchObject({
      code: 'SOURCE_CORRUPT',
      details: { file: path },
    });
    expect(await columnsOf('SELECT 1 AS one')).toEqual(['one']);
  });
});

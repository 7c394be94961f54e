import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import type { AdmittedStatement } from '../../../../services/planner/planning/ports.ts';
import { PageFixture } from '../../../support/page-fixture.ts';
import { type ParameterValues, parameterValues } from '../../../support/parameter-values.ts';
import { PlannerFixture, planningRequest } from '../../../support/planner-fixture.ts';
import { PlannerOracle } from '../../../support/planner-oracle.ts';
import { columnTypeArbitrary, randomRowsSql } from '../../../support/random-rows.ts';
import { WideTables } from '../../../support/wide-tables.ts';

let tables: WideTables;
let planner: PlannerFixture;
let oracle: PlannerOracle;
let fixture: PageFixture;

beforeAll(async () => {
  tables = await WideTables.open(["SET TimeZone = 'UTC'"]);
  planner = new PlannerFixture([{ name: '', directory: tables.directory }]);
  oracle = await PlannerOracle.open(tables.directory);
  fixture = await PageFixture.open();
  await fixture.run("SET TimeZone = 'UTC'");
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await oracle.close();
  await planner[Symbol.asyncDispose]();
  await tables[Symbol.asyncDispose]();
});

type Expressions = Readonly<Record<string, string>>;

async function admit(sql: string, expressions: Expressions): Promise<AdmittedStatement> {
  const { stream } = await parameterValues(fixture, expressions);
  return await planner.frontEnd.admit({ ...planningRequest(sql), parameters: stream });
}

async function columns(sql: string, expressions: Expressions): Promise<readonly string[]> {
  const admitted = await admit(sql, expressions);
  if (admitted.kind !== 'query') throw new Error(admitted.kind);
  return admitted.query.columns.map(({ name, type }) => `${name} ${type.id}`);
}

async function refusal(sql: string, expressions: Expressions): Promise<EngineError> {
  try {
    await admit(sql, expressions);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error(`admitted: ${sql}`);
}

/** Rows and types are those of DuckDB's own prepared statement with the same values. */
async function expectDuckDBAnswer(sql: string, parameters: ParameterValues): Promise<string> {
  const { difference, plan } = await oracle.compare(sql, { taskCount: 2, parameters });
  expect(difference).toBeUndefined();
  return plan.rung;
}

/** A value alone, in a list, beside other types, and of its type's name. */
const EVERYWHERE =
  'SELECT $1 AS v, [$1, NULL] AS l, {x: $1} AS s, coalesce($1, $1) AS c, typeof($1) AS t, a FROM r WHERE $1 IS NOT NULL AND a < 3';

describe('a value of a parameter', () => {
  it.each([
    ['BOOLEAN', 'true'],
    ['TINYINT', '(-128)::TINYINT'],
    ['SMALLINT', '5::SMALLINT'],
    ['INTEGER', '5::INTEGER'],
    ['INTEGER', '-2147483648'],
    ['BIGINT', '5::BIGINT'],
    ['BIGINT', '-9223372036854775808'],
    ['UTINYINT', '255::UTINYINT'],
    ['USMALLINT', '65535::USMALLINT'],
    ['UINTEGER', '5::UINTEGER'],
    ['UBIGINT', '18446744073709551615'],
    ['HUGEINT', '-170141183460469231731687303715884105728'],
    ['UHUGEINT', '340282366920938463463374607431768211455'],
    ['FLOAT', '0.1::FLOAT'],
    ['DOUBLE', '0.1::DOUBLE'],
    ['DOUBLE', "'nan'::DOUBLE"],
    ['DOUBLE', '-0e0'],
    ['DECIMAL', '-12.50::DECIMAL(4,2)'],
    ['DECIMAL', '0.00000000000000000000000000000000000001::DECIMAL(38,38)'],
    ['VARCHAR', "'it''s'"],
    ['VARCHAR', "E'a\\nb\\\\ \u{1f600}'"],
    ['VARCHAR', "''"],
    ['VARCHAR', "'a' || chr(0) || 'b'"],
    ['BLOB', "'\\x00\\xFFa'::BLOB"],
    ['DATE', "DATE '2024-02-29'"],
    ['DATE', "DATE 'infinity'"],
    ['TIME', "TIME '23:59:59.999999'"],
    ['TIME_NS', "'12:00:00.123456789'::TIME_NS"],
    ['TIME WITH TIME ZONE', "'12:00:00.5-08:30'::TIMETZ"],
    ['TIMESTAMP', "TIMESTAMP '1600-01-01 00:00:00.000001'"],
    ['TIMESTAMP', "TIMESTAMP '-infinity'"],
    ['TIMESTAMP_S', "'2024-01-01 01:02:03'::TIMESTAMP_S"],
    ['TIMESTAMP_MS', "'2024-01-01 01:02:03.004'::TIMESTAMP_MS"],
    ['TIMESTAMP_NS', "'2024-01-01 01:02:03.000000001'::TIMESTAMP_NS"],
    ['TIMESTAMP WITH TIME ZONE', "TIMESTAMPTZ '2024-01-01 00:00:00.5+02'"],
    ['INTERVAL', "INTERVAL '-3 months 2 days 4 microseconds'"],
    ['UUID', "'550e8400-e29b-41d4-a716-446655440000'::UUID"],
    ['LIST', '[1::BIGINT, NULL]'],
    ['LIST', '[]::VARCHAR[]'],
    ['ARRAY', "['a', NULL]::VARCHAR[2]"],
    ['STRUCT', "{'a b': 1, 'c': NULL::DATE, 'd': {'e': 'it''s'}}"],
    ['MAP', "MAP {'k': 1.5, 'l': NULL}"],
  ])('of type %s is what DuckDB binds: %s', async (_, expression) => {
    const parameters = await parameterValues(fixture, { 1: expression });
    await expectDuckDBAnswer(EVERYWHERE, parameters);
  });

  // DuckDB's client cannot bind them; their texts say enough.
  it.each([
    ['JSON', `'{"a": [1, "x"]}'::JSON`],
    ['BIT', "'0010110'::BIT"],
    ['BIGNUM', "'-123456789012345678901234567890123456789012345'::BIGNUM"],
  ])('of type %s comes as it is', async (type, expression) => {
    const parameters = await parameterValues(fixture, {
      1: expression,
      2: `${expression}::VARCHAR`,
    });
    const sql = `SELECT $1::VARCHAR = $2 AS same, typeof($1) = '${type}' AS typed`;
    const plan = await oracle.plan(sql, { taskCount: 1, parameters });
    expect(plan.fragments[0]?.sql).toMatch(/TRUE.*TRUE/s);
  });

  const NOT_SENT = ['VARIANT', 'JSON', 'BIT', 'BIGNUM'] as const;
  const isSent = (type: ColumnType): boolean => {
    switch (type.id) {
      case 'LIST':
      case 'ARRAY':
        return isSent(type.child);
      case 'STRUCT':
        return type.fields.every((field) => isSent(field.type));
      case 'MAP':
        return isSent(type.key) && isSent(type.value);
      default:
        return !['UNION', 'ENUM', 'GEOMETRY'].includes(type.id);
    }
  };

  it('of any type is what DuckDB binds', async () => {
    const sent = columnTypeArbitrary(NOT_SENT).filter(isSent);
    await fc.assert(
      fc.asyncProperty(sent, fc.nat(1000), async (type, seed) => {
        const row = randomRowsSql([type], { rowCount: 8, seed });
        await fixture.run(`CREATE OR REPLACE TEMP TABLE sent AS ${row}`);
        const present = await fixture.texts('SELECT c0 FROM sent WHERE c0 IS NOT NULL LIMIT 1');
        fc.pre(present.length > 0);
        const expression = '(SELECT c0 FROM sent WHERE c0 IS NOT NULL LIMIT 1)';
        await expectDuckDBAnswer(EVERYWHERE, await parameterValues(fixture, { 1: expression }));
      }),
      { numRuns: 30 },
    );
  });
});

describe('parameters', () => {
  it.each<[string, Expressions]>([
    ['SELECT a + ? AS x, ? AS y FROM r', { 1: '5::BIGINT', 2: "'t'" }],
    ['SELECT a, $2 AS y FROM r WHERE a < $1', { 2: '1::TINYINT', 1: '7::BIGINT' }],
    ['SELECT a FROM r WHERE b = $key AND s LIKE $Pattern', { KEY: '3::BIGINT', pattern: "'v%'" }],
    ['SELECT $x + $x AS twice FROM u', { x: '5::INTEGER' }],
    ['SELECT ti + $1 AS sum, coalesce(ti, $1) AS c FROM r', { 1: '5::INTEGER' }],
    ['SELECT ti + $1 AS sum FROM r', { 1: '5::UTINYINT' }],
    ['SELECT small * $1 AS p FROM r', { 1: '1.5::DECIMAL(3,1)' }],
    ['SELECT count(*) AS n FROM r WHERE dt = $1', { 1: "'2020-01-03'" }],
    ['SELECT coalesce(dt, $1) AS d FROM r', { 1: "'2020-01-03'" }],
    ['SELECT count(*) AS n FROM r WHERE dt = $1', { 1: "DATE '2020-01-03'" }],
    ['SELECT s, count(*) AS n FROM r WHERE a IN ($1, $2) GROUP BY s', { 1: '1::BIGINT', 2: '2' }],
    ['SELECT a FROM r ORDER BY a LIMIT $1 OFFSET $2', { 1: '3::BIGINT', 2: '2::BIGINT' }],
    ['SELECT s, sum(a + $1) AS t FROM r GROUP BY s HAVING sum(a) > $1', { 1: '50::BIGINT' }],
    ['SELECT k FROM u WHERE EXISTS (SELECT 1 FROM r WHERE b = k AND a > $1)', { 1: '100::BIGINT' }],
    ['WITH c AS (SELECT a + $1 AS x FROM r) SELECT max(x) AS m FROM c, u WHERE x = k', { 1: '1' }],
    ['SELECT sum(a) OVER (ORDER BY a ROWS $1 PRECEDING) AS w FROM r', { 1: '2::BIGINT' }],
    ['SELECT quantile_cont(f, $1) AS q FROM r', { 1: '0.25::DOUBLE' }],
    ['SELECT f * 0.1e0 + $1 AS x FROM r', { 1: '0.1::DOUBLE' }],
    ['SELECT list_transform(l, lambda e: e + $1) AS x FROM r', { 1: '1::BIGINT' }],
    ['SELECT x + $2 AS y FROM (VALUES ($1), (2)) AS t(x)', { 1: '1::BIGINT', 2: '3::BIGINT' }],
    ['VALUES ($1, true), (NULL, $2)', { 1: "'a'", 2: 'false' }],
    ['SELECT a FROM r WHERE bo IS NOT TRUE AND a < $1 UNION ALL SELECT $1', { 1: '9::BIGINT' }],
    ['SELECT * FROM range($1) AS t(x), u WHERE k = x', { 1: '5::BIGINT' }],
  ])('have their values wherever they stand: %s', async (sql, expressions) => {
    const rung = await expectDuckDBAnswer(sql, await parameterValues(fixture, expressions));
    expect(rung).not.toBe('whole');
  });

  it.each<[string, Expressions]>([
    [
      'WITH RECURSIVE t(i, n) USING KEY (i) AS (SELECT $1, 0 UNION SELECT i, n + 1 FROM t WHERE n < 9.5e0) SELECT t.n, g FROM t JOIN u ON i = k',
      { 1: '1::INTEGER' },
    ],
    [
      'SELECT s, $1 AS p FROM (SELECT * FROM r WHERE s = $2 LIMIT (SELECT 1000))',
      { 1: "DATE '2020-01-01'", 2: "'v1'" },
    ],
    [
      "SELECT count(*) + $1 AS n FROM r r1 POSITIONAL JOIN r r2 WHERE r1.a::BIT <> '1'::BIT",
      { 1: '1::BIGINT' },
    ],
  ])('have them on the last rung too: %s', async (sql, expressions) => {
    const rung = await expectDuckDBAnswer(sql, await parameterValues(fixture, expressions));
    expect(rung).toBe('whole');
  });

  it('that are NULL keep their type', async () => {
    const sql = 'SELECT $1 AS n, $2 AS i, $3 AS l, coalesce($2, ti) AS c, $4 AS s FROM r';
    const expressions = {
      1: 'NULL',
      2: 'NULL::BIGINT',
      3: '[NULL]::DATE[]',
      4: 'NULL::STRUCT(a INTEGER)',
    };
    expect(await columns(sql, expressions)).toEqual([
      'n INTEGER',
      'i BIGINT',
      'l LIST',
      'c BIGINT',
      's STRUCT',
    ]);
  });

  it.each([
    "'; DROP TABLE r; --",
    "') FROM r UNION SELECT * FROM u --",
    '\\',
    "\\' OR 1=1 --",
    '$1',
    '?',
    "E'\\x27'",
    '$$ || (SELECT max(s) FROM r) || $$',
    '/* */ " ` \' \u2019 \u0000 \r\n \u2028',
    'ﬀ\uFEFF\u{10FFFF}',
  ])('are never text of the statement: %j', async (text) => {
    const codes = Array.from(text, (character) => character.codePointAt(0)).join(', ');
    const parameters = await parameterValues(fixture, {
      evil: `list_aggregate(list_transform([${codes}], lambda c: chr(c)), 'string_agg', '')`,
    });
    const sql =
      'SELECT $evil AS v, [$evil] AS l, {x: $evil} AS s, length($evil) AS n, s FROM r WHERE s <> $evil';
    await expectDuckDBAnswer(sql, parameters);
  });

  it("name columns as DuckDB's prepared statements do", async () => {
    const items =
      'SELECT $x, a + $x, $x::smallint, [e + $x FOR e IN l], "$x" FROM r, (SELECT 1 AS "$x")';
    expect(await columns(items, { x: '5::INTEGER' })).toEqual([
      '$x INTEGER',
      '(a + $x) INTEGER',
      'CAST($x AS SMALLINT) SMALLINT',
      'main.list_apply(l, (lambda e: (e + $x))) LIST',
      '$x INTEGER',
    ]);
    expect(await columns('SELECT $d::date', { d: "'2020-01-01'" })).toEqual([
      'CAST($d AS "DATE") DATE',
    ]);
  });

  it('stand in EXPLAIN and DESCRIBE', async () => {
    const explained = await admit('EXPLAIN SELECT a FROM r WHERE a = $1', { 1: '5::BIGINT' });
    expect(explained.kind).toBe('explain');
    const described = await admit('DESCRIBE SELECT a + $1 AS x FROM r', { 1: '5::BIGINT' });
    if (described.kind !== 'known') throw new Error(described.kind);
    expect(described.rows.rows[0]?.slice(0, 2)).toEqual(['x', 'BIGINT']);
  });

  it('of other calls do not stay behind', async () => {
    expect(await columns('SELECT $1', { 1: '5::BIGINT' })).toEqual(['$1 BIGINT']);
    expect(await columns('SELECT $1', { 1: "'x'" })).toEqual(['$1 VARCHAR']);
    await expect(planner.frontEnd.admit(planningRequest('SELECT $1'))).rejects.toMatchObject({
      code: 'INVALID_PARAMETER',
    });
  });
});

describe('what is wrong with parameters', () => {
  it.each<[string, Expressions, string]>([
    ['SELECT $1', { 2: '1' }, 'the statement has no parameter 2'],
    ['SELECT 1', { 1: '1' }, 'the statement has no parameter 1'],
    ['SHOW TABLES', { 1: '1' }, 'the statement has no parameter 1'],
    ['SELECT ?, ?', { 1: '1' }, 'the parameter 2 has no value'],
    ['SELECT ?', { 1: '1', 2: '2', three: '3' }, 'the statement has no parameter 2, three'],
    ['SELECT $b, $a', { a: '1' }, 'the parameter b has no value'],
    ['SELECT $1', { 1: 'union_value(a := 1)' }, 'the parameter 1 cannot be used: the Arrow type'],
    ['SELECT $1', { 1: "'POINT(1 2)'::GEOMETRY" }, 'the Arrow extension geoarrow.wkb'],
    ['SELECT $1', { 1: '1::VARIANT' }, 'the opaque Arrow type variant is not supported'],
    ['SELECT a FROM r ORDER BY $1', { 1: '1' }, 'Parameter not supported in ORDER BY'],
    ['SELECT count(*) FROM r GROUP BY $1', { 1: '1' }, 'Parameter not supported in GROUP BY'],
  ])('is told: %s %j', async (sql, expressions, message) => {
    const error = await refusal(sql, expressions);
    expect(error.code).toBe('INVALID_PARAMETER');
    expect(error.message).toContain(message);
  });

  it.each<[string, string, number | undefined]>([
    ['SELECT nosuch, $1 FROM r', 'COLUMN_NOT_FOUND', 7],
    ["SELECT 'é', $1 FROM nosuch", 'TABLE_NOT_FOUND', 21],
    ['EXPLAIN SELECT $1, nosuch FROM r', 'COLUMN_NOT_FOUND', 19],
    ['SELECT [1] + $1', 'FUNCTION_NOT_FOUND', 11],
    ['SELECT getenv($1)', 'FUNCTION_NOT_ALLOWED', undefined],
    ['SELECT * FROM query($1)', 'FUNCTION_NOT_ALLOWED', undefined],
    ['SELECT * FROM read_text($1)', 'FILE_NOT_ALLOWED', 14],
    ['SELECT * FROM read_parquet($1)', 'FILE_NOT_ALLOWED', 14],
    ['SELECT $1, * FROM', 'SYNTAX_ERROR', 17],
  ])('does not hide what is wrong with the statement: %s', async (sql, code, position) => {
    const error = await refusal(sql, { 1: "'/etc/passwd'" });
    expect([error.code, error.position]).toEqual([code, position]);
  });

  it('is told of bytes that are no Arrow stream', async () => {
    const admitted = planner.frontEnd.admit({
      ...planningRequest('SELECT $1'),
      parameters: Buffer.from('{"1": 5}'),
    });
    await expect(admitted).rejects.toMatchObject({ code: 'INVALID_PARAMETER' });
  });
});

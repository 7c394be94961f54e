import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SessionMacro } from '../../../../services/common/session-state.ts';
import { checkMacro } from '../../../../services/planner/duckdb/session-macro.ts';
import { readJson, type Json } from '../../../../services/planner/import/json-reader.ts';
import { readSessionStatement } from '../../../../services/planner/statement/session-statement.ts';

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
  await duckdb.run('CREATE TABLE t AS SELECT 7 AS k');
});

afterAll(() => {
  duckdb.disconnectSync();
  instance.closeSync();
});

async function parse(sql: string): Promise<Json> {
  const reader = await duckdb.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  return readJson(String(reader.getRows()[0]?.[0]));
}

function macroOf(definition: string): SessionMacro {
  const statement = readSessionStatement(`CREATE TEMP MACRO m${definition}`);
  if (statement.kind !== 'create' || statement.object.kind === 'view') throw new Error('no macro');
  return statement.object;
}

/** The overloads that DuckDB knows after creating the macro of this definition. */
async function overloadsOf(kind: SessionMacro['kind'], definition: string): Promise<unknown> {
  await duckdb.run(`CREATE OR REPLACE TEMP MACRO m${definition}`);
  const reader = await duckdb.runAndReadAll(
    `SELECT parameters, parameter_types, macro_definition FROM duckdb_functions()
      WHERE function_name = 'm' AND function_type = '${kind === 'macro' ? 'macro' : 'table_macro'}'`,
  );
  return reader.getRowsJson();
}

describe('a macro of a session', () => {
  it.each([
    '(a, b := 2) AS a + b',
    '() AS 1 -- one',
    '(a) AS a, (a, "B c") AS a + "B c", (a, b, c) AS [a, b, c] -- all',
    '(a INTEGER, b DECIMAL(10, 2) := 1 + 1, c STRUCT(a INTEGER, b VARCHAR)[] => NULL) AS {n: [a, b], "c": c}',
    "(a, s := ', (x) AS ') AS s || 'it''s' || $$, (b) AS $$ || a /* , (c) AS c */",
    "(a := 'E''', b := E'\\'') AS list_transform([a, b], lambda x: x || ')')",
    '(a) AS (SELECT max(k) FROM t WHERE k > a)',
    '(a, b) AS TABLE SELECT a, (b) AS bb, k FROM t, (VALUES (1)) AS v(x)',
    '(a) AS TABLE (SELECT a, b FROM (SELECT 1 AS b)), (a, b) AS TABLE (WITH x AS (SELECT a, b) FROM x)',
  ])('is what DuckDB reads: %s', async (definition) => {
    const macro = macroOf(definition);
    const checked = await checkMacro(macro, parse);
    const expected = await overloadsOf(macro.kind, definition);
    expect(await overloadsOf(macro.kind, checked.definition)).toEqual(expected);
    const again = await checkMacro({ ...macro, definition: checked.definition }, parse);
    expect(again.names).toEqual(checked.names);
  });

  it('names what its expressions, defaults and queries name', async () => {
    const { names } = await checkMacro(
      macroOf(`(a := lower('A')) AS (SELECT max(k) FROM s.t), (a, b) AS f(a) + b`),
      parse,
    );
    expect(names.tables).toEqual([{ catalog: '', schema: 's', table: 't' }]);
    expect(names.functions.toSorted()).toEqual(['+', 'f', 'lower', 'max']);
    const table = await checkMacro(macroOf(`(p) AS TABLE FROM read_csv(p), range(2)`), parse);
    expect(table.names.tableFunctions).toEqual(['read_csv', 'range']);
    expect(table.names.computedPaths).toEqual(['read_csv']);
  });

  it.each([
    `() AS getenv('HOME')`,
    `() AS "getenv" /* */ ('HOME')`,
    `() AS 1 -- \r + getenv('HOME')`,
    `(a := getenv('HOME')) AS a`,
    `(a) AS a, (a, b) AS getenv(a || b)`,
    `() AS E'\\'' || getenv('HOME') || E'\\''`,
    `() AS TABLE FROM query('SELECT 42')`,
    `() AS TABLE FROM pinned_scan('1')`,
    `() AS (SELECT max(x) FROM main.pinned_scan('1') t(x))`,
    `() AS TABLE (SELECT 1), (a) AS TABLE (FROM query(a))`,
  ])('calls nothing that is denied: %j', async (definition) => {
    const checking = checkMacro(macroOf(definition), parse);
    await expect(checking).rejects.toMatchObject({ code: 'FUNCTION_NOT_ALLOWED' });
  });

  it.each([
    `() AS current_setting\u00a0('allowed_directories')::VARCHAR`,
    `() AS TABLE FROM query\u00a0('SELECT 42')`,
    `(a := 1 /* ' */) AS /* ' */ getenv\u2003('HOME')`,
    `() AS 'a\u3000b'`,
    `() AS 1 x`,
    `() AS DISTINCT 1`,
    `() AS 1 FROM t`,
    `(a INTEGER + 1) AS a`,
    `(a b c) AS a`,
    `() AS TABLE DESCRIBE t`,
    `() AS TABLE SELECT 1; SELECT 2`,
  ])('is refused when it cannot be taken apart: %j', async (definition) => {
    const checking = checkMacro(macroOf(definition), parse);
    await expect(checking).rejects.toMatchObject({
      code: 'STATEMENT_NOT_SUPPORTED',
      message: expect.stringContaining('; write ') as unknown,
    });
  });
});

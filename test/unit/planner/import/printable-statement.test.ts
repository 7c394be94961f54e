import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, readJson } from '../../../../services/planner/import/json-reader.ts';
import { writeJson } from '../../../../services/planner/import/json-writer.ts';
import {
  printable,
  statementShape,
} from '../../../../services/planner/import/printable-statement.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  connection = await instance.connect();
});

afterAll(() => {
  connection.disconnectSync();
  instance.closeSync();
});

async function ask(sql: string, text: string): Promise<string> {
  const reader = await connection.runAndReadAll(sql, [text]);
  return String(reader.getRows()[0]?.[0]);
}

async function parse(sql: string): Promise<Json> {
  return readJson(await ask('SELECT json_serialize_sql($1::VARCHAR)', sql));
}

async function print(document: Json): Promise<string> {
  return await ask('SELECT json_deserialize_sql($1::VARCHAR::JSON)', writeJson(document));
}

describe('a printable statement', () => {
  it.each([
    'SELECT 5e0, -0.1e0, -0e0, 1e300, 1e-7 AS small, 123456789012345678e0',
    'SELECT x IS NOT TRUE, y IS FALSE FROM t WHERE true',
    'SELECT 5, 5.0, 9007199254740993, NULL::DOUBLE, [1e0], {k: 0.5e0}',
    "VALUES (1e0, 'a'), (2, NULL)",
    'SELECT * FROM (VALUES (1)) AS t(x), (VALUES (2)) AS valueslist, (VALUES (3)) u',
    'WITH c AS MATERIALIZED (SELECT 1) SELECT * FROM c LIMIT 10 PERCENT',
    'SELECT list_transform([1], lambda x, i: x + i), [x FOR x IN l IF x > 1e0] FROM t',
    "SELECT E'a\\n''b', x'ab', DATE '2020-01-01', INTERVAL 3 DAY, 'a' COLLATE NOCASE",
    'SELECT sum(DISTINCT a) FILTER (b > 0.5e0) OVER (ORDER BY c ROWS 2 PRECEDING EXCLUDE TIES) FROM t',
    'SELECT a, $1, $2 + 1e0 FROM t QUALIFY row_number() OVER () = 1 USING SAMPLE 10%',
  ])('is printed as itself: %s', async (sql) => {
    const faithful = printable(await parse(sql));
    const printed = await parse(await print(faithful));
    expect(statementShape(printed)).toBe(statementShape(faithful));
  });

  it('has the types that its constants have', async () => {
    const sql = 'SELECT 0.1e0 + 0.2e0, -0e0, true';
    const printed = await print(printable(await parse(sql)));
    const row = async (text: string) => (await connection.runAndReadAll(text)).getRows();
    expect(await row(printed)).toEqual([[0.1 + 0.2, -0, true]]);
    expect(await row(await print(await parse(sql)))).not.toEqual(await row(sql));
  });

  it('keeps names', async () => {
    const printed = await print(
      printable(await parse('SELECT 1e0 AS "one ""or""", a AS b FROM t')),
    );
    expect(printed).toBe(`SELECT CAST('1' AS DOUBLE) AS "one ""or""", a AS b FROM t`);
  });
});

describe('the shape of a statement', () => {
  it.each([
    ['SELECT 1', 'SELECT  /* here */ 1'],
    ['SELECT a FROM t', 'select a from t'],
    ['SELECT ?', 'SELECT $1'],
    ['VALUES (1)', 'SELECT * FROM (VALUES (1)) AS valueslist'],
  ])('is the same for %s and %s', async (one, other) => {
    expect(statementShape(await parse(one))).toBe(statementShape(await parse(other)));
  });

  it.each([
    ['SELECT 1', 'SELECT 2'],
    ['SELECT 1e0', 'SELECT 1.0'],
    ['SELECT a FROM t', 'SELECT a AS a FROM t'],
    ['SELECT a FROM t', 'SELECT a FROM main.t'],
    ['SELECT $1', 'SELECT $2'],
    ['VALUES (1)', 'SELECT * FROM (VALUES (1)) AS t'],
    ["SELECT '1'", 'SELECT 1'],
    ['SELECT a FROM t ORDER BY a', 'SELECT a FROM t ORDER BY a DESC'],
  ])('is another for %s and %s', async (one, other) => {
    expect(statementShape(await parse(one))).not.toBe(statementShape(await parse(other)));
  });
});

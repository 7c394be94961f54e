import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, readJson } from '../../../../services/planner/import/json-reader.ts';
import { writeJson } from '../../../../services/planner/import/json-writer.ts';
import { rewriteStatement } from '../../../../services/planner/import/parsed-statement.ts';

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
});

afterAll(() => {
  duckdb.disconnectSync();
  instance.closeSync();
});

async function scalar(expression: string, parameter: string): Promise<string> {
  const reader = await duckdb.runAndReadAll(`SELECT ${expression}`, [parameter]);
  return String(reader.getRows()[0]?.[0]);
}

const parse = async (sql: string): Promise<Json> =>
  readJson(await scalar('json_serialize_sql($1::VARCHAR)', sql));
const print = async (document: Json): Promise<string> =>
  await scalar('json_deserialize_sql($1::VARCHAR::JSON)', writeJson(document));

async function tablesOf(sql: string): Promise<readonly string[]> {
  const found: string[] = [];
  rewriteStatement(await parse(sql), {
    table: ({ catalog, schema, table }, node) => {
      found.push([catalog, schema, table].filter((part) => part !== '').join('.'));
      return node;
    },
  });
  return found.toSorted();
}

describe('rewriteStatement', () => {
  it.each([
    ['SELECT * FROM a JOIN s.b USING (x), c.s.d', ['a', 'c.s.d', 's.b']],
    ['SELECT (SELECT max(x) FROM a) FROM b WHERE y IN (FROM c)', ['a', 'b', 'c']],
    ['FROM a UNION ALL FROM b EXCEPT FROM c', ['a', 'b', 'c']],
    ['WITH a AS (FROM b) SELECT * FROM A, b', ['b', 'b']],
    ['WITH a AS (FROM a) SELECT * FROM a', ['a']],
    ['WITH a AS (FROM b), b AS (FROM a) SELECT * FROM a, b', ['b']],
    ['WITH RECURSIVE a AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM a) FROM a', []],
    ['WITH RECURSIVE a AS (FROM a UNION ALL SELECT i + 1 FROM a, b) FROM a', ['a', 'b']],
    ['WITH RECURSIVE a AS (WITH b AS (FROM a) FROM b UNION ALL FROM a) FROM a', ['a']],
    ['WITH b AS (FROM c), RECURSIVE_ AS (FROM b) FROM b', ['c']],
    ['WITH a AS (SELECT 1) SELECT * FROM main.a', ['main.a']],
    ['SELECT * FROM (WITH a AS (SELECT 1) FROM a) x, a', ['a']],
    ['SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.x = a.x) l', ['a', 'b']],
    ["SELECT * FROM 'x.parquet', read_csv('y.csv')", ['x.parquet']],
    ['DESCRIBE a', ['a']],
  ])('finds the tables of %s', async (sql, tables) => {
    expect(await tablesOf(sql)).toEqual(tables);
  });

  it('finds every call, also of macros and of functions that are no tables', async () => {
    const calls: string[] = [];
    const tableFunctions: string[] = [];
    const sql = `SELECT Abs(x), sum(y) OVER (ORDER BY lower(z)) FILTER (WHERE len(z) > 1) FROM Range(length('a')) t(x)
      ORDER BY md5(x) LIMIT ceil(2)`;
    rewriteStatement(await parse(sql.replace(' FILTER (WHERE len(z) > 1)', '')), {
      call: (name) => calls.push(name),
      tableFunction: (name) => tableFunctions.push(name),
    });
    expect(calls.toSorted()).toEqual(['abs', 'ceil', 'length', 'lower', 'md5', 'sum']);
    expect(tableFunctions).toEqual(['range']);
  });

  it('finds parameters', async () => {
    const names: string[] = [];
    rewriteStatement(await parse('SELECT $a + $b LIMIT $a'), {
      parameter: (name, node) => {
        names.push(name);
        return node;
      },
    });
    expect(names.toSorted()).toEqual(['a', 'a', 'b']);
  });

  it('copies a statement without changing what it says', async () => {
    const sql = `WITH c AS (SELECT 9007199254740993 AS n, 1.5e300, 'é😀''', -0.1, {'a': [1, NULL]})
      SELECT n FROM c WHERE n > ALL (SELECT 1) ORDER BY n DESC NULLS LAST LIMIT 5`;
    const document = await parse(sql);
    const copy = rewriteStatement(document, {});
    expect(copy).toEqual(document);
    expect(await print(copy)).toBe(
      await scalar('json_deserialize_sql(json_serialize_sql($1::VARCHAR))', sql),
    );
  });
});

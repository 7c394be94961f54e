import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Json, readJson } from '../../../../services/planner/import/json-reader.ts';
import { writeJson } from '../../../../services/planner/import/json-writer.ts';
import {
  literalCalls,
  optionNames,
  replaceCalls,
} from '../../../../services/planner/import/reader-calls.ts';
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

async function scalar(sql: string, value: string): Promise<string> {
  return String((await duckdb.runAndReadAll(sql, [value])).getRows()[0]?.[0]);
}

const parse = async (sql: string): Promise<Json> =>
  readJson(await scalar('SELECT json_serialize_sql($1::VARCHAR)', sql));

const print = async (document: Json): Promise<string> =>
  await scalar('SELECT json_deserialize_sql($1::VARCHAR::JSON)', writeJson(document));

describe('calls of readers', () => {
  it.each([
    [`FROM read_csv('a')`, ['a'], {}],
    [
      `FROM read_csv(['a', 'b'], delim = ';', Header := true)`,
      ['a', 'b'],
      { delim: `';'`, header: 'true' },
    ],
    [
      `FROM read_csv('a', nullstr = ['it''s', ''], skip = 3)`,
      ['a'],
      { nullstr: `['it''s', '']`, skip: '3' },
    ],
    [`SELECT (SELECT max(x) FROM read_json('a')) FROM range(1)`, ['a'], {}],
    [`WITH c AS (FROM 'a/b.csv') FROM c`, ['a/b.csv'], {}],
    [`FROM "a/b".c.csv`, ['a/b.c.csv'], {}],
  ])('of literals are understood: %s', async (sql, paths, options) => {
    const calls = literalCalls(await parse(sql)).filter((call) => call.paths[0]?.startsWith('a'));
    expect(calls.map((call) => [call.paths, Object.fromEntries(call.options)])).toEqual([
      [paths, options],
    ]);
  });

  it.each([
    `FROM read_csv('a' || 'b')`,
    `FROM read_csv('a', delim = chr(59))`,
    `FROM read_csv('a', columns = {'x': 'INTEGER'})`,
    `FROM read_csv('a', sample_size = NULL)`,
    `FROM read_csv('a') WITH ORDINALITY`,
  ])('of more than literals are left alone: %s', async (sql) => {
    expect(literalCalls(await parse(sql))).toEqual([]);
  });

  it('give way to tables of the same name', async () => {
    const document = await parse(
      `SELECT read_csv.x, t.y FROM read_csv('a'), read_csv('b') AS t(y) TABLESAMPLE 5 ROWS`,
    );
    const tables = literalCalls(document).map(
      ({ node }, i) =>
        [
          node,
          { reference: { catalog: 'memory', schema: 'main', table: `p ${i}` }, alias: 'read_csv' },
        ] as const,
    );
    expect(await print(replaceCalls(document, new Map(tables)))).toBe(
      'SELECT read_csv.x, t.y FROM memory.main."p 0" AS read_csv , memory.main."p 1" AS t(y) TABLESAMPLE Reservoir(5 ROWS)',
    );
  });

  it('tell the names of their options', async () => {
    const names: string[] = [];
    rewriteStatement(await parse(`FROM read_csv('a', Store_Rejects = x, "all_varchar" := 1 + 1)`), {
      tableFunction: (_, call) => names.push(...optionNames(call)),
    });
    expect(names).toEqual(['store_rejects', 'all_varchar']);
  });
});

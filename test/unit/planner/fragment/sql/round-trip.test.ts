import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDuckDBError } from '../../../../../services/common/duckdb/duckdb-error.ts';
import { writeSql } from '../../../../../services/planner/fragment/sql/write-plan.ts';
import { decodePlan } from '../../../../../services/planner/import/decode-plan.ts';
import { readJson } from '../../../../../services/planner/import/json-reader.ts';
import { parquetRelation } from '../../../../support/parquet-relation.ts';
import { SAMPLE_DIRECTORY } from '../../../../support/skein-process.ts';
import { differenceOf, readAnswer } from '../../../../support/table-answers.ts';
import { TPCH_QUERIES } from '../../../../support/tpch-queries.ts';
import { PLANNING_SETTINGS, WideTables } from '../../../../support/wide-tables.ts';

const QUERIES = readFileSync(join(import.meta.dirname, 'wide-queries.sql'), 'utf8')
  .split(';\n')
  .filter((query) => query.trim() !== '');

/** The plan of a query, decoded and written again as one statement over the same files. */
async function rewrite(duckdb: DuckDBConnection, sql: string): Promise<string> {
  const statement = 'SELECT json_serialize_plan($1::VARCHAR, optimize := true)';
  const reader = await duckdb.runAndReadAll(statement, [sql]);
  const decoded = decodePlan(readJson(String(reader.getRows()[0]?.[0])));
  if (decoded.kind === 'unsupported') throw new Error(`unsupported: ${decoded.construct}`);
  return writeSql(decoded.plan, {
    scan: parquetRelation,
    systemScan: ({ table }) => `system.${table}`,
    remote: () => {
      throw new Error('an imported plan reads no other fragment');
    },
  });
}

/** `undefined` when both statements answer the same rows and types, or fail in the same way. */
async function difference(duckdb: DuckDBConnection, sql: string): Promise<string | undefined> {
  const written = await rewrite(duckdb, sql);
  const [actual, expected] = [await outcome(duckdb, written), await outcome(duckdb, sql)];
  if ('error' in actual || 'error' in expected) {
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    return is === should ? undefined : `${is}, not ${should}\n${written}`;
  }
  const found = differenceOf(actual, expected);
  return found === undefined ? undefined : `${found}\n${written}`;
}

async function outcome(
  duckdb: DuckDBConnection,
  sql: string,
): Promise<Awaited<ReturnType<typeof readAnswer>> | { readonly error: string }> {
  try {
    return await readAnswer(duckdb, [`(${sql})`]);
  } catch (error) {
    const parsed = parseDuckDBError(error);
    if (parsed === undefined) throw error;
    return { error: parsed.type };
  }
}

describe('a plan that is decoded and written as SQL again', () => {
  let tables: WideTables;

  beforeAll(async () => {
    tables = await WideTables.open(PLANNING_SETTINGS);
  });

  afterAll(async () => {
    await tables[Symbol.asyncDispose]();
  });

  it.each(QUERIES)('answers as DuckDB: %s', async (sql) => {
    expect(await difference(tables.connection, sql)).toBeUndefined();
  });

  it('keeps the order of its rows', async () => {
    const sql = 'SELECT s, a FROM r ORDER BY s DESC NULLS FIRST, a % 7, a LIMIT 50 OFFSET 3';
    const [own, again] = [sql, await rewrite(tables.connection, sql)];
    const rows = (await tables.connection.runAndReadAll(again)).getRowsJson();
    expect(rows).toEqual((await tables.connection.runAndReadAll(own)).getRowsJson());
  });

  it('is one short statement where the query was', async () => {
    const sql =
      "SELECT s, sum(a) FROM r WHERE dt < '2020-02-01' GROUP BY s ORDER BY 2 DESC LIMIT 3";
    const written = await rewrite(tables.connection, sql);
    expect(written.replace(/\(SELECT .*\)\)/, 'scan_0')).toBe(
      [
        'SELECT t0.c1 AS c0, sum(t0.c0) AS c1',
        'FROM scan_0 AS t0',
        "WHERE t0.c2 < DATE '2020-02-01'",
        'GROUP BY t0.c1',
        'ORDER BY sum(t0.c0) DESC NULLS LAST',
        'LIMIT 3',
      ].join('\n'),
    );
  });
});

describe('TPC-H, decoded and written as SQL again', () => {
  let instance: DuckDBInstance;
  let duckdb: DuckDBConnection;

  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    duckdb = await instance.connect();
    for (const setting of PLANNING_SETTINGS) await duckdb.run(setting);
    const tables = 'customer lineitem nation orders part partsupp region supplier'.split(' ');
    for (const table of tables) {
      await duckdb.run(`CREATE VIEW ${table} AS FROM '${SAMPLE_DIRECTORY}/${table}.parquet'`);
    }
  });

  afterAll(() => {
    duckdb.disconnectSync();
    instance.closeSync();
  });

  it.each(TPCH_QUERIES.map(({ name, sql }) => [name, sql]))(
    'answers %s as DuckDB',
    async (_, sql) => {
      expect(await difference(duckdb, sql.replace(/;\s*$/, ''))).toBeUndefined();
    },
  );
});

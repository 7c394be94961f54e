import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJson } from '../../../../services/planner/import/json-reader.ts';
import { isRepeatable } from '../../../../services/planner/import/repeatable-statement.ts';

describe('whether a statement means the same each time', () => {
  let instance: DuckDBInstance;

  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
  });

  afterAll(() => instance.closeSync());

  async function repeatable(sql: string): Promise<boolean> {
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
    const document = readJson(String(reader.getRows()[0]?.[0]));
    connection.closeSync();
    return isRepeatable(document);
  }

  it.each([
    'SELECT 1',
    'SELECT count(*) FROM nation',
    "SELECT a + 1, lower(b), CASE WHEN a > 2 THEN 'x' END FROM t WHERE b LIKE '%y' AND c IN (1, 2)",
    'WITH x AS (SELECT sum(a) AS s FROM t GROUP BY b) SELECT * FROM x JOIN y USING (s) ORDER BY s LIMIT 3',
    'SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM t',
    'SELECT extract(year FROM d), t.current_date FROM t',
  ])('says yes to %s', async (sql) => {
    expect(await repeatable(sql)).toBe(true);
  });

  it.each([
    'SELECT now()',
    'SELECT current_date',
    'SELECT a FROM t WHERE d > CURRENT_TIMESTAMP - INTERVAL 1 DAY',
    'SELECT localtimestamp',
    'SELECT user',
    'SELECT age(d) FROM t',
    'SELECT random()',
    'SELECT * FROM t WHERE a = (SELECT max(today() - d) FROM u)',
    "SELECT * FROM read_parquet('x.parquet')",
    'SELECT * FROM t USING SAMPLE 10%',
    'SELECT * FROM t TABLESAMPLE 10%',
    'SELECT * FROM t WHERE a = $1',
    'SELECT my_macro(a) FROM t',
    'FROM (SHOW ALL TABLES)',
  ])('says no to %s', async (sql) => {
    expect(await repeatable(sql)).toBe(false);
  });
});

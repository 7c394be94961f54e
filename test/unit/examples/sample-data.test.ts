import { DuckDBInstance } from '@duckdb/node-api';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const DIRECTORY = join(import.meta.dirname, '..', '..', '..', 'examples', 'data');

describe('the sample data', () => {
  let instance: DuckDBInstance;
  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
  });
  afterAll(() => instance.closeSync());

  async function numbers(sql: string): Promise<readonly number[]> {
    const connection = await instance.connect();
    const result = await connection.runAndReadAll(sql);
    connection.closeSync();
    return result.getRows().map(([value]) => Number(value));
  }

  it.each([
    ['customer', 1500],
    ['lineitem', 60_175],
    ['nation', 25],
    ['orders', 15_000],
    ['part', 2000],
    ['partsupp', 8000],
    ['region', 5],
    ['supplier', 100],
  ])('has %s with %i rows', async (table, rows) => {
    const file = join(DIRECTORY, `${table}.parquet`);
    expect(await numbers(`SELECT count(*) FROM '${file}'`)).toEqual([rows]);
  });

  it('cuts every table of more than 2,048 rows into several row groups, hence several splits', async () => {
    for (const table of ['lineitem', 'orders', 'partsupp']) {
      const file = join(DIRECTORY, `${table}.parquet`);
      const sizes = await numbers(
        `SELECT DISTINCT ON (row_group_id) row_group_num_rows FROM parquet_metadata('${file}')`,
      );
      expect(sizes.length).toBeGreaterThanOrEqual(4);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(8192);
    }
  });

  it('is small enough for a repository', () => {
    const files = readdirSync(DIRECTORY);
    const bytes = files.map((name) => statSync(join(DIRECTORY, name)).size);
    expect(files).toHaveLength(8);
    expect(bytes.reduce((total, size) => total + size, 0)).toBeLessThan(10 << 20);
  });
});

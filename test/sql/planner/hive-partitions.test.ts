import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlannerOracle } from '../../support/planner-oracle.ts';

const DAYS = 12;

let directory: string;
let oracle: PlannerOracle;

/** Folders day=…/region=…, one file each, and a `day` inside the files that the folders hide. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-hive-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = `SELECT i, DATE '2026-01-01' + CAST(i % ${DAYS} AS INTEGER) AS day,
    CASE i % 3 WHEN 0 THEN 'north' WHEN 1 THEN 'south' END AS region FROM range(360) t(i)`;
  const target = `(FORMAT parquet, PARTITION_BY (day, region))`;
  await connection.run(`COPY (${rows}) TO '${join(directory, 'events')}' ${target}`);
  await connection.run(`COPY (${rows}) TO '${join(directory, 'broken')}' ${target}`);
  await mkdir(join(directory, 'hidden'));
  for (const p of [1, 2]) {
    const folder = join(directory, 'hidden', `p=${p}`);
    await mkdir(folder);
    const inside = `SELECT ${3 - p}::BIGINT AS p, i FROM range(10) t(i)`;
    await connection.run(`COPY (${inside}) TO '${join(folder, 'rows.parquet')}'`);
  }
  connection.disconnectSync();
  instance.closeSync();
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

async function filesRead(sql: string): Promise<number> {
  const { plan, difference } = await oracle.compare(sql, { taskCount: 3 });
  expect(difference, sql).toBeUndefined();
  return plan.scans.flatMap(({ files }) => files).length;
}

describe('Hive-style partitions', () => {
  it.each([
    ["day = DATE '2026-01-05'", 1],
    ["day >= DATE '2026-01-11'", 2],
    ["region = 'north'", 4],
    ['region IS NULL', 4],
    ["region = 'south' AND day < DATE '2026-01-04'", 1],
    ["day IN (DATE '2026-01-01', DATE '2026-01-02')", 2],
    ["day = DATE '2025-01-01'", 0],
    ['i < 0', 0],
    ['true', DAYS],
  ])('leave the files of %s', async (filter, count) => {
    expect(
      await filesRead(`SELECT day, region, count(*) FROM events WHERE ${filter} GROUP BY 1, 2`),
    ).toBe(count);
  });

  it('that a filter leaves out are not even looked at: their files may be broken', async () => {
    const other = join(directory, 'broken', 'day=2026-01-09', 'region=__HIVE_DEFAULT_PARTITION__');
    await writeFile(join(other, 'data_0.parquet'), 'no Parquet');
    const files = `read_parquet('${directory}/broken/**/*.parquet', hive_partitioning = true)`;
    const sql = (day: string): string => `SELECT count(*) FROM ${files} WHERE day = DATE '${day}'`;
    expect(await filesRead(sql('2026-01-02'))).toBe(1);
    await expect(oracle.plan(sql('2026-01-09'), { taskCount: 3 })).rejects.toMatchObject({
      code: 'SOURCE_CORRUPT',
    });
  });

  it('hide a column of the files, whose statistics then say nothing', async () => {
    const sql = 'SELECT p, median(i), count(*) FROM hidden GROUP BY p';
    expect(await filesRead(sql)).toBe(2);
    expect(await filesRead('SELECT i FROM hidden WHERE p = 1')).toBe(1);
  });
});

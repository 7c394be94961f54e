import { execFileSync } from 'node:child_process';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeKeyedTables } from '../../support/keyed-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/write-bucketed-table.mjs', import.meta.url));

let directory: string;
let oracle: PlannerOracle;

function writeBucketed(from: string, table: string, options: Readonly<Record<string, string>>) {
  const source = join(directory, from, '*.parquet');
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  execFileSync(process.execPath, [
    SCRIPT,
    '--from',
    source,
    '--out',
    join(directory, table),
    ...given,
  ]);
}

beforeAll(async () => {
  directory = await writeKeyedTables();
  writeBucketed('unsorted', 'u8', { columns: 'k', buckets: '8', 'order-by': 'v' });
  writeBucketed('unsorted', 'u4', { columns: 'k', buckets: '4' });
  writeBucketed('unsorted', 'u3', { columns: 'k', buckets: '3' });
  writeBucketed('unsorted', 'u_int', { columns: 'k_int', buckets: '4' });
  writeBucketed('nulls', 'n8', { columns: 'k', buckets: '8' });
  writeBucketed('unsorted', 'u_text', { columns: 'k_text,v', buckets: '4' });
  writeBucketed('nulls', 'n_text', { columns: 'k_text,v', buckets: '8' });
  writeBucketed('unsorted', 'wrong', { columns: 'k', buckets: '4' });
  writeBucketed('unsorted', 'by_other', { columns: 'k', buckets: '4' });
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

async function layoutsOf(sql: string, taskCount = 4): Promise<readonly string[]> {
  const properties = { replicated_scans: 'off' };
  const { plan, difference } = await oracle.compare(sql, { taskCount, properties });
  expect(difference).toBeUndefined();
  return plan.fragments.map(({ partitioning }) =>
    partitioning.kind === 'fixed-source' ? partitioning.layout : partitioning.kind,
  );
}

async function changeMetadata(table: string, change: (fields: Record<string, unknown>) => unknown) {
  const file = join(directory, table, '_skein_bucketing.json');
  const fields = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  await writeFile(file, JSON.stringify(change(fields)));
}

describe('bucketed tables', () => {
  it('are joined with their sisters on the key without an exchange', async () => {
    const join = (left: string, right: string): string =>
      `SELECT l.v, r.v FROM ${left} l JOIN ${right} r ON l.k = r.k`;
    expect(await layoutsOf(join('u4', 'u4'))).toEqual(['buckets(k, 4)']);
    expect(await layoutsOf(join('u8', 'n8'))).toEqual(['buckets(k, 4)']);
    expect(await layoutsOf(join('u8', 'n8'), 8)).toEqual(['buckets(k, 8)']);
    expect(await layoutsOf(join('u8', 'n8'), 3)).toEqual(['buckets(k, 3)']);
  });

  it('are joined when one number of buckets divides the other, else not', async () => {
    const full = (right: string): string =>
      `SELECT l.k, r.k, l.v, r.v FROM u8 l FULL JOIN ${right} r ON l.k = r.k`;
    expect(await layoutsOf(full('u4'), 8)).toEqual(['buckets(k, 4)']);
    expect(await layoutsOf(full('u3'))).toEqual(['source', 'source', 'hash']);
  });

  it('are grouped, made distinct and windowed by the key', async () => {
    expect(await layoutsOf('SELECT k, v % 2, median(v) FROM n8 GROUP BY 1, 2')).toHaveLength(1);
    expect(await layoutsOf('SELECT DISTINCT ON (k) k FROM u8')).toHaveLength(1);
    expect(await layoutsOf('SELECT k, sum(v) OVER (PARTITION BY k) FROM u8')).toHaveLength(1);
    const grouped =
      'SELECT l.k, count(*), median(r.v) FROM u8 l LEFT JOIN n8 r ON l.k = r.k GROUP BY 1';
    expect(await layoutsOf(grouped)).toHaveLength(1);
  });

  it('need all columns of the key', async () => {
    const both = 'SELECT l.v FROM u_text l JOIN n_text r ON l.k_text = r.k_text AND l.v = r.v';
    expect(await layoutsOf(both)).toEqual(['buckets(k_text, v, 4)']);
    const one = 'SELECT l.v FROM u_text l JOIN n_text r ON l.k_text = r.k_text';
    expect(await layoutsOf(one)).not.toContain('buckets(k_text, v, 4)');
  });

  it('are exchanged where the key is hashed as another type', async () => {
    const sql = 'SELECT l.v FROM u_int l JOIN u8 r ON l.k_int = r.k';
    expect(await layoutsOf(sql)).toHaveLength(2);
  });

  it('read each bucket in one task, and only buckets that a filter leaves', async () => {
    const { scans } = await oracle.plan('SELECT k, median(v) FROM u8 WHERE k = 7 GROUP BY 1', {
      taskCount: 4,
    });
    const groups = scans.flatMap(({ files }) => files.flatMap(({ rowGroups }) => rowGroups));
    expect(groups.every(({ partitions }) => partitions?.length === 1)).toBe(true);
  });

  it('fail rather than lose rows of other buckets', async () => {
    const file = (bucket: number): string =>
      join(directory, 'wrong', `bucket-0000${bucket}.parquet`);
    await rename(file(0), file(9));
    await rename(file(1), file(0));
    await rename(file(9), file(1));
    const sql = 'SELECT l.v, r.v FROM wrong l JOIN u4 r ON l.k = r.k';
    await expect(oracle.compare(sql, { taskCount: 4 })).rejects.toThrow(
      'a row of another partition',
    );
  });

  it('are plain tables when another DuckDB has hashed them', async () => {
    await changeMetadata('by_other', (fields) => ({ ...fields, hash_fingerprint: '0'.repeat(32) }));
    expect(await layoutsOf('SELECT k, median(v) FROM by_other GROUP BY 1')).toHaveLength(2);
  });
});

describe('a bucketing file that is wrong', () => {
  it.each<[field: string, value: unknown]>([
    ['version', 2],
    ['columns', 'k'],
    ['columns', ['k', 'k']],
    ['types', ['BIGINT', 'BIGINT']],
    ['types', ['VARCHAR']],
    ['bucket_count', 2],
    ['bucket_count', 0],
    ['hash_fingerprint', 'x'],
    ['files', 'bucket.parquet'],
    ['files', 'part-{bucket}.parquet'],
    ['color', 'red'],
  ])('names its field %s', async (field, value) => {
    const file = join(directory, 'u3', '_skein_bucketing.json');
    const before = await readFile(file, 'utf8');
    try {
      await changeMetadata('u3', (fields) => ({ ...fields, [field]: value }));
      await expect(oracle.plan('SELECT k FROM u3', { taskCount: 2 })).rejects.toMatchObject({
        code: 'TABLE_METADATA_INVALID',
        details: { file, field },
      });
    } finally {
      await writeFile(file, before);
    }
  });
});

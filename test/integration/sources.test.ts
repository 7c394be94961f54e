import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { eventually } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const DISTRIBUTIONS = ['always', 'never'] as const;

let directory: string;
let duckdb: PlainDuckDB;
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-sources-'));
  duckdb = await PlainDuckDB.open();
  await makeTables();
  cluster = await startServe({ catalog: directory });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  duckdb[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});
afterEach(async () => {
  for (const distribution of DISTRIBUTIONS) {
    const { rows } = await client.run('SELECT count(*), sum(a) FROM good WHERE a >= 0', {
      distribution,
    });
    expect(rows).toEqual([['10000', '49995000']]);
  }
});

const path = (table: string, file: string): string => join(directory, table, file);

/** Ten thousand rows of a, b and a text c that does not compress away. */
const rowsOf = (b = 'a % 7', from = 0): string =>
  `SELECT a::INTEGER AS a, ${b} AS b, md5(a::VARCHAR) || md5((a * 31)::VARCHAR) AS c
     FROM range(${from}, ${from + 10_000}) r(a)`;

async function write(sql: string, file: string): Promise<void> {
  await duckdb.run(`COPY (${sql}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
}

async function makeTables(): Promise<void> {
  const tables = ['truncated', 'damaged', 'retyped', 'narrowed', 'changing', 'vanishing', 'mixed'];
  for (const table of tables) {
    mkdirSync(join(directory, table));
    await write(rowsOf(), path(table, 'a.parquet'));
    await write(rowsOf(undefined, 10_000), path(table, 'b.parquet'));
  }
  await write(rowsOf(), join(directory, 'good.parquet'));
  truncateSync(path('truncated', 'b.parquet'), 100_000);
  await damage(path('damaged', 'b.parquet'), 'c');
  await write(rowsOf(`'text'`), path('retyped', 'b.parquet'));
  await write(`SELECT a, b FROM (${rowsOf()})`, path('narrowed', 'b.parquet'));
  writeFileSync(join(directory, 'text.parquet'), 'this is no Parquet file at all');
  writeFileSync(join(directory, 'empty.parquet'), '');
  for (const table of ['changing', 'vanishing']) {
    for (let i = 0; i < 20; i += 1) {
      const sql = `SELECT c FROM (${rowsOf()}) LIMIT 1000`;
      await write(sql, path(table, `${i < 10 ? 'c0' : 'c'}${i}.parquet`));
    }
    for (const file of ['a', 'b']) rmSync(path(table, `${file}.parquet`));
  }
}

/** Overwrites the beginning of a column's data, which says how the rest is to be read. */
async function damage(file: string, column: string): Promise<void> {
  const [row] = (
    await duckdb.answer(
      `SELECT coalesce(dictionary_page_offset, data_page_offset) FROM parquet_metadata('${file}')
        WHERE path_in_schema = '${column}'`,
    )
  ).rows;
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(500, 0xff), 0, 500, Number(row?.[0]));
  closeSync(handle);
}

describe.each(DISTRIBUTIONS)('a bad file, distribution=%s', (distribution) => {
  /** The statement fails with this code and names these things. */
  async function expectFailure(
    sql: string,
    code: string,
    details: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { queryId } = await client.submit(sql, { distribution });
    const failure = { code, details: expect.objectContaining(details) as unknown };
    const reading = client.readAll(queryId).then(() => 'all rows');
    await expect(reading).rejects.toMatchObject(failure);
    expect((await client.get(queryId)).error).toMatchObject(failure);
  }

  it('is named when it is not there', async () => {
    const file = join(directory, 'nosuch.parquet');
    const reading = client.run(`SELECT * FROM read_parquet('${file}')`, { distribution });
    await expect(reading).rejects.toMatchObject({
      // DuckDB does not say which it is, when it looks for the files of a pattern.
      code: expect.stringMatching(/^SOURCE_(NOT_FOUND|READ_FAILED)$/) as unknown,
      message: expect.stringContaining(file) as unknown,
    });
  });

  it.each(['text', 'empty'])('is SOURCE_CORRUPT when it is no Parquet file: %s', async (table) => {
    const file = join(directory, `${table}.parquet`);
    await expectFailure(`SELECT * FROM ${table}`, 'SOURCE_CORRUPT', { file });
  });

  it('is SOURCE_CORRUPT when it is cut', async () => {
    const file = path('truncated', 'b.parquet');
    await expectFailure('SELECT sum(a) FROM truncated WHERE a > 1', 'SOURCE_CORRUPT', { file });
  });

  it('is SOURCE_CORRUPT when a column’s data is damaged, and names the column', async () => {
    const details = { file: path('damaged', 'b.parquet'), column: 'c', table: 'damaged' };
    await expectFailure('SELECT max(hash(c)) FROM damaged', 'SOURCE_CORRUPT', details);
    await expectFailure('SELECT * FROM damaged', 'SOURCE_CORRUPT', details);
    await expectFailure('SELECT a FROM damaged ORDER BY c LIMIT 3', 'SOURCE_CORRUPT', details);
    const whole = 'SELECT count(*), sum(a) FROM damaged WHERE b >= 0';
    expect((await client.run(whole, { distribution })).rows).toEqual([['20000', '199990000']]);
  });

  it('is SOURCE_SCHEMA_MISMATCH when a column has another type, and names it', async () => {
    const details = { file: path('retyped', 'b.parquet'), column: 'b' };
    await expectFailure('SELECT sum(b) FROM retyped', 'SOURCE_SCHEMA_MISMATCH', details);
  });

  it('is SOURCE_SCHEMA_MISMATCH when a column is missing that is not asked for by name', async () => {
    const details = { file: path('narrowed', 'b.parquet'), column: 'c' };
    const sql = `SELECT max(c) FROM read_parquet('${path('narrowed', '*')}')`;
    await expectFailure(sql, 'SOURCE_SCHEMA_MISMATCH', details);
    const nulls = 'SELECT count(*) FROM narrowed WHERE c IS NULL';
    expect((await client.run(nulls, { distribution })).rows).toEqual([['10000']]);
  });
});

describe('a file that changes under a query', () => {
  /** Fills all buffers of a query over the table, does `meanwhile`, and reads on. */
  async function readAround(table: string, meanwhile: () => void): Promise<void> {
    const sql = `SELECT repeat(c, 1000) AS c FROM ${table}`;
    const { queryId } = await client.submit(sql, { distribution: 'always' });
    const reading = client.fetch(queryId);
    await reading.next();
    await eventually(async () => {
      const before = (await client.get(queryId)).progress?.outputBytes;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return before === (await client.get(queryId)).progress?.outputBytes ? true : undefined;
    }, 'the query stands still');
    meanwhile();
    for await (const part of reading) expect(part.complete).toBe(false);
  }

  it('is SOURCE_CHANGED', async () => {
    const file = path('changing', 'c19.parquet');
    const rewritten = readAround('changing', () => writeFileSync(file, readFileSync(file)));
    await expect(rewritten).rejects.toMatchObject({
      code: 'SOURCE_CHANGED',
      details: expect.objectContaining({ file, table: 'changing' }) as unknown,
    });
    expect((await client.run('SELECT count(*) FROM changing')).rows).toEqual([['20000']]);
  });

  it('is SOURCE_NOT_FOUND when it goes away', async () => {
    const file = path('vanishing', 'c19.parquet');
    await expect(readAround('vanishing', () => rmSync(file))).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      details: expect.objectContaining({ file, table: 'vanishing' }) as unknown,
    });
    expect((await client.run('SELECT count(*) FROM vanishing')).rows).toEqual([['19000']]);
  });
});

describe('new files', () => {
  it('are seen by the next query', async () => {
    const count = async () => (await client.run('SELECT count(*) FROM mixed')).rows[0]?.[0];
    expect(await count()).toBe('20000');
    await write(rowsOf(undefined, 20_000), path('mixed', 'c.parquet'));
    expect(await count()).toBe('30000');
    await write(rowsOf(), join(directory, 'added.parquet'));
    expect((await client.run('SELECT count(*) FROM added')).rows).toEqual([['10000']]);
  });

  it('are seen by a statement whose plan was kept', async () => {
    const count = async () => (await client.run('SELECT count(*) AS n FROM mixed')).rows[0]?.[0];
    const file = path('mixed', 'd.parquet');
    const before = Number(await count());
    // A plan is kept when what it rests on has not changed for a while.
    const changedAtMs = statSync(join(directory, 'mixed')).ctimeMs;
    await eventually(
      () => (Date.now() - changedAtMs > 3_000 ? true : undefined),
      'that the folder has been as it is for a while',
    );
    for (let i = 0; i < 3; i += 1) expect(await count()).toBe(String(before));
    await write(rowsOf(undefined, 30_000), file);
    expect(await count()).toBe(String(before + 10_000));
    rmSync(file);
    expect(await count()).toBe(String(before));
  });
});

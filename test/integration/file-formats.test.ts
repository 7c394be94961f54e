/** Tables of CSV, JSON and Parquet of several schemas: the answers of plain DuckDB over the same files. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const DISTRIBUTIONS = ['always', 'never'] as const;

let directory: string;
let outside: string;
let duckdb: PlainDuckDB;
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-formats-'));
  outside = mkdtempSync(join(tmpdir(), 'skein-outside-'));
  duckdb = await PlainDuckDB.open(directory);
  makeText();
  await makeParquet();
  cluster = await startServe({ catalog: directory, args: ['--catalog', `second=${outside}`] });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  duckdb[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  for (const path of [directory, outside]) rmSync(path, { recursive: true });
});

const at = (path: string): string => join(directory, path);

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(join(at(path), '..'), { recursive: true });
  writeFileSync(at(path), content);
}

const lines = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => `${line(i)}\n`).join('');

function makeText(): void {
  write('plain.csv', `id,name\n${lines(5000, (i) => `${i},n${i % 7}`)}`);
  write(
    'visits/1.csv',
    `day,id,note\n${lines(99, (i) => `0${1 + (i % 9)}/02/2020,${i},"a, ""b"""`)}`,
  );
  write('visits/2.csv', `note;extra;id\nx;1.5;007\n`);
  write('visits/3.csv.gz', gzipSync('id\tday\n1\t28/02/2020\n'));
  write('visits/4.csv', '');
  write('visits/5.csv', 'id,day,note\n');
  write('parts/k=01/d=2020-01-01/a.csv', 'v\n1\n2\n');
  write('parts/k=x/d=2020-02-01/b.csv', 'v\n3\n');
  write('parts/k=__HIVE_DEFAULT_PARTITION__/d=2020-03-01/c.csv', 'v\n4\n');
  write(
    'events/1.ndjson',
    lines(3000, (i) => `{"id":${i},"at":{"x":${i}.5,"tags":["t${i % 3}"]}}`),
  );
  write('events/2.json', '[{"id":"text","more":[1,2]},{"on":"2020-01-02"}]');
  write('events/3.jsonl', '{"on":"31-12-2020","at":{"y":true}}\n{"on":"01-02-2021"}\n');
  write('unlike/1.csv', 'id,v\n1,10\n2,\n3,30\n');
  write('unlike/2.csv', 'v,id,extra\n1.5,4,"a,b"\n,5,"q""x"\n');
  write('moved/1.csv', 'id,v\n1,10\n');
  write('moved/2.csv', 'v,id\n20,2\n');
  write('numbers.json', '[1,2,3]');
  write('nothing.json', '');
  write('shop/items/a.csv', 'k\n1\n');
  write('shop/prices/a.json', '{"k":1,"p":2.50}\n');
  write('torn/a.csv', 'k\n1\n');
  write('torn/b.json', '{"k":1}\n');
  write(
    'wide.csv',
    lines(2, (row) => Array.from({ length: 200 }, (_, i) => (row === 0 ? `c${i}` : i)).join(',')),
  );
  write('latin.csv', Buffer.from('name\ncaf\xe9\n', 'latin1'));
  write('badcsv/good.csv', 'a,b\n1,x\n');
  write('badcsv/late.csv', `a,b\n${lines(30_000, (i) => `${i},y`)}oops,z\n`);
  write('badwidth.csv', `a,b\n${lines(30_000, (i) => `${i},y`)}1,2,3\n`);
  write('badjson.json', `${lines(40_000, (i) => `{"a":${i}}`)}{"a":\n`);
  writeFileSync(join(outside, 'other.csv'), 'o\n1\n');
  writeFileSync(join(outside, 'secret.csv'), 's\n1\n');
  symlinkSync(join(outside, '..', 'nowhere.csv'), at('dangling.csv'));
}

async function makeParquet(): Promise<void> {
  const copy = async (sql: string, path: string): Promise<void> => {
    mkdirSync(join(at(path), '..'), { recursive: true });
    await duckdb.run(`COPY (${sql}) TO '${at(path)}' (FORMAT parquet)`);
  };
  await copy('SELECT i::INTEGER AS a, i::VARCHAR AS b FROM range(3000) r(i)', 'grown/1.parquet');
  await copy(
    `SELECT 'y' || i AS b, i + 5000000000 AS a, 1.5 AS c FROM range(3000) r(i)`,
    'grown/2.parquet',
  );
  await copy(`SELECT 1 AS a, 'x' AS b`, 'clash/1.parquet');
  await copy(`SELECT 2 AS a, 7 AS b`, 'clash/2.parquet');
}

const csv = (pattern: string): string =>
  `read_csv('${at(pattern)}', union_by_name = true, hive_partitioning = ${pattern.includes('=')})`;
const hive = (): string =>
  `read_csv('${at('parts/*/*/*.csv')}', union_by_name = true, hive_partitioning = true)`;
const json = (pattern: string): string => `read_json('${at(pattern)}', union_by_name = true)`;

/** Our relation, and plain DuckDB's for the same files. */
const RELATIONS: readonly (readonly [string, () => string])[] = [
  ['plain', () => csv('plain.csv')],
  ['visits', () => csv('visits/*')],
  ['parts', hive],
  ['events', () => json('events/*')],
  ['numbers', () => json('numbers.json')],
  ['nothing', () => json('nothing.json')],
  ['wide', () => csv('wide.csv')],
  ['shop.items', () => csv('shop/items/a.csv')],
  ['memory.shop.prices', () => json('shop/prices/a.json')],
  ['second.other', () => `read_csv('${join(outside, 'other.csv')}')`],
  ['grown', () => `read_parquet('${at('grown/*')}', union_by_name = true)`],
];

/** Calls that both sides answer. */
const CALLS: readonly (() => string)[] = [
  () => `read_csv('${at('visits/*')}', union_by_name = true, filename = true)`,
  () => `read_csv('${at('plain.csv')}', all_varchar = true, nullstr = ['n1', 'n2'])`,
  () => `read_csv('${at('plain.csv')}', columns = {'x': 'INTEGER', 'y': 'VARCHAR'}, header = true)`,
  () => `read_csv('${at('parts/*/*/*.csv')}', header := true)`,
  () => `read_json(['${at('events/1.ndjson')}', '${at('events/2.json')}'], filename = 'f')`,
  () => `read_ndjson('${at('events/1.ndjson')}')`,
  () => `'${at('events/*.jsonl')}'`,
  () => `'${at('visits/3.csv.gz')}'`,
  () => `read_parquet('${at('grown/*')}', union_by_name = true, filename = 'origin')`,
  () => `read_csv('${at('unlike/*.csv')}', union_by_name = true)`,
  () => `read_csv('${at('moved/*.csv')}')`,
];

/** Calls that DuckDB refuses, since the files are not like the first one. */
const UNLIKE: readonly (() => string)[] = [
  () => `read_csv('${at('unlike/*.csv')}')`,
  () => `read_csv('${at('unlike/*.csv')}', union_by_name = false)`,
  () => `'${at('unlike/*.csv')}'`,
];

describe.each(DISTRIBUTIONS)('files, distribution=%s', (distribution) => {
  async function expectSame(ours: string, plain: string): Promise<void> {
    const actual = await client.run(ours, { distribution });
    const expected = await duckdb.answer(plain);
    expect(actual.columnNames).toEqual(expected.columns.map(({ name }) => name));
    const sorted = (rows: readonly unknown[]): readonly string[] =>
      rows.map((row) => JSON.stringify(row)).toSorted();
    expect(sorted(actual.rows)).toEqual(sorted(expected.rows));
  }

  it.each(RELATIONS)('of the table %s are read as plain DuckDB does', async (table, plain) => {
    const texts = (relation: string): string => `SELECT COLUMNS(*)::VARCHAR FROM ${relation}`;
    await expectSame(texts(table), texts(plain()));
    await expectSame(`SELECT count(*) FROM ${table}`, `SELECT count(*) FROM ${plain()}`);
    const types = async (sql: string): Promise<unknown> =>
      (await duckdb.answer(sql)).rows.map((row) => row.slice(0, 2));
    const described = (await client.run(`DESCRIBE ${table}`)).rows.map((row) => row.slice(0, 2));
    expect(described).toEqual(await types(`FROM (DESCRIBE FROM ${plain()})`));
  });

  // What a call reads does not depend on where it runs.
  const calls = distribution === 'always' ? CALLS : CALLS.slice(0, 1);
  it.each(calls.map((call, i) => [i, call] as const))('of call %i', async (_, call) => {
    const sql = `SELECT COLUMNS(*)::VARCHAR FROM ${call()}`;
    await expectSame(sql, sql);
  });

  it.each(UNLIKE.map((call, i) => [i, call] as const))(
    'that are unlike are refused: %i',
    async (_, call) => {
      const sql = `SELECT id FROM ${call()}`;
      const refused = /Schema mismatch between globbed files/;
      await expect(duckdb.answer(sql)).rejects.toThrow(refused);
      await expect(client.run(sql, { distribution })).rejects.toThrow(refused);
    },
  );

  it('have row numbers where a call asks for them', async () => {
    const file = `read_parquet('${at('grown/1.parquet')}', file_row_number = true)`;
    for (const sql of [
      `SELECT file_row_number, a FROM ${file}`,
      `SELECT max(file_row_number), count(*) FROM ${file} WHERE file_row_number > 1000`,
    ]) {
      await expectSame(sql, sql);
    }
  });

  it('are left out by the values of their folders', async () => {
    for (const condition of [
      `d = DATE '2020-02-01'`,
      `k = '01'`,
      'k IS NULL',
      `k > 'a' OR v = 4`,
    ]) {
      const of = (relation: string): string => `SELECT v FROM ${relation} WHERE ${condition}`;
      await expectSame(of('parts'), of(hive()));
    }
  });

  const failures: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
    ['SELECT max(a) FROM badcsv', 'SOURCE_CORRUPT', { file: 'badcsv/late.csv', column: 'a' }],
    ['SELECT count(b) FROM badwidth', 'SOURCE_CORRUPT', { file: 'badwidth.csv' }],
    ['SELECT sum(a) FROM badjson', 'SOURCE_CORRUPT', { file: 'badjson.json' }],
    ['FROM latin', 'SOURCE_CORRUPT', { file: 'latin.csv' }],
    ['FROM torn', 'SOURCE_SCHEMA_MISMATCH', { file: 'torn/b.json' }],
    [
      'SELECT max(b) FROM clash',
      'SOURCE_SCHEMA_MISMATCH',
      { file: 'clash/2.parquet', column: 'b' },
    ],
    ['FROM dangling', 'SOURCE_NOT_FOUND', { file: 'dangling.csv' }],
  ];
  it.each(failures)('%s is %s', async (sql, code, { file, ...details }) => {
    const named = { ...details, file: at(String(file)) };
    await expect(client.run(sql, { distribution })).rejects.toMatchObject({
      code,
      details: expect.objectContaining(named) as unknown,
    });
  });

  it('say in which line they are wrong', async () => {
    await expect(client.run('SELECT max(a) FROM badcsv', { distribution })).rejects.toThrow(
      '30002',
    );
    await expect(client.run('SELECT sum(a) FROM badjson', { distribution })).rejects.toThrow(
      'line 4000',
    );
  });

  it('are answered where what is wrong is not read', async () => {
    const { rows } = await client.run('SELECT sum(a) FROM clash', { distribution });
    expect(rows).toEqual([['3']]);
    expect((await client.run('SELECT max(b) FROM badcsv', { distribution })).rows).toEqual([['z']]);
  });
});

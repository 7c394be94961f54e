/** A catalog in an object store, against a local S3 server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { S3Server, whyNoS3 } from '../support/s3-server.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

const ALWAYS = { distribution: 'always' };

describe.skipIf(whyNoS3 !== '')(`an object store${whyNoS3}`, () => {
  let directory: string;
  let duckdb: PlainDuckDB;
  let s3: S3Server;
  let cluster: Cluster;
  let client: SkeinClient;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'skein-s3-'));
    duckdb = await PlainDuckDB.open(directory);
    s3 = await S3Server.start();
    await fill();
    writeFileSync(join(directory, 'secret'), 'top secret\n');
    cluster = await startServe({
      catalog: directory,
      args: ['--catalog', 'lake=s3://data/wh', '--catalog', 'gone=s3://nosuchbucket/x'],
      environment: {
        SKEIN_DUCKDB_EXTENSIONS: s3.extension,
        SKEIN_S3_ENDPOINT: s3.endpoint,
        SKEIN_S3_KEY_ID: 'someone',
        SKEIN_S3_SECRET_FILE: join(directory, 'secret'),
        SKEIN_S3_URL_STYLE: 'path',
        SKEIN_S3_USE_SSL: 'false',
      },
    });
    client = new SkeinClient(cluster.address);
  }, 60_000);
  afterAll(async () => {
    client[Symbol.dispose]();
    duckdb[Symbol.dispose]();
    expect(await cluster.stop()).toBe(0);
    await s3.stop();
    rmSync(directory, { recursive: true });
  });

  async function parquet(name: string, sql: string): Promise<Uint8Array<ArrayBuffer>> {
    const path = join(directory, name);
    await duckdb.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`);
    const content = Uint8Array.from(readFileSync(path));
    rmSync(path);
    return content;
  }

  async function fill(): Promise<void> {
    await s3.put('/data');
    await s3.put('/other');
    const rows = (from: number): string =>
      `SELECT i AS id, i % 7 AS g FROM range(${from}, ${from + 3000}) r(i)`;
    await s3.put('/data/wh/facts/a.parquet', await parquet('a.parquet', rows(0)));
    await s3.put('/data/wh/facts/b.parquet', await parquet('b.parquet', rows(3000)));
    await s3.put('/data/wh/days/d=2020-01-01/a.csv', 'v\n1\n');
    await s3.put('/data/wh/days/d=2020-01-02/b.csv.gz', Uint8Array.from(gzipSync('v\n2\n')));
    await s3.put('/data/wh/shop/notes/a.json', '{"k":1}\n');
    await s3.put('/data/wh/torn.parquet', 'no Parquet');
    await s3.put('/data/secret/x.csv', 's\n1\n');
    await s3.put('/data/wh2/x.csv', 's\n1\n');
    await s3.put('/other/x.csv', 's\n1\n');
    await s3.put('/data/wh/changing.csv', 'a\n1\n');
  }

  const rowsOf = async (sql: string): Promise<readonly (readonly (string | null)[])[]> =>
    (await client.run(sql, ALWAYS)).rows;

  it('has tables like a directory', async () => {
    expect(await rowsOf('SHOW TABLES FROM lake')).toEqual([
      ['changing'],
      ['days'],
      ['facts'],
      ['torn'],
    ]);
    expect(await rowsOf('SELECT count(*), sum(id) FROM lake.facts')).toEqual([
      ['6000', '17997000'],
    ]);
    expect(await rowsOf('SELECT v, d FROM lake.days ORDER BY v')).toEqual([
      ['1', '2020-01-01'],
      ['2', '2020-01-02'],
    ]);
    expect(await rowsOf('SELECT k FROM lake.shop.notes')).toEqual([['1']]);
    expect(
      await rowsOf(
        `SELECT f.g, count(*) FROM lake.facts f JOIN lake.days d ON f.g = d.v GROUP BY 1 ORDER BY 1`,
      ),
    ).toEqual([
      ['1', '857'],
      ['2', '857'],
    ]);
  });

  it('is read by file names inside the prefix', async () => {
    expect(await rowsOf(`SELECT count(*) FROM 's3://data/wh/facts/*.parquet'`)).toEqual([['6000']]);
    expect(await rowsOf(`SELECT sum(v) FROM read_csv('s3://data/wh/days/*/*')`)).toEqual([['3']]);
  });

  it.each([
    's3://data/secret/x.csv',
    's3://data/wh2/x.csv',
    's3://other/x.csv',
    's3://data/wh/../secret/x.csv',
    's3://data/wh/%2e%2e/secret/x.csv',
    's3://data/wh/changing.csv?s3_endpoint=127.0.0.1:1',
    'http://127.0.0.1/x.csv',
    's3a://data/wh/changing.csv',
  ])('shows nobody %s', async (path) => {
    const seen = s3.requests.length;
    for (const sql of [
      `FROM '${path}'`,
      `FROM read_csv('${path}')`,
      `FROM glob('${path}')`,
      `DESCRIBE FROM read_csv('${path}')`,
    ]) {
      await expect(client.run(sql, ALWAYS)).rejects.toMatchObject({ code: 'FILE_NOT_ALLOWED' });
    }
    const later = s3.requests.slice(seen);
    expect(later.filter((request) => /secret|wh2|other/.test(request))).toEqual([]);
  });

  it.each([
    `FROM read_csv('s3://data/wh/' || '../secret/x.csv')`,
    `FROM "s3://data/wh/../secret/x".csv`,
    `FROM "s3://data/wh"."/../secret/x".csv`,
    `CREATE TEMP VIEW v AS FROM read_csv('s3://data/wh/../secret/x.csv')`,
    `CREATE TEMP MACRO m(path) AS TABLE FROM read_csv(path)`,
  ])('takes no names of files that cannot be seen: %s', async (sql) => {
    const seen = s3.requests.length;
    await expect(client.run(sql, ALWAYS)).rejects.toMatchObject({ code: 'FILE_NOT_ALLOWED' });
    expect(s3.requests.slice(seen).filter((request) => request.includes('secret'))).toEqual([]);
  });

  it('names the object that is missing, broken or changed', async () => {
    const failing = async (sql: string, code: string, file: string): Promise<void> => {
      await expect(client.run(sql, ALWAYS)).rejects.toMatchObject({
        code,
        details: expect.objectContaining({ file }) as unknown,
      });
    };
    await failing('FROM lake.torn', 'SOURCE_CORRUPT', 's3://data/wh/torn.parquet');
    await failing(
      `FROM 's3://data/wh/nosuch.parquet'`,
      'SOURCE_NOT_FOUND',
      's3://data/wh/nosuch.parquet',
    );
    await failing('FROM gone.t', 'SOURCE_NOT_FOUND', 's3://nosuchbucket/x');
  });

  it('is read as it is when the query is planned', async () => {
    expect(await rowsOf('FROM lake.changing')).toEqual([['1']]);
    await s3.put('/data/wh/changing.csv', 'a\n22\n');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await rowsOf('FROM lake.changing')).toEqual([['22']]);
  });

  it('tells of refused access and of failing servers', async () => {
    s3.mode = 'forbid';
    await new Promise((resolve) => setTimeout(resolve, 600));
    await expect(rowsOf('SELECT sum(id) FROM lake.facts')).rejects.toMatchObject({
      code: 'SOURCE_ACCESS_DENIED',
    });
    s3.mode = 'fail';
    await new Promise((resolve) => setTimeout(resolve, 600));
    await expect(rowsOf('SELECT sum(id) FROM lake.facts')).rejects.toMatchObject({
      code: 'SOURCE_READ_FAILED',
    });
    s3.mode = 'pass';
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await rowsOf('SELECT sum(id) FROM lake.facts')).toEqual([['17997000']]);
  });
});

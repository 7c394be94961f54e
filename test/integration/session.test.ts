import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QueryState } from '../../proto/gen/skein/v1/query.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { SkeinClient, type TextResult } from '../support/skein-client.ts';
import { SLOW_JOIN } from '../support/slow-statements.ts';
import { type Cluster, runSkein, startServe } from '../support/skein-process.ts';

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({ args: ['--set', 'distribution=always'] });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

/** Statements of one session, in order; the answer of the last. */
class Session {
  bytes: Uint8Array = new Uint8Array();

  async run(...statements: readonly string[]): Promise<TextResult> {
    let result: TextResult | undefined;
    for (const sql of statements) {
      const query = await client.submit(sql, {}, { session: this.bytes });
      result = await client.readText(query.queryId);
      this.bytes = query.session;
    }
    if (result === undefined) throw new Error('there is no statement');
    return result;
  }
}

describe('a session', () => {
  it('is what the client carries, and nothing else', async () => {
    const session = new Session();
    const created = await session.run(
      'CREATE TEMP VIEW europe AS FROM nation WHERE n_regionkey = 3',
    );
    expect(created).toMatchObject({ columnNames: ['Count'], rows: [] });
    await session.run(
      'CREATE TEMP MACRO twice(x) AS 2 * x',
      'PREPARE big AS SELECT twice(count(*)) AS n FROM europe JOIN customer ON c_nationkey = n_nationkey WHERE c_acctbal > ?',
      "SET TimeZone = 'Asia/Tokyo'",
      'SET VARIABLE least = 9000',
    );
    const before = session.bytes;
    expect((await session.run("EXECUTE big(getvariable('least'))")).rows).toEqual(
      (
        await new Session().run(
          'SELECT 2 * count(*) FROM nation JOIN customer ON c_nationkey = n_nationkey WHERE n_regionkey = 3 AND c_acctbal > 9000',
        )
      ).rows,
    );
    const zoned = 'SELECT make_timestamptz(0)::VARCHAR AS t';
    expect((await session.run(zoned)).rows).toEqual([['1970-01-01 09:00:00+09']]);
    await session.run('DROP VIEW europe', 'DEALLOCATE big', 'RESET TimeZone');
    expect((await session.run(zoned)).rows).toEqual([['1970-01-01 00:00:00+00']]);
    await expect(session.run('EXECUTE big(1)')).rejects.toMatchObject({ code: 'BIND_ERROR' });
    // An older session is as good as it was: nobody else remembers it.
    session.bytes = before;
    expect((await session.run('SELECT count(*) FROM europe')).rows).toEqual([['5']]);
    await expect(new Session().run('FROM europe')).rejects.toMatchObject({
      code: 'TABLE_NOT_FOUND',
    });
  });

  it('shows and summarizes, from all workers', async () => {
    const session = new Session();
    await session.run('CREATE TEMP VIEW few AS SELECT n_name, n_regionkey FROM nation');
    expect((await session.run('SHOW TABLES')).rows).toContainEqual(['few']);
    const types = await session.run(
      'SELECT column_name, column_type, "count", null_percentage FROM (SUMMARIZE few)',
    );
    expect(types.rows).toEqual([
      ['n_name', 'VARCHAR', '25', '0.00'],
      ['n_regionkey', 'INTEGER', '25', '0.00'],
    ]);
    const { queryId } = await client.submit('SUMMARIZE lineitem');
    await client.readText(queryId);
    expect((await client.get(queryId)).rung).toBe('distributed');
  });

  it('takes values for its variables that have to be computed', async () => {
    const session = new Session();
    await session.run(
      'CREATE TEMP VIEW europe AS FROM nation WHERE n_regionkey = 3',
      'SET VARIABLE most = (SELECT max(n_name) FROM europe)',
      'SET VARIABLE parts = (SELECT {a: list(r_regionkey ORDER BY 1), b: sum(r_regionkey)} FROM region)',
      'SET VARIABLE none = (SELECT r_name FROM region WHERE false)',
      'SET VARIABLE chance = random()',
      "SET VARIABLE again = getvariable('chance') + (SELECT 1)",
    );
    const sql = `SELECT getvariable('most'), getvariable('parts')::VARCHAR, typeof(getvariable('parts')), getvariable('none'),
      typeof(getvariable('none')), round(getvariable('again') - getvariable('chance'), 9) FROM nation LIMIT 1`;
    const expected = [
      'UNITED KINGDOM',
      "{'a': [0, 1, 2, 3, 4], 'b': 10}",
      'STRUCT(a INTEGER[], b HUGEINT)',
    ];
    expect((await session.run(sql)).rows).toEqual([[...expected, null, 'VARCHAR', '1.0']]);
  });

  it('that a statement has changed is in GetQuery too, and not where none was changed', async () => {
    const changing = await client.submit('SET VARIABLE a = 1');
    expect((await client.get(changing.queryId)).session).toEqual(changing.session);
    const reading = await client.submit('SELECT 1', {}, { session: changing.session });
    expect(reading.session).toEqual(changing.session);
    expect((await client.get(reading.queryId)).session).toHaveLength(0);
  });

  it('keeps what it has when a statement fails', async () => {
    const session = new Session();
    await session.run('SET VARIABLE a = 1');
    const failed = await client.submit('SET nosuch = 1', {}, { session: session.bytes });
    expect(failed.error?.code).toBe('INVALID_SESSION_PROPERTY');
    expect(failed.session).toEqual(session.bytes);
  });

  it.each<[string, string, string]>([
    ["SET TimeZone = 'Mars/Olympus'", 'INVALID_SESSION_PROPERTY', 'Unknown TimeZone'],
    ['SET distribution = sometimes', 'INVALID_SESSION_PROPERTY', 'one of auto, always, never'],
    ['SET threads = 4', 'INVALID_SESSION_PROPERTY', 'distribution, '],
    ['SET VARIABLE x = (SELECT n_name FROM nation)', 'INVALID_INPUT', 'More than one row'],
    ['SET VARIABLE x = (SELECT max(nothing) FROM nation)', 'COLUMN_NOT_FOUND', 'nothing'],
    ['SET VARIABLE x = (SELECT list(o_comment) FROM orders)', 'STATEMENT_NOT_SUPPORTED', 'large'],
    ["SET VARIABLE x = getenv('HOME')", 'FUNCTION_NOT_ALLOWED', 'getenv'],
    ["CREATE TEMP MACRO m() AS getenv('HOME')", 'FUNCTION_NOT_ALLOWED', 'getenv'],
    ["CREATE TEMP MACRO m() AS getenv\u00a0('HOME')", 'STATEMENT_NOT_SUPPORTED', 'chr(160)'],
    ["CREATE TEMP MACRO m() AS TABLE FROM pinned_scan('')", 'FUNCTION_NOT_ALLOWED', 'pinned_scan'],
    ["CREATE TEMP MACRO m() AS TABLE FROM query('SELECT 1')", 'FUNCTION_NOT_ALLOWED', 'query'],
    ["CREATE TEMP VIEW v AS FROM read_csv('/etc/passwd')", 'FILE_NOT_ALLOWED', '/etc/passwd'],
    ['CREATE TEMP VIEW v AS SELECT nosuch FROM nation', 'COLUMN_NOT_FOUND', 'nosuch'],
    ['CREATE TEMP VIEW v AS SELECT ?', 'BIND_ERROR', 'table macro'],
    ['CREATE VIEW v AS SELECT 1', 'STATEMENT_NOT_SUPPORTED', 'CREATE TEMP VIEW'],
    ['PREPARE p AS SELECT nosuch FROM nation', 'COLUMN_NOT_FOUND', 'nosuch'],
    ['EXECUTE nosuch(1)', 'BIND_ERROR', 'nosuch'],
    ['DROP VIEW nation', 'STATEMENT_NOT_SUPPORTED', 'only views of the session'],
    ['DROP VIEW nosuch', 'TABLE_NOT_FOUND', 'nosuch'],
    ['USE nosuch', 'BIND_ERROR', 'nosuch'],
    [`PREPARE p AS SELECT '${'x'.repeat(70_000)}'`, 'SESSION_TOO_LARGE', 'DEALLOCATE'],
  ])('does not take %.60s', async (sql, code, way) => {
    const { queryId } = await client.submit(sql);
    const { error } = await client.untilEnded(queryId);
    expect({ code: error?.code, message: error?.message }).toEqual({
      code,
      message: expect.stringContaining(way) as unknown,
    });
  });

  it('points at the fault of a view and a prepared statement in the text that was sent', async () => {
    for (const sql of [
      "CREATE TEMP VIEW é AS\n SELECT 'ü', nosuch FROM nation",
      'PREPARE p AS SELECT nosuch FROM nation',
    ]) {
      const { error } = await client.submit(sql);
      expect(error?.position).toBe(Buffer.byteLength(sql.slice(0, sql.indexOf('nosuch'))));
    }
  });

  it('goes from statement to statement of skein sql, which shows only rows', async () => {
    const script =
      "SET VARIABLE x = 20; CREATE TEMP VIEW v AS SELECT getvariable('x') + 1 AS n; FROM v; SET distribution = never; FROM v";
    const args = ['sql', '--server', cluster.address, '--format', 'csv'];
    const output = { exitCode: 0, stdout: 'n\n21\nn\n21\n', stderr: '' };
    expect(await runSkein([...args, script])).toMatchObject(output);
    const set = [
      ...args,
      '--set',
      'integer_division=true',
      'SELECT 7 / 2 AS n; SET integer_division = false; SELECT 7 / 2 AS n; RESET integer_division; SELECT 7 / 2 AS n',
    ];
    // It goes back to what the session began with, and may be SET to something else.
    expect((await runSkein(set)).stdout).toBe('n\n3\nn\n3.5\nn\n3\n');
  });
});

describe('a subquery as the LIMIT of a statement', () => {
  it.each([
    'SELECT o_orderkey FROM orders ORDER BY o_orderkey LIMIT (SELECT count(*) FROM nation) OFFSET (SELECT 3)',
    `WITH few AS (FROM nation WHERE n_regionkey = 1) SELECT o_custkey, max(o_totalprice) AS m FROM orders GROUP BY ALL
      ORDER BY ALL LIMIT (SELECT count(*) FROM few)`,
    'SELECT n_name FROM nation ORDER BY 1 LIMIT (SELECT NULL::BIGINT)',
    'SELECT n_name FROM nation ORDER BY 1 LIMIT (SELECT 1.5) OFFSET 1',
    'SELECT n_name FROM nation LIMIT (SELECT 0)',
  ])('is computed first: %s', async (sql) => {
    using duckdb = await PlainDuckDB.open();
    const expected = (await duckdb.connection.runAndReadAll(sql)).getRowsJson();
    const { rows } = await new Session().run(sql);
    expect(rows).toEqual(expected.map((row) => row.map((cell) => cell && String(cell))));
  });

  it('does not keep the statement from being distributed', async () => {
    const { queryId } = await client.submit(
      'SELECT l_orderkey FROM lineitem ORDER BY 1 LIMIT (SELECT 3)',
    );
    await client.readText(queryId);
    expect((await client.get(queryId)).rung).toBe('distributed');
  });
});

describe('a PIVOT without values', () => {
  it.each([
    'PIVOT nation ON n_regionkey USING count(*)',
    'PIVOT orders ON o_orderstatus, year(o_orderdate) USING count(*) AS n, max(o_totalprice) AS m GROUP BY o_orderpriority',
    'WITH c AS (FROM orders WHERE o_orderkey < 500) PIVOT c ON o_orderstatus, year(o_orderdate) IN (1995, 1996) USING sum(o_totalprice)',
    'SELECT a.n_regionkey, b.* FROM (PIVOT nation ON left(n_name, 1) USING count(*) GROUP BY n_regionkey) a JOIN (PIVOT region ON r_name USING max(r_regionkey)) b ON true',
    'PIVOT (SELECT CASE WHEN l_tax < 0.04 THEN l_shipmode END AS mode, l_quantity, l_returnflag FROM lineitem) ON (mode, l_returnflag) USING sum(l_quantity)',
    'PIVOT_WIDER nation ON n_regionkey + 8 USING min(n_name)',
    'PIVOT (FROM nation WHERE n_nationkey < 0) ON n_name USING count(*)',
    'PIVOT (SELECT NULL::VARCHAR AS mode, n_regionkey, n_name FROM nation) ON mode USING min(n_name) GROUP BY n_regionkey',
  ])('finds them, as DuckDB does: %s', async (sql) => {
    using duckdb = await PlainDuckDB.open();
    const expected = await duckdb.connection.runAndReadAll(sql);
    const { columnNames, rows } = await new Session().run(sql);
    expect(columnNames).toEqual(expected.columnNames());
    const texts = expected.getRowsJson().map((row) => row.map((cell) => cell && String(cell)));
    expect(rows.map(String).toSorted()).toEqual(texts.map(String).toSorted());
  });

  it('finds them anew at each EXECUTE', async () => {
    const session = new Session();
    await session.run(
      "PREPARE p AS PIVOT (SELECT n_regionkey FROM nation WHERE n_regionkey < getvariable('end')) ON n_regionkey USING sum(n_regionkey + $1)",
    );
    const first = await session.run('SET VARIABLE "end" = 1', 'EXECUTE p(2)');
    expect(first).toMatchObject({ columnNames: ['0'], rows: [['10']] });
    const second = await session.run('SET VARIABLE "end" = 3', 'EXECUTE p(0)');
    expect(second).toMatchObject({ columnNames: ['0', '1', '2'], rows: [['0', '5', '10']] });
  });

  it.each<[string, string, string]>([
    ['PIVOT nation ON nosuch USING count(*)', 'COLUMN_NOT_FOUND', 'nosuch'],
    [
      'PIVOT (SELECT n_name FROM nation WHERE n_nationkey < 0) ON n_name',
      'BIND_ERROR',
      'SELECT list is empty',
    ],
    ['PIVOT lineitem ON l_comment USING count(*)', 'STATEMENT_NOT_SUPPORTED', 'IN (…)'],
    ['CREATE TEMP VIEW v AS PIVOT nation ON n_name USING count(*)', 'SYNTAX_ERROR', 'IN (val1'],
    [
      'PIVOT (PIVOT nation ON n_regionkey USING count(*)) ON n_name',
      'STATEMENT_NOT_SUPPORTED',
      'IN (…)',
    ],
  ])('is told what is wrong: %s', async (sql, code, way) => {
    const { queryId } = await client.submit(sql);
    await expect(client.readText(queryId)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(way) as unknown,
    });
  });
});

describe('a query', () => {
  it('is cancelled by the id of the request that submitted it', async () => {
    const requestId = 'whose-answer-is-awaited';
    const { queryId } = await client.submit(SLOW_JOIN, {}, { requestId });
    expect((await client.cancelRequest(requestId)).queryId).toBe(queryId);
    expect((await client.get(queryId)).state).toBe(QueryState.QUERY_STATE_FAILED);
    await expect(client.cancelRequest('nobody-sent-this')).rejects.toMatchObject({
      code: 'QUERY_NOT_FOUND',
    });
  });

  it('of a long statement is told of with a part of it', async () => {
    const sql = `SELECT '${'é'.repeat(500_000)}' AS long`;
    const query = await client.submit(sql);
    expect(Buffer.byteLength(query.sql)).toBeLessThanOrEqual(64 * 1024);
    expect(query.sql.endsWith('…')).toBe(true);
    expect(sql.startsWith(query.sql.slice(0, -1))).toBe(true);
    expect((await client.readText(query.queryId)).rows[0]?.[0]).toHaveLength(500_000);
  });
});

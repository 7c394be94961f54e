import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { tableFromIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readArrowAnswers } from '../../bench/tpch/answer.ts';
import { QueryState } from '../../proto/gen/skein/v1/query.ts';
import { PlainDuckDB } from '../support/plain-duckdb.ts';
import { eventually, processorSeconds, roleProcess } from '../support/process-tree.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { SLOW_JOIN } from '../support/slow-statements.ts';
import {
  type Cluster,
  type CommandResult,
  commandResult,
  runSkein,
  spawnSkein,
  startServe,
} from '../support/skein-process.ts';

let directory: string;
let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-command-'));
  cluster = await startServe();
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
  rmSync(directory, { recursive: true });
});

/** `skein sql` on the running cluster. */
function sql(args: readonly string[], input?: string): Promise<CommandResult> {
  return runSkein(['sql', '--server', cluster.address, ...args], input);
}

const fine = (stdout: string) => ({ exitCode: 0, signal: null, stdout, stderr: '' });

describe('skein', () => {
  it.each([
    [['--help'], 'Usage: skein'],
    [['sql', '--help'], '--server <host:port>'],
    [['serve', '--help'], '--workers <n>'],
    [['coordinator', '--help'], '--max-running-queries <value>'],
    [['worker', '--help'], '--worker-memory-limit <value>'],
    [['gateway', '--help'], '--client-disconnect-grace <value>'],
    [['--version'], '0.'],
  ])('%j is help', async (args, text) => {
    const { exitCode, stdout, stderr } = await runSkein(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(text);
  });

  it.each([
    [['dance'], 'unknown command'],
    [['sql', '--nosuch'], 'unknown option'],
    [['sql', '--format', 'yaml', 'SELECT 1'], '--format'],
    [['sql', '--workers', 'many', 'SELECT 1'], '--workers'],
    [['sql', '--set', 'nonsense', 'SELECT 1'], '--set'],
    [['sql', '--set', 'nosuch=1', 'SELECT 1'], 'nosuch'],
    [['sql', '--set', 'distribution=sometimes', 'SELECT 1'], 'distribution'],
    [['sql', '-f', '/nonexistent.sql'], '/nonexistent.sql'],
    [['sql', '-f', '/nonexistent.sql', 'SELECT 1'], 'not both'],
    [['sql', '--server', 'localhost:1', '--catalog', '.', 'SELECT 1'], '--catalog'],
    [['serve', '--set', 'nosuch=1'], 'nosuch'],
    [['worker', '--nosuch-key', '1'], 'nosuch_key'],
    [['gateway', '--worker-port', '1'], 'worker_port'],
    [['coordinator', '--max-running-queries', 'many'], 'max_running_queries'],
    [['worker', '--config', '/nonexistent.yaml'], '/nonexistent.yaml'],
    [['gateway', '--log-level'], '--log-level'],
  ])('%j is wrong usage', async (args, text) => {
    const { exitCode, stderr, stdout } = await runSkein(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toContain(text);
  });

  it('refuses a configuration file with a wrong key or relation', async () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'max_runing_queries: 3\n');
    const { exitCode, stderr } = await runSkein(['coordinator', '--config', file]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('max_runing_queries');
  });
});

describe('skein sql', () => {
  const STATEMENT = `SELECT n_nationkey AS id, n_name AS name FROM nation WHERE n_nationkey < 3 ORDER BY id`;

  it.each<[string, string]>([
    [
      'table',
      `┌────┬───────────┐
│ id │ name      │
├────┼───────────┤
│  0 │ ALGERIA   │
│  1 │ ARGENTINA │
│  2 │ BRAZIL    │
└────┴───────────┘
(3 rows)
`,
    ],
    [
      'vertical',
      `-[ ROW 1 ]-
id   | 0
name | ALGERIA
-[ ROW 2 ]-
id   | 1
name | ARGENTINA
-[ ROW 3 ]-
id   | 2
name | BRAZIL
`,
    ],
    ['csv', 'id,name\n0,ALGERIA\n1,ARGENTINA\n2,BRAZIL\n'],
    [
      'json',
      `[\n{"id":0,"name":"ALGERIA"},\n{"id":1,"name":"ARGENTINA"},\n{"id":2,"name":"BRAZIL"}\n]\n`,
    ],
    ['jsonl', `{"id":0,"name":"ALGERIA"}\n{"id":1,"name":"ARGENTINA"}\n{"id":2,"name":"BRAZIL"}\n`],
    [
      'markdown',
      `| id | name      |
|---:|-----------|
|  0 | ALGERIA   |
|  1 | ARGENTINA |
|  2 | BRAZIL    |
`,
    ],
  ])('writes the format %s', async (format, output) => {
    expect(await sql(['--format', format, STATEMENT])).toEqual(fine(output));
  });

  it('writes one Arrow IPC stream for each statement', async () => {
    const child = spawnSkein(['sql', '--server', cluster.address, '--format', 'arrow']);
    child.stdin?.end(`${STATEMENT};\nSELECT count(*) AS n FROM lineitem;`);
    const chunks: Buffer[] = [];
    for await (const chunk of child.stdout ?? []) chunks.push(chunk as Buffer);
    const stream = Buffer.concat(chunks);
    expect(readArrowAnswers(stream)).toEqual([
      {
        columns: [
          { name: 'id', type: 'INTEGER' },
          { name: 'name', type: 'VARCHAR' },
        ],
        rows: [
          ['0', 'ALGERIA'],
          ['1', 'ARGENTINA'],
          ['2', 'BRAZIL'],
        ],
      },
      { columns: [{ name: 'n', type: 'BIGINT' }], rows: [['60175']] },
    ]);
    expect(tableFromIPC(stream).numRows).toBe(3);
  });

  it('runs scripts from a file, from standard input and from the command line', async () => {
    const script = `-- two statements; not three
      SELECT 'a;b' AS x; /* ; */ SELECT $$c;d$$ AS x`;
    const file = join(directory, 'script.sql');
    writeFileSync(file, script);
    const output = fine('x\na;b\nx\nc;d\n');
    expect(await sql(['--format', 'csv', '-f', file])).toEqual(output);
    expect(await sql(['--format', 'csv', '-'], script)).toEqual(output);
    expect(await sql(['--format', 'csv'], script)).toEqual(output);
    expect(await sql(['--format', 'csv', script])).toEqual(output);
  });

  it('ends a script at its first error, with exit code 1 and the results so far', async () => {
    const script = 'SELECT 1 AS a; SELECT * FROM nosuch; SELECT 2 AS b';
    const { exitCode, stdout, stderr } = await sql(['--format', 'csv', script]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: 'a\n1\n' });
    expect(stderr).toMatch(/^TABLE_NOT_FOUND: /);
  });

  it.each(['', '-- nothing\n;'])('takes %j for wrong usage', async (script) => {
    const { exitCode, stderr } = await sql([script]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('EMPTY_STATEMENT');
  });

  it('points at the fault', async () => {
    const { exitCode, stdout, stderr } = await sql(['SELECT n_name,\n  nosuch\nFROM nation']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^COLUMN_NOT_FOUND: /);
    expect(stderr).toContain('\nLINE 2:   nosuch\n          ^\n');
  });

  it('gives session properties to each statement', async () => {
    // An instant looks the same to SQL and to the reader of the result.
    const statement = `SELECT make_timestamptz(0)::VARCHAR AS t, make_timestamptz(0) AS u`;
    const args = ['--format', 'csv', '--set', 'time_zone=Asia/Tokyo', statement];
    const instant = '1970-01-01 09:00:00+09';
    expect(await sql(args)).toEqual(fine(`t,u\n${instant},${instant}\n`));
    const wrong = await sql(['--set', 'distribution=sometimes', 'SELECT 1']);
    expect(wrong.exitCode).not.toBe(0);
    expect(wrong.stderr).toContain('INVALID_SESSION_PROPERTY: ');
  });

  it('answers EXPLAIN, SHOW TABLES and DESCRIBE', async () => {
    const explained = await sql([
      '--set',
      'distribution=always',
      'EXPLAIN SELECT sum(l_quantity) FROM lineitem',
    ]);
    expect(explained).toMatchObject({ exitCode: 0, stderr: '' });
    expect(explained.stdout).toMatch(/explain_key .* explain_value/);
    expect(explained.stdout).toContain('rung: distributed');
    expect(explained.stdout).toContain('estimated rows: ');
    expect((await sql(['--format', 'csv', 'SHOW TABLES'])).stdout.split('\n')).toContain(
      'lineitem',
    );
    const described = await sql(['--format', 'csv', 'DESCRIBE nation']);
    expect(described.stdout).toContain('n_nationkey,INTEGER,');
  });

  it('streams a long result into a reader that leaves early, and ends', async () => {
    const child = spawnSkein([
      'sql',
      '--server',
      cluster.address,
      '--format',
      'csv',
      'FROM range(50000000)',
    ]);
    const closed = once(child, 'close');
    child.stdout?.once('data', () => child.stdout?.destroy());
    const stderr = await text(child.stderr ?? Readable.from([]));
    expect(await closed).toEqual([0, null]);
    expect(stderr).toBe('');
    const { queries } = await client.list(1);
    const ended = await client.untilEnded(queries[0]?.queryId ?? '');
    expect(ended.error?.code).toBe('QUERY_CANCELLED');
  });

  it('cancels the query at Ctrl-C and says so', async () => {
    const statement = SLOW_JOIN;
    const child = spawnSkein([
      'sql',
      '--server',
      cluster.address,
      '--set',
      'distribution=always',
      statement,
    ]);
    const result = commandResult(child);
    const queryId = await eventually(async () => {
      const { queries } = await client.list(1);
      const [query] = queries;
      const isRunning = query?.sql === statement && query.state === QueryState.QUERY_STATE_RUNNING;
      return isRunning ? query.queryId : undefined;
    }, 'the query runs');
    child.kill('SIGINT');
    const { exitCode, stdout, stderr } = await result;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^QUERY_CANCELLED: /);
    expect((await client.untilEnded(queryId)).error?.code).toBe('QUERY_CANCELLED');
  });

  it('says that there is no server', async () => {
    const { exitCode, stderr } = await runSkein(['sql', '--server', '127.0.0.1:1', 'SELECT 1']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^GATEWAY_UNAVAILABLE: no gateway answers at 127\.0\.0\.1:1 /);
  });
});

describe('skein sql with a cluster of its own', () => {
  it('reads the sample', async () => {
    const statement = 'SELECT count(*) FROM lineitem';
    expect(await runSkein(['sql', '--format', 'csv', statement])).toEqual(
      fine('count_star()\n60175\n'),
    );
  });

  it('reads catalogs: files, folders, other formats and schemas', async () => {
    const [mine, other] = [join(directory, 'mine'), join(directory, 'other')];
    mkdirSync(join(mine, 'parts'), { recursive: true });
    mkdirSync(other);
    using duckdb = await PlainDuckDB.open();
    await duckdb.run(`COPY (SELECT i FROM range(10) r(i)) TO '${mine}/whole.parquet'`);
    for (const part of [1, 2, 3])
      await duckdb.run(`COPY (SELECT ${part} AS part) TO '${mine}/parts/p${part}.parquet'`);
    await duckdb.run(`COPY (SELECT 'x' AS v) TO '${other}/letters.parquet'`);
    const script =
      'SELECT count(*) AS n FROM whole; SELECT sum(part) AS n FROM parts; SELECT v AS n FROM extra.letters';
    const args = [
      'sql',
      '--format',
      'csv',
      '--catalog',
      mine,
      '--catalog',
      `extra=${other}`,
      script,
    ];
    expect(await runSkein(args)).toEqual(fine('n\n10\nn\n6\nn\nx\n'));
  });

  it('says that a catalog is no directory', async () => {
    const { exitCode, stderr } = await runSkein(['sql', '--catalog', '/nonexistent', 'SELECT 1']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('/nonexistent');
  });

  it('cancels at Ctrl-C and takes its processes with it', async () => {
    const child = spawnSkein([
      'sql',
      'SELECT count(*) FROM range(100000000000) r(i) WHERE i % 7 = 8',
    ]);
    const result = commandResult(child);
    const planner = await eventually(() => roleProcess(child.pid, 'planner'), 'it has a planner');
    // It runs when much time of the processor has gone into it.
    await eventually(() => (processorSeconds(child.pid) > 3 ? true : undefined), 'the query runs');
    child.kill('SIGINT');
    const { exitCode, signal, stderr } = await result;
    expect({ exitCode, signal }).toEqual({ exitCode: 1, signal: null });
    expect(stderr).toMatch(/^QUERY_CANCELLED: /);
    expect(existsSync(`/proc/${planner.processId}`)).toBe(false);
  });
});

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startServe } from '../support/skein-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PYTHON = process.env['SKEIN_TEST_PYTHON'] ?? 'python3';
const imports = spawnSync(PYTHON, ['-c', 'import grpc_tools, pyarrow'], { encoding: 'utf8' });
const whyNot =
  imports.status === 0
    ? ''
    : ` (skipped: ${PYTHON} has no grpcio-tools and pyarrow; SKEIN_TEST_PYTHON names another)`;

describe.skipIf(whyNot !== '')(`the Python client${whyNot}`, () => {
  let stubs: string;
  let cluster: Cluster;
  beforeAll(async () => {
    stubs = mkdtempSync(join(tmpdir(), 'skein-python-'));
    const protos = [
      ...['query', 'catalog', 'cluster'].map((name) => `skein/v1/${name}.proto`),
      ...['status', 'error_details'].map((name) => `google/rpc/${name}.proto`),
    ];
    const roots = ['-I', 'proto', '-I', 'proto/third_party'];
    const protoc = ['-m', 'grpc_tools.protoc', ...roots, `--python_out=${stubs}`];
    const made = spawnSync(PYTHON, [...protoc, `--grpc_python_out=${stubs}`, ...protos], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(made.stderr).toBe('');
    cluster = await startServe();
  });
  afterAll(async () => {
    expect(await cluster.stop()).toBe(0);
    rmSync(stubs, { recursive: true });
  });

  /** Runs Python with the stubs and the client on its path. */
  async function python(args: readonly string[]): Promise<{
    readonly exitCode: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }> {
    const child = spawn(PYTHON, args, {
      env: { ...process.env, PYTHONPATH: `${stubs}:${join(ROOT, 'clients', 'python')}` },
    });
    const exitCode = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { exitCode: await exitCode, stdout, stderr };
  }

  const client = (...args: readonly string[]) =>
    python([join(ROOT, 'clients', 'python', 'skein_query.py'), cluster.address, ...args]);

  it('prints the rows of a statement', async () => {
    expect(await client('SELECT 42 AS answer, NULL AS nothing')).toEqual({
      exitCode: 0,
      stdout: "[{'answer': 42, 'nothing': None}]\n",
      stderr: '',
    });
  });

  it('reads what the cluster tells of itself', async () => {
    const sql = "SELECT state, rung FROM system.queries WHERE state = 'RUNNING'";
    expect((await client(sql)).stdout).toBe("[{'state': 'RUNNING', 'rung': 'small'}]\n");
  });

  it('reads every kind of value', async () => {
    const statement = `SELECT 9223372036854775807 AS i, -1.50::DECIMAL(10, 2) AS d, 'é€😀' AS s,
      TIMESTAMP '2020-01-02 03:04:05.678901' AS t, DATE '1970-01-02' AS day, [1, NULL, 3] AS l,
      {'a': 1, 'b': 'x'} AS st, true AS b, 0.5::DOUBLE AS f, '\\x00A'::BLOB AS bl, MAP {'k': 1} AS m`;
    const { stdout, stderr } = await client(statement);
    expect(stderr).toBe('');
    expect(stdout).toBe(
      "[{'i': 9223372036854775807, 'd': Decimal('-1.50'), 's': 'é€😀', " +
        "'t': datetime.datetime(2020, 1, 2, 3, 4, 5, 678901), 'day': datetime.date(1970, 1, 2), " +
        "'l': [1, None, 3], 'st': {'a': 1, 'b': 'x'}, 'b': True, 'f': 0.5, 'bl': b'\\x00A', " +
        "'m': [('k', 1)]}]\n",
    );
  });

  it('reads instants with their time zone', async () => {
    const { stdout } = await client("SELECT TIMESTAMPTZ '2020-01-02 03:04:05+00' AS z");
    expect(stdout).toMatch(
      /^\[{'z': datetime\.datetime\(2020, 1, 2, 3, 4, 5, tzinfo=.*utc.*\)}\]\n$/i,
    );
  });

  it('takes session properties and aggregates in the cluster', async () => {
    const { stdout } = await client(
      'SELECT l_returnflag AS f, count(*) AS n FROM lineitem GROUP BY f ORDER BY f',
      'distribution=always',
    );
    expect(stdout).toBe(
      "[{'f': 'A', 'n': 14876}, {'f': 'N', 'n': 30397}, {'f': 'R', 'n': 14902}]\n",
    );
  });

  it('sends values for parameters, by name and by position', async () => {
    const program = `
import datetime, decimal, sys, uuid
import pyarrow as pa
from skein_query import run
utc = datetime.timezone.utc
values = {"key": 7, "s": "it's; --", "d": decimal.Decimal("-1.50"), "f": 0.1, "no": None, "yes": True,
  "day": datetime.date(2024, 2, 29), "at": datetime.datetime(2024, 1, 1, 12, tzinfo=utc), "b": b"\\x00A",
  "for_": datetime.timedelta(days=1), "time": datetime.time(1, 2, 3), "l": [1, None], "st": {"a": "x"},
  "big": pa.scalar("large", pa.large_string()), "c": pa.scalar("view", pa.string_view())}
items = ", ".join(f"\${name} AS {name}" for name in values if name not in ("key", "for_"))
sql = f"SELECT n_name, {items}, $day + $for_ AS next, typeof($key) AS t FROM nation WHERE n_nationkey = $key"
print(run(sys.argv[1], sql, {"distribution": "always"}, values).to_pylist())
print(run(sys.argv[1], "SELECT count(*) AS n FROM nation WHERE n_nationkey BETWEEN ? AND ?", {}, {"1": 3, "2": 5}).to_pylist())
`;
    const { stdout, stderr } = await python(['-c', program, cluster.address]);
    expect(stderr).toBe('');
    // Zones are shown as they are installed.
    expect(stdout.replace(/tzinfo=.*?UTC.*?\)*, /, 'tzinfo=UTC), ')).toBe(
      '[{' +
        "'n_name': 'GERMANY', 's': \"it's; --\", 'd': Decimal('-1.50'), 'f': 0.1, 'no': None, 'yes': True, " +
        "'day': datetime.date(2024, 2, 29), " +
        "'at': datetime.datetime(2024, 1, 1, 12, 0, tzinfo=UTC), 'b': b'\\x00A', " +
        "'time': datetime.time(1, 2, 3), 'l': [1, None], 'st': {'a': 'x'}, 'big': 'large', 'c': 'view', " +
        "'next': datetime.datetime(2024, 3, 1, 0, 0), 't': 'BIGINT'}]\n[{'n': 3}]\n",
    );
  });

  it('fails with the code of the error', async () => {
    const { exitCode, stdout, stderr } = await client('SELECT nosuch FROM nation');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(/^COLUMN_NOT_FOUND: .*nosuch/);
    const late = await client('SELECT n_name::INTEGER AS i FROM nation', 'distribution=always');
    expect(late.stderr).toMatch(/^CONVERSION_ERROR: /);
  });

  it('resumes a result by token in the middle, with every row exactly once', async () => {
    const program = `
import sys
import grpc, pyarrow as pa
from skein.v1 import query_pb2, query_pb2_grpc
from skein_query import ResultBytes

class Breaking:
    """A stub whose streams break after a few responses, as often as breaks says."""
    def __init__(self, stub, breaks):
        self.stub, self.breaks, self.calls = stub, breaks, 0

    def FetchResults(self, request):
        self.calls += 1
        stream = self.stub.FetchResults(request)
        for i, response in enumerate(stream):
            if self.breaks > 0 and i == 3:
                self.breaks -= 1
                stream.cancel()
                raise Broken()
            yield response

class Broken(grpc.RpcError):
    def code(self):
        return grpc.StatusCode.UNAVAILABLE

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = query_pb2_grpc.QueryServiceStub(channel)
    request = query_pb2.SubmitQueryRequest(sql=sys.argv[2], session_properties={"distribution": "always"})
    breaking = Breaking(stub, 5)
    result = ResultBytes(breaking, stub.SubmitQuery(request).query.query_id)
    table = pa.ipc.open_stream(pa.PythonFile(result, mode="r")).read_all()
    keys = table.column("k").to_pylist()
    print(len(keys), len(set(keys)), breaking.breaks, breaking.calls)
    result.release()
`;
    const statement =
      'SELECT l_orderkey * 10 + l_linenumber AS k, repeat(l_comment, 20) AS c FROM lineitem';
    const { stdout, stderr } = await python(['-c', program, cluster.address, statement]);
    expect({ stdout, stderr }).toEqual({ stdout: '60175 60175 0 6\n', stderr: '' });
  });
});

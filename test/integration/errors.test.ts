import { credentials, Metadata, type ServiceError, status as grpcStatus } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErrorInfo } from '../../proto/gen/google/rpc/error_details.ts';
import { Status } from '../../proto/gen/google/rpc/status.ts';
import { ErrorType, QueryServiceClient, QueryState } from '../../proto/gen/skein/v1/query.ts';
import { SkeinClient } from '../support/skein-client.ts';
import { type Cluster, startServe } from '../support/skein-process.ts';

let cluster: Cluster;
let client: SkeinClient;
beforeAll(async () => {
  cluster = await startServe({ workers: 2 });
  client = new SkeinClient(cluster.address);
});
afterAll(async () => {
  expect((await client.run('SELECT 42')).rows).toEqual([['42']]);
  client[Symbol.dispose]();
  expect(await cluster.stop()).toBe(0);
});

/** The statement fails with this, in the status of FetchResults and in GetQuery. */
async function expectFailure(
  sql: string,
  failure: {
    readonly code: string;
    readonly position?: number | undefined;
    readonly details?: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { queryId } = await client.submit(sql, { distribution: 'always' });
  const expected = {
    code: failure.code,
    ...(failure.position === undefined ? {} : { position: failure.position }),
    details: expect.objectContaining(failure.details ?? {}) as unknown,
  };
  await expect(client.readAll(queryId)).rejects.toMatchObject(expected);
  const { state, error } = await client.get(queryId);
  expect(state).toBe(QueryState.QUERY_STATE_FAILED);
  expect(error).toMatchObject(expected);
}

describe('a wrong statement', () => {
  it.each<[string, string, string?]>([
    ['SELEC 1', 'SYNTAX_ERROR', 'SELEC'],
    ['SELECT 1 FROM nation WHERE', 'SYNTAX_ERROR'],
    ['SELECT * FROM nosuch', 'TABLE_NOT_FOUND', 'nosuch'],
    ['SELECT n_name, nosuch FROM nation', 'COLUMN_NOT_FOUND', 'nosuch'],
    [`SELECT 'é€😀', nosuch FROM nation`, 'COLUMN_NOT_FOUND', 'nosuch'],
    ['SELECT\n\tn_name,\n\tnosuch\nFROM nation', 'COLUMN_NOT_FOUND', 'nosuch'],
    ['SELECT nosuch(n_name) FROM nation', 'FUNCTION_NOT_FOUND', 'nosuch'],
    ["SELECT n_name + DATE '2020-01-01' FROM nation", 'FUNCTION_NOT_FOUND'],
    ['SELECT sum(n_name) FROM nation', 'FUNCTION_NOT_FOUND', 'sum'],
    ['SELECT n_name FROM nation GROUP BY n_regionkey', 'BIND_ERROR', 'n_name'],
    ['SELECT n_name FROM nation a JOIN nation b ON true', 'BIND_ERROR'],
    ['SELECT 1::nosuchtype', 'BIND_ERROR'],
    ['', 'EMPTY_STATEMENT'],
    ['-- nothing\n/* at all */ ;', 'EMPTY_STATEMENT'],
    ['SELECT 1; SELECT 2', 'MULTIPLE_STATEMENTS'],
    ['SELECT $1', 'INVALID_PARAMETER'],
    ['SELECT ?', 'INVALID_PARAMETER'],
  ])('%j is %s', async (sql, code, at) => {
    const position =
      at === undefined ? undefined : Buffer.byteLength(sql.slice(0, sql.indexOf(at)));
    await expectFailure(sql, { code, position });
  });
});

describe('a statement of another kind', () => {
  it.each<[string, string]>([
    ['CREATE TABLE t (i INTEGER)', 'CREATE TABLE'],
    ['CREATE VIEW v AS SELECT 1', 'CREATE VIEW'],
    ['CREATE MACRO m(x) AS x + 1', 'CREATE MACRO'],
    ['CREATE TABLE t AS SELECT * FROM nation', 'CREATE TABLE'],
    ['INSERT INTO nation VALUES (1)', 'INSERT'],
    ['UPDATE nation SET n_name = NULL', 'UPDATE'],
    ['DELETE FROM nation', 'DELETE'],
    [
      'MERGE INTO nation USING region ON n_regionkey = r_regionkey WHEN MATCHED THEN DELETE',
      'MERGE',
    ],
    ['TRUNCATE nation', 'TRUNCATE'],
    ['DROP TABLE nation', 'DROP TABLE'],
    ['ALTER TABLE nation ADD COLUMN x INTEGER', 'ALTER TABLE'],
    ["COMMENT ON TABLE nation IS 'x'", 'COMMENT'],
    ["COPY nation TO '/tmp/x.csv'", 'COPY'],
    ["COPY nation FROM '/tmp/x.csv'", 'COPY'],
    ["EXPORT DATABASE '/tmp/x'", 'EXPORT'],
    ["IMPORT DATABASE '/tmp/x'", 'IMPORT'],
    ["ATTACH '/tmp/x.db'", 'ATTACH'],
    ['DETACH x', 'DETACH'],
    ['INSTALL httpfs', 'INSTALL'],
    ['LOAD httpfs', 'LOAD'],
    ['SET GLOBAL time_zone = 1', 'SET GLOBAL'],
    ['PRAGMA database_size', 'PRAGMA'],
    ['CALL pragma_version()', 'CALL'],
    ['PREPARE p AS INSERT INTO nation VALUES (1)', 'INSERT'],
    ['BEGIN', 'BEGIN'],
    ['COMMIT', 'COMMIT'],
    ['ROLLBACK', 'ROLLBACK'],
    ['VACUUM', 'VACUUM'],
    ['ANALYZE', 'ANALYZE'],
    ['CHECKPOINT', 'CHECKPOINT'],
    ['EXPLAIN (FORMAT html) SELECT 1', 'EXPLAIN (FORMAT HTML)'],
    ['EXPLAIN CREATE TABLE t (i INTEGER)', 'EXPLAIN CREATE TABLE'],
  ])('%s is refused by its name', async (sql, statement) => {
    await expectFailure(sql, { code: 'STATEMENT_NOT_SUPPORTED', details: { statement } });
  });
});

describe('a statement that reaches beyond the catalog', () => {
  it.each<[string, string]>([
    [`SELECT getenv('HOME')`, 'FUNCTION_NOT_ALLOWED'],
    [`SELECT current_setting('memory_limit')`, 'FUNCTION_NOT_ALLOWED'],
    [`FROM duckdb_memory()`, 'FUNCTION_NOT_ALLOWED'],
    [`FROM query('SELECT 1')`, 'FUNCTION_NOT_ALLOWED'],
    [`FROM read_csv('/etc/passwd')`, 'FILE_NOT_ALLOWED'],
    [`FROM read_text('/etc/hostname')`, 'FILE_NOT_ALLOWED'],
    [`FROM '/etc/passwd.csv'`, 'FILE_NOT_ALLOWED'],
    [`FROM glob('/etc/*')`, 'FILE_NOT_ALLOWED'],
  ])('%s is %s', async (sql, code) => {
    await expectFailure(sql, { code });
  });
});

describe('a wrong request', () => {
  it('names the session property that does not exist', async () => {
    await expect(client.submit('SELECT 1', { nosuch: '1' })).rejects.toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
      details: { property: 'nosuch' },
    });
  });

  it.each([
    ['distribution', 'sometimes'],
    ['distribution_threshold', '64 elephants'],
    ['query_max_run_time', 'soon'],
    ['task_concurrency', '-1'],
    ['hash_partition_count', '1.5'],
    ['split_placement', 'anywhere'],
    ['locality_wait', '3'],
    ['required_labels', 'two words'],
    ['scheduling', 'fault-tolerant'],
  ])('names the session property %s, which cannot be %s', async (property, value) => {
    await expect(client.submit('SELECT 1', { [property]: value })).rejects.toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
      details: { property },
    });
  });

  it('names the labels that no worker has', async () => {
    const { queryId } = await client.submit('SELECT 1', { required_labels: 'gpu,ssd' });
    await expect(client.readAll(queryId)).rejects.toMatchObject({
      code: 'NO_NODES_AVAILABLE',
      message: expect.stringContaining('gpu, ssd'),
    });
  });

  it('fails a time zone that does not exist', async () => {
    const { queryId } = await client.submit('SELECT 1', { time_zone: 'Mars/Olympus' });
    await expect(client.readAll(queryId)).rejects.toMatchObject({
      code: 'INVALID_SESSION_PROPERTY',
    });
  });

  it('refuses a session that this cluster has not made', async () => {
    const { session } = await client.submit('SELECT 1');
    expect(session.length).toBeGreaterThan(0);
    await client.submit('SELECT 1', {}, { session });
    const forged = Uint8Array.from(session);
    forged[forged.length - 1] = (forged[forged.length - 1] ?? 0) ^ 1;
    for (const bytes of [forged, Uint8Array.of(1, 2, 3), session.subarray(0, 40)]) {
      await expect(client.submit('SELECT 1', {}, { session: bytes })).rejects.toMatchObject({
        code: 'INVALID_SESSION',
      });
    }
  });

  it('refuses tokens that are not of the query', async () => {
    const first = await client.submit('SELECT 1');
    const second = await client.submit('SELECT 2');
    const { token } = await client.readAll(first.queryId);
    for (const bytes of [Uint8Array.of(7), Buffer.from('nonsense'), token]) {
      await expect(client.readAll(second.queryId, bytes)).rejects.toMatchObject({
        code: 'RESULT_TOKEN_INVALID',
      });
    }
    expect((await client.readAll(second.queryId)).arrowIpc.length).toBeGreaterThan(0);
  });

  it.each(['', 'nonsense', '20200101_000000_00001_aaaaa', `x${'y'.repeat(5000)}`])(
    'has no query %j',
    async (queryId) => {
      const failure = { code: 'QUERY_NOT_FOUND' };
      await expect(client.get(queryId)).rejects.toMatchObject(failure);
      await expect(client.cancel(queryId)).rejects.toMatchObject(failure);
      await expect(client.readAll(queryId)).rejects.toMatchObject(failure);
      await expect(client.watch(queryId).next()).rejects.toMatchObject(failure);
    },
  );

  it('refuses what is too large', async () => {
    const requestId = 'x'.repeat(129);
    await expect(client.submit('SELECT 1', {}, { requestId })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    const huge = `SELECT '${'x'.repeat(5 * 1024 * 1024)}'`;
    await expect(client.submit(huge)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
    const large = `SELECT length('${'x'.repeat(1024 * 1024)}')`;
    expect((await client.run(large)).rows).toEqual([['1048576']]);
  });

  it('has no table of that name', async () => {
    await expect(client.table('nosuch')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});

describe('the status of a failed call', () => {
  const raw = (): QueryServiceClient =>
    new QueryServiceClient(cluster.address, credentials.createInsecure());

  async function failureOf(
    call: (client: QueryServiceClient, done: (error: ServiceError | null) => void) => void,
  ): Promise<ServiceError> {
    const service = raw();
    try {
      return await new Promise((resolve, reject) => {
        call(service, (error) =>
          error === null ? reject(new Error('no failure')) : resolve(error),
        );
      });
    } finally {
      service.close();
    }
  }

  function errorInfoOf(error: ServiceError): ErrorInfo {
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    const { code, message, details } = Status.decode(bytes as Buffer);
    expect({ code, message }).toEqual({ code: error.code, message: error.details });
    const info = details.find(({ typeUrl }) => typeUrl.endsWith('/google.rpc.ErrorInfo'));
    return ErrorInfo.decode(info?.value ?? new Uint8Array());
  }

  it('carries code, position and names in ErrorInfo', async () => {
    const { queryId } = await client.submit('SELECT nosuch FROM nation');
    const error = await failureOf((service, done) => {
      service
        .fetchResults({ queryId, token: new Uint8Array() })
        .on('data', () => undefined)
        .on('error', done);
    });
    expect(error.code).toBe(grpcStatus.INVALID_ARGUMENT);
    expect(errorInfoOf(error)).toMatchObject({
      reason: 'COLUMN_NOT_FOUND',
      domain: 'skein',
      metadata: { position: '7', query_id: queryId },
    });
    expect((await client.get(queryId)).error).toMatchObject({
      type: ErrorType.ERROR_TYPE_USER,
      retryable: false,
    });
  });

  it('says who may not call', async () => {
    const metadata = new Metadata();
    metadata.set('x-skein-principal', 'not a name');
    const error = await failureOf((service, done) => {
      service.getQuery({ queryId: 'x' }, metadata, done);
    });
    expect(error.code).toBe(grpcStatus.UNAUTHENTICATED);
    expect(errorInfoOf(error).reason).toBe('UNAUTHENTICATED');
  });

  it('hides one principal’s queries from another', async () => {
    const { queryId } = await client.submit('SELECT 1');
    const metadata = new Metadata();
    metadata.set('x-skein-principal', 'somebody');
    const error = await failureOf((service, done) => {
      service.getQuery({ queryId }, metadata, done);
    });
    expect(error.code).toBe(grpcStatus.NOT_FOUND);
    expect(errorInfoOf(error)).toMatchObject({
      reason: 'QUERY_NOT_FOUND',
      metadata: { query_id: queryId },
    });
  });
});

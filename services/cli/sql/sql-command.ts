/** `skein sql`: where statements come from, where they run, and how their results leave. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { EngineError } from '../../common/error.ts';
import { parseSessionProperties, propertyNamed } from '../../common/session-properties.ts';
import { systemClock } from '../../common/system-clock.ts';
import { type FormatName } from '../format/result-format.ts';
import { textFormat } from '../format/text-formats.ts';
import type { ClientTlsFiles } from '../../common/config/tls-files.ts';
import type { SqlFlags } from '../main.ts';
import { connectQueryClient } from '../rpc/grpc-query-client.ts';
import { errorText } from './error-text.ts';
import { openPager } from './pager.ts';
import { ProgressLine, showProgress } from './progress-line.ts';
import type { QueryClient } from './query-client.ts';
import { formatSink, type ResultSink, runStatement } from './run-statement.ts';
import { runShell } from './shell.ts';
import { splitStatements } from './split-statements.ts';
import { writeAll } from './write-all.ts';

interface SqlRequest extends SqlFlags {
  readonly statement: string | undefined;
}

/** Returns the exit code: 0, 1 = a statement failed, 2 = wrong usage. */
export async function runSqlCommand(request: SqlRequest): Promise<number> {
  if (request.server !== undefined && request.catalog.length > 0) {
    return wrongUsage(
      '--catalog is for the embedded cluster; a running one (--server) has its own catalogs',
    );
  }
  if (request.statement !== undefined && request.file !== undefined) {
    return wrongUsage('give a statement or --file, not both');
  }
  const hasTls = [request.tlsCa, request.tlsCert, request.tlsKey].some(
    (file) => file !== undefined,
  );
  if (request.server === undefined && hasTls) {
    return wrongUsage('--tls-ca, --tls-cert and --tls-key are for a running cluster (--server)');
  }
  // A wrong property is an error of the command line; a running cluster may know others.
  if (request.server === undefined) parseSessionProperties(request.set);
  const script = await readScript(request);
  const client = await openClient(request);
  try {
    return await new SqlSession(request, client.queries).run(script);
  } finally {
    await client.close();
  }
}

function wrongUsage(message: string): number {
  process.stderr.write(`${message}\n`);
  return 2;
}

/** undefined = interactive. */
async function readScript(request: SqlRequest): Promise<string | undefined> {
  if (request.file !== undefined) return readFile(request.file);
  if (request.statement === '-') return await readAll(process.stdin);
  if (request.statement !== undefined) return request.statement;
  return process.stdin.isTTY ? undefined : await readAll(process.stdin);
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('INVALID_REQUEST', `cannot read the script ${path}: ${reason}`, {
      cause,
    });
  }
}

/** @throws EngineError INVALID_REQUEST when only a part of the files is named */
function serverTls({ tlsCa, tlsCert, tlsKey }: SqlFlags): ClientTlsFiles | undefined {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new EngineError('INVALID_REQUEST', '--tls-cert and --tls-key belong together');
  }
  if (tlsCa === undefined && tlsCert === undefined) return undefined;
  return { caFile: tlsCa, certificateFile: tlsCert, keyFile: tlsKey };
}

interface OpenClient {
  readonly queries: QueryClient;
  readonly close: () => Promise<void>;
}

async function openClient(request: SqlRequest): Promise<OpenClient> {
  if (request.server !== undefined) {
    const queries = connectQueryClient(request.server, serverTls(request));
    return { queries, close: async () => queries.close() };
  }
  const { startEmbeddedCluster } = await import('../embedded/embedded-cluster.ts');
  const cluster = await startEmbeddedCluster({
    catalogs: request.catalog,
    workers: request.workers,
    sessionDefaults: request.set,
    logLevel: request.logLevel,
  });
  const queries = connectQueryClient(cluster.address);
  const close = async (): Promise<void> => {
    queries.close();
    await cluster.close();
  };
  return { queries, close };
}

class SqlSession {
  readonly #request: SqlRequest;
  readonly #client: QueryClient;
  /** Of a running cluster; an embedded one has them as its own. */
  readonly #defaults: Readonly<Record<string, string>>;
  #session: Uint8Array = new Uint8Array();
  #running: AbortController | undefined;
  #isOutputClosed = false;

  constructor(request: SqlRequest, client: QueryClient) {
    this.#request = request;
    this.#client = client;
    const { server, set } = request;
    const named = Object.entries(set).map(([name, value]) => [propertyNamed(name), value] as const);
    this.#defaults = server === undefined ? {} : Object.fromEntries(named);
  }

  async run(script: string | undefined): Promise<number> {
    const interrupt = (): void => this.#interrupt();
    const onOutputError = (error: NodeJS.ErrnoException): void => this.#onOutputError(error);
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    process.stdout.on('error', onOutputError);
    try {
      if (script === undefined) return await this.#interactive();
      return await this.#runScript(script);
    } finally {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
    }
  }

  /** Who reads our output may leave before its end (`| head`): the rest is not wanted, and that is no error. */
  #onOutputError(error: NodeJS.ErrnoException): void {
    if (error.code !== 'EPIPE') throw error;
    this.#isOutputClosed = true;
    this.#interrupt();
  }

  #interrupt(): void {
    this.#running?.abort(new EngineError('QUERY_CANCELLED', 'cancelled by the user'));
  }

  async #runScript(script: string): Promise<number> {
    const { statements, rest } = splitStatements(script);
    const all = rest === '' ? statements : [...statements, rest];
    if (all.length === 0) return wrongUsage('EMPTY_STATEMENT: there is no statement to run');
    for (const sql of all) {
      const isFine = await this.#runOne(sql);
      if (this.#isOutputClosed) return 0;
      if (!isFine) return 1;
    }
    return 0;
  }

  async #interactive(): Promise<number> {
    await runShell({
      runStatement: async (sql) => void (await this.#runOne(sql)),
      interrupt: () => this.#interrupt(),
    });
    return 0;
  }

  /** Runs a statement and says whether it succeeded; its error is on standard error then. */
  async #runOne(sql: string): Promise<boolean> {
    const running = new AbortController();
    const watching = new AbortController();
    this.#running = running;
    const line = new ProgressLine(process.stderr);
    let progress: Promise<void> = Promise.resolve();
    try {
      this.#session = await runStatement(
        {
          client: this.#client,
          submit: {
            sql,
            sessionDefaults: this.#defaults,
            session: this.#session,
            requestId: randomUUID(),
          },
          sink: this.#sink(() => line.erase()),
          clock: systemClock,
          onSubmitted: (queryId) => {
            if (!process.stderr.isTTY) return;
            const watch = { client: this.#client, queryId, line, clock: systemClock };
            progress = showProgress(watch, watching.signal);
          },
        },
        running.signal,
      );
      return true;
    } catch (error) {
      watching.abort();
      await progress;
      if (!this.#isOutputClosed) process.stderr.write(`${errorText(error, sql)}\n`);
      return false;
    } finally {
      watching.abort();
      await progress;
      this.#running = undefined;
    }
  }

  #sink(beforeOutput: () => void): ResultSink {
    const format = this.#formatName();
    if (format === 'arrow') {
      return async (bytes) => {
        for await (const chunk of bytes) await writeAll(process.stdout, chunk);
      };
    }
    return async (bytes) => {
      await using output = openPager({ paged: format === 'table' && this.#isInteractive() });
      const write = async (text: string): Promise<void> => {
        beforeOutput();
        await output.write(text);
      };
      await formatSink(textFormat(format, write))(bytes);
    };
  }

  #formatName(): FormatName {
    return this.#request.format ?? 'table';
  }

  #isInteractive(): boolean {
    return (
      process.stdout.isTTY &&
      this.#request.statement === undefined &&
      this.#request.file === undefined
    );
  }
}

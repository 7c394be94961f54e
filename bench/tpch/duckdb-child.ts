/**
 * Plain DuckDB in a process of its own, so that neither its memory nor its threads are the benchmark's.
 * Answers messages one at a time, in order.
 */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { orderKeys } from '../tpcds/order-keys.ts';
import type { Answer } from './answer.ts';

export type DuckDBRequest =
  | { readonly kind: 'open'; readonly threads: number; readonly setUp: readonly string[] }
  /** Runs a statement and reads all of its result. */
  | { readonly kind: 'time'; readonly sql: string }
  /** The rows themselves, as text. */
  | { readonly kind: 'answer'; readonly sql: string }
  /** What the statement orders its result by, for these rows. */
  | { readonly kind: 'order-keys'; readonly sql: string; readonly answer: Answer };

export type DuckDBResponse =
  | { readonly kind: 'opened'; readonly version: string }
  | { readonly kind: 'timed'; readonly seconds: number }
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'ordered'; readonly keys: Answer | undefined }
  | { readonly kind: 'failed'; readonly message: string };

let connection: DuckDBConnection | undefined;

function connected(): DuckDBConnection {
  if (connection === undefined) throw new Error('open comes first');
  return connection;
}

async function open(threads: number, setUp: readonly string[]): Promise<DuckDBResponse> {
  const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
  connection = await instance.connect();
  for (const sql of setUp) await connection.run(sql);
  const [row] = (await connection.runAndReadAll('SELECT version()')).getRows();
  return { kind: 'opened', version: String(row?.[0]) };
}

async function time(sql: string): Promise<DuckDBResponse> {
  const startedAt = performance.now();
  const result = await connected().run(sql);
  await result.fetchAllChunks();
  return { kind: 'timed', seconds: (performance.now() - startedAt) / 1000 };
}

async function readAnswer(sql: string): Promise<DuckDBResponse> {
  const result = await connected().runAndReadAll(sql);
  const types = result.columnTypes();
  const columns = result.columnNames().map((name, index) => ({ name, type: String(types[index]) }));
  const rows = result
    .getRows()
    .map((row) => row.map((cell) => (cell === null ? null : String(cell))));
  return { kind: 'answered', answer: { columns, rows } };
}

async function respond(request: DuckDBRequest): Promise<DuckDBResponse> {
  switch (request.kind) {
    case 'open':
      return await open(request.threads, request.setUp);
    case 'time':
      return await time(request.sql);
    case 'answer':
      return await readAnswer(request.sql);
    case 'order-keys': {
      const keys = await orderKeys(connected(), request.sql, request.answer);
      return { kind: 'ordered', keys };
    }
  }
}

process.on('message', (request: DuckDBRequest) => {
  respond(request)
    .catch((error: unknown): DuckDBResponse => ({ kind: 'failed', message: String(error) }))
    .then((response) => process.send?.(response))
    .catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
      process.disconnect();
    });
});

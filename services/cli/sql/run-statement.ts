/** Runs one statement: submit, stream the result into a format, release it. */
import { RecordBatchReader } from 'apache-arrow';
import { EngineError } from '../../common/error.ts';
import { columnsOf, rowsOf } from '../format/batch-rows.ts';
import type { ResultFormat } from '../format/result-format.ts';
import type { QueryClient, ResultPart, SubmitOptions } from './query-client.ts';

/** Takes the Arrow IPC bytes of a result, in order. */
export type ResultSink = (bytes: AsyncIterable<Uint8Array>) => Promise<void>;

export interface StatementRun {
  readonly client: QueryClient;
  readonly submit: SubmitOptions;
  readonly sink: ResultSink;
  /** Called once the query has an id, for progress. */
  readonly onSubmitted: (queryId: string) => void;
}

/**
 * Returns the session for the next statement. When `signal` is aborted the query is cancelled in the cluster,
 * not only left.
 */
export async function runStatement(run: StatementRun, signal: AbortSignal): Promise<Uint8Array> {
  const { client } = run;
  const query = await client.submit(run.submit, signal);
  run.onSubmitted(query.queryId);
  const last: { token: Uint8Array } = { token: new Uint8Array() };
  const parts = client.fetchResults(query.queryId, new Uint8Array(), signal);
  try {
    await run.sink(arrowBytes(parts, last));
  } catch (error) {
    await client.cancel(query.queryId).catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  await release(client, { queryId: query.queryId, token: last.token }, signal);
  return query.session;
}

async function* arrowBytes(
  parts: AsyncIterable<ResultPart>,
  last: { token: Uint8Array },
): AsyncGenerator<Uint8Array, void, void> {
  let complete = false;
  for await (const part of parts) {
    if (part.token.length > 0) last.token = part.token;
    complete ||= part.complete;
    if (part.arrowIpc.length > 0) yield part.arrowIpc;
  }
  if (!complete) {
    throw new EngineError('INTERNAL_ERROR', 'the result ended before it was complete');
  }
}

/** Fetching behind the last token tells the gateway that all has arrived. */
async function release(
  client: QueryClient,
  query: { readonly queryId: string; readonly token: Uint8Array },
  signal: AbortSignal,
): Promise<void> {
  for await (const part of client.fetchResults(query.queryId, query.token, signal)) {
    if (part.complete) return;
  }
}

/** A sink that shows rows in a format. */
export function formatSink(format: ResultFormat): ResultSink {
  return async (bytes) => {
    const reader = await RecordBatchReader.from(bytes);
    await reader.open();
    await format.begin(columnsOf(reader.schema));
    for await (const batch of reader) await format.rows(rowsOf(batch));
    await format.end();
  };
}

/** Runs one statement: submit, stream the result into a format, release it. */
import { DataType, RecordBatchReader, type Schema } from 'apache-arrow';
import type { Clock } from '../../common/clock.ts';
import { EngineError, type ErrorCode } from '../../common/error.ts';
import { columnsOf, rowsOf } from '../format/batch-rows.ts';
import type { ResultFormat } from '../format/result-format.ts';
import type { QueryClient, ResultPart, SubmitOptions, SubmittedQuery } from './query-client.ts';

/** Takes the Arrow IPC bytes of a result, in order. */
export type ResultSink = (bytes: AsyncIterable<Uint8Array>) => Promise<void>;

export interface StatementRun {
  readonly client: QueryClient;
  readonly submit: SubmitOptions;
  readonly sink: ResultSink;
  readonly clock: Clock;
  /** Called once the query has an id, for progress. */
  readonly onSubmitted: (queryId: string) => void;
}

/**
 * Returns the session for the next statement. When `signal` is aborted the query is cancelled in the cluster,
 * not only left.
 */
export async function runStatement(run: StatementRun, signal: AbortSignal): Promise<Uint8Array> {
  const { client } = run;
  const query = await submit(run, signal);
  run.onSubmitted(query.queryId);
  const result = new ResultFetch(run, query.queryId);
  try {
    await run.sink(result.bytes(signal));
  } catch (error) {
    await client.cancel({ queryId: query.queryId }).catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
  const session = query.isPlanned
    ? query.session
    : ((await client.changedSession(query.queryId, signal)) ?? query.session);
  await result.release(signal);
  return session;
}

async function submit(run: StatementRun, signal: AbortSignal): Promise<SubmittedQuery> {
  try {
    return await run.client.submit(run.submit, signal);
  } catch (error) {
    // The cluster may have it all the same.
    const { requestId } = run.submit;
    if (signal.aborted) await run.client.cancel({ requestId }).catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
}

/** Waits before the attempts to go on after the connection broke. */
const RESUME_DELAYS_MS = [100, 400, 1_600, 3_200];

/** Reads one result to its end, over as many calls as it takes. */
class ResultFetch {
  readonly #run: StatementRun;
  readonly #queryId: string;
  /** All before it has been handed on. */
  #token: Uint8Array = new Uint8Array();

  constructor(run: StatementRun, queryId: string) {
    this.#run = run;
    this.#queryId = queryId;
  }

  /** The Arrow IPC stream; ends only behind its end marker. */
  async *bytes(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    for (let failures = 0; ; failures += 1) {
      const before = this.#token;
      try {
        return yield* this.#batches(signal);
      } catch (error) {
        if (this.#token !== before) failures = 0;
        const delayMs = RESUME_DELAYS_MS[failures];
        if (delayMs === undefined || !isBrokenConnection(error)) throw error;
        await this.#run.clock.sleep(delayMs, signal);
      }
    }
  }

  /** Fetching behind the last token tells the gateway that all has arrived; without it the lease ends the query. */
  async release(signal: AbortSignal): Promise<void> {
    try {
      for await (const part of this.#parts(signal)) if (part.complete) return;
    } catch {
      // The result is complete, and that is what counts.
    }
  }

  /** Hands on whole batches, since a resumed result goes on behind one. */
  async *#batches(signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const pieces: Uint8Array[] = [];
    for await (const part of this.#parts(signal)) {
      if (part.arrowIpc.length > 0) pieces.push(part.arrowIpc);
      if (part.token.length === 0) continue;
      yield* pieces.splice(0);
      this.#token = part.token;
      if (part.complete) return;
    }
    throw new EngineError('INTERNAL_ERROR', 'the result ended before it was complete');
  }

  #parts(signal: AbortSignal): AsyncIterable<ResultPart> {
    return this.#run.client.fetchResults(this.#queryId, this.#token, signal);
  }
}

const BROKEN_CONNECTION: ReadonlySet<ErrorCode> = new Set([
  'GATEWAY_UNAVAILABLE',
  'COORDINATOR_UNAVAILABLE',
  'SHUTTING_DOWN',
]);

/** Another attempt may reach the gateway, or one that has taken its place. */
function isBrokenConnection(error: unknown): boolean {
  return error instanceof EngineError && BROKEN_CONNECTION.has(error.code);
}

/** The columns of DuckDB's answers to statements without rows, such as SET, of which its shell shows nothing. */
function isAcknowledgement({ fields }: Schema): boolean {
  const [field, another] = fields;
  if (field === undefined || another !== undefined) return false;
  return (
    (field.name === 'Success' && DataType.isBool(field.type)) ||
    (field.name === 'Count' && DataType.isInt(field.type))
  );
}

/** A sink that shows rows in a format. */
export function formatSink(format: ResultFormat): ResultSink {
  return async (bytes) => {
    const reader = await RecordBatchReader.from(bytes);
    await reader.open();
    let hasBegun = !isAcknowledgement(reader.schema);
    if (hasBegun) await format.begin(columnsOf(reader.schema));
    for await (const batch of reader) {
      if (batch.numRows > 0 && !hasBegun) await format.begin(columnsOf(reader.schema));
      hasBegun ||= batch.numRows > 0;
      if (hasBegun) await format.rows(rowsOf(batch));
    }
    if (hasBegun) await format.end();
  };
}

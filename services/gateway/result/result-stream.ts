/**
 * Turns the root stage's output buffers into one resumable Arrow IPC stream.
 *
 * Pages of one root task keep their order; pages of several tasks come as they arrive. Nothing is read ahead of
 * the consumer beyond `maxBufferedBytes`, so a slow client stops the workers. The stream ends with `complete`
 * only when every root task of a committed attempt was read to its end: anything else is an error.
 */
import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { PartitionId } from '../../common/ids.ts';
import { encodeSchemaMessage, END_OF_STREAM } from '../../common/page/schema-message.ts';
import type { PageReadReply, ResultLocation, ResultPages, ResultUpdate } from './ports.ts';
import { ReplayWindow } from './replay-window.ts';
import { encodeResultToken, type ResultToken } from './result-token.ts';

export interface ResultChunk {
  readonly arrowIpc: Uint8Array;
  /** Present on the chunk that ends a batch. */
  readonly token?: Uint8Array;
  readonly complete: boolean;
}

export interface ResultStreamOptions {
  readonly updates: AsyncIterable<ResultUpdate>;
  readonly pages: ResultPages;
  readonly clock: Clock;
  /** Where to continue; undefined = at the schema. */
  readonly resumeAt: ResultToken | undefined;
  readonly maxBufferedBytes: number;
}

/** Messages stay below gRPC's default limit of 4 MiB with room for framing. */
const MAX_CHUNK_BYTES = 3 * 1024 * 1024;
/** How long a failed read waits for the coordinator to say why, since it names the cause. */
const VERDICT_WAIT_MS = 10_000;

interface RootTask {
  readonly partition: PartitionId;
  source: ResultLocation;
  /** First page that is not read yet; runs ahead of `sentToken` by at most one reply. */
  readToken: number;
  /** First page that is not sent yet: what a resume token says. */
  sentToken: number;
  state: 'idle' | 'reading' | 'done';
}

type Arrival =
  | { readonly kind: 'update'; readonly result: IteratorResult<ResultUpdate> }
  | { readonly kind: 'pages'; readonly task: RootTask; readonly reply: PageReadReply }
  | { readonly kind: 'read-failed'; readonly error: unknown };

export async function* streamResult(
  options: ResultStreamOptions,
  signal: AbortSignal,
): AsyncGenerator<ResultChunk, void, void> {
  const leaving = new AbortController();
  const stream = new ResultStream(options, AbortSignal.any([signal, leaving.signal]));
  try {
    yield* stream.run();
  } finally {
    leaving.abort(new EngineError('QUERY_CANCELLED', 'the result is no longer read'));
    stream.close();
  }
}

class ResultStream {
  readonly #options: ResultStreamOptions;
  readonly #signal: AbortSignal;
  readonly #updates: AsyncIterator<ResultUpdate>;
  readonly #tasks = new Map<PartitionId, RootTask>();
  readonly #inFlight = new Map<object, Promise<Arrival>>();
  #latest: ResultUpdate | undefined;
  #window: ReplayWindow | undefined;

  constructor(options: ResultStreamOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#updates = options.updates[Symbol.asyncIterator]();
  }

  async *run(): AsyncGenerator<ResultChunk, void, void> {
    this.#awaitUpdate();
    while (!this.#isComplete()) {
      const arrival = await Promise.race(this.#inFlight.values());
      this.#signal.throwIfAborted();
      switch (arrival.kind) {
        case 'update':
          yield* this.#onUpdate(arrival.result);
          break;
        case 'pages':
          yield* this.#onPages(arrival.task, arrival.reply);
          break;
        case 'read-failed':
          await this.#failWithVerdict(arrival.error);
          break;
      }
      this.#startReads();
    }
    yield {
      arrowIpc: END_OF_STREAM,
      token: encodeResultToken(this.#position(true)),
      complete: true,
    };
  }

  /** Not awaited: a source in the middle of waiting ends only when its own call does. */
  close(): void {
    this.#updates.return?.().catch(() => undefined);
  }

  #isComplete(): boolean {
    if (this.#latest?.noMoreLocations !== true || this.#latest.commitment !== 'committed')
      return false;
    return [...this.#tasks.values()].every((task) => task.state === 'done');
  }

  #awaitUpdate(): void {
    const key = this.#updates;
    const arrival = this.#updates.next().then((result): Arrival => ({ kind: 'update', result }));
    // Raced on the next turn, or never when the reader leaves now: then nobody is left to tell.
    arrival.catch(() => undefined);
    this.#inFlight.set(key, arrival);
  }

  *#onUpdate(result: IteratorResult<ResultUpdate>): Generator<ResultChunk, void, void> {
    this.#inFlight.delete(this.#updates);
    if (result.done === true) {
      if (this.#latest?.noMoreLocations === true) return;
      throw new EngineError(
        'INTERNAL_ERROR',
        'the coordinator ended the result before it was complete',
      );
    }
    const update = result.value;
    if (this.#latest === undefined) yield* this.#begin(update);
    if (update.attempt !== this.#latest?.attempt && this.#latest !== undefined) {
      throw new EngineError(
        'RESULT_TOKEN_EXPIRED',
        'the query was retried; fetch its result from the start',
      );
    }
    this.#latest = update;
    for (const source of update.locations) this.#addTask(source);
    this.#awaitUpdate();
  }

  *#begin(update: ResultUpdate): Generator<ResultChunk, void, void> {
    const { resumeAt } = this.#options;
    if (resumeAt !== undefined && resumeAt.attempt !== update.attempt) {
      throw new EngineError(
        'RESULT_TOKEN_EXPIRED',
        'the token is of an earlier attempt of the query; fetch the result from the start',
      );
    }
    this.#window = new ReplayWindow(update.resultReplayBytes, resumeAt?.pages ?? new Map());
    if (resumeAt === undefined) {
      yield { arrowIpc: encodeSchemaMessage(update.columns), complete: false };
    }
  }

  #addTask(source: ResultLocation): void {
    const partition = source.location.taskId.partitionId;
    const known = this.#tasks.get(partition);
    if (known !== undefined) return this.#takeInline(known, source);
    const token = this.#options.resumeAt?.pages.get(partition) ?? 0;
    this.#tasks.set(partition, {
      partition,
      source,
      readToken: token,
      sentToken: token,
      state: 'idle',
    });
  }

  /** A small result is told twice: as a location, then whole; a read that is on its way is not needed any more. */
  #takeInline(task: RootTask, source: ResultLocation): void {
    if (source.inlinePages === undefined || task.state === 'done') return;
    task.source = source;
    task.state = 'idle';
    this.#inFlight.delete(task);
  }

  #startReads(): void {
    if (this.#latest?.commitment !== 'committed') return;
    for (const task of this.#tasks.values()) {
      if (task.state === 'idle') this.#startRead(task);
    }
  }

  #startRead(task: RootTask): void {
    task.state = 'reading';
    const arrival = this.#read(task).then(
      (reply): Arrival => ({ kind: 'pages', task, reply }),
      (error: unknown): Arrival => ({ kind: 'read-failed', error }),
    );
    this.#inFlight.set(task, arrival);
  }

  async #read(task: RootTask): Promise<PageReadReply> {
    const { inlinePages, location } = task.source;
    if (inlinePages !== undefined)
      return { pages: inlinePages.slice(task.readToken), complete: true };
    const share = Math.floor(this.#options.maxBufferedBytes / (2 * this.#tasks.size));
    const request = {
      location,
      capability: this.#latest?.capability ?? new Uint8Array(),
      token: task.readToken,
      acknowledgedToken: this.#window?.acknowledgedToken(task.partition) ?? 0,
      maxBytes: Math.max(1, share),
    };
    return await this.#options.pages.read(request, this.#signal);
  }

  *#onPages(task: RootTask, reply: PageReadReply): Generator<ResultChunk, void, void> {
    this.#inFlight.delete(task);
    task.readToken += reply.pages.length;
    task.state = reply.complete ? 'done' : 'idle';
    // Reading on before sending keeps worker and client busy at the same time.
    this.#startReads();
    for (const page of reply.pages) {
      const token = task.sentToken;
      task.sentToken = token + 1;
      yield* this.#cut(page);
      this.#window?.onSent({ partition: task.partition, token, bytes: page.byteLength });
    }
  }

  *#cut(page: Uint8Array): Generator<ResultChunk, void, void> {
    let from = 0;
    while (page.byteLength - from > MAX_CHUNK_BYTES) {
      yield { arrowIpc: page.subarray(from, from + MAX_CHUNK_BYTES), complete: false };
      from += MAX_CHUNK_BYTES;
    }
    const token = encodeResultToken(this.#position(false));
    yield { arrowIpc: page.subarray(from), token, complete: false };
  }

  #position(complete: boolean): ResultToken {
    const pages = new Map(
      [...this.#tasks.values()].map((task) => [task.partition, task.sentToken]),
    );
    return { attempt: this.#latest?.attempt ?? 0, pages, complete };
  }

  /** A worker that fails under a read is news to the coordinator too: its error names the cause. */
  async #failWithVerdict(readError: unknown): Promise<never> {
    const waiting = new AbortController();
    const signal = AbortSignal.any([this.#signal, waiting.signal]);
    const giveUp = this.#options.clock.sleep(VERDICT_WAIT_MS, signal).then(() => 'late' as const);
    try {
      for (;;) {
        const next = this.#inFlight.get(this.#updates);
        if (next === undefined) break;
        const arrival = await Promise.race([next, giveUp]);
        if (arrival === 'late' || arrival.kind !== 'update' || arrival.result.done === true) break;
        this.#awaitUpdate();
      }
    } finally {
      waiting.abort();
      giveUp.catch(() => undefined);
    }
    throw readError;
  }
}

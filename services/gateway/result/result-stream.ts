/**
 * Turns the root stage's output buffers into one resumable Arrow IPC stream.
 *
 * Pages of one root task keep their order; pages of several tasks come as they arrive. Nothing is read ahead of
 * the consumer beyond `maxBufferedBytes`, so a slow client stops the workers. The stream ends with `complete`
 * only when every root task of a committed attempt was read to its end: anything else is an error.
 */
import { assertNever } from '../../common/assert.ts';
import type { Clock } from '../../common/clock.ts';
import { Doorbell } from '../../common/doorbell.ts';
import { EngineError } from '../../common/error.ts';
import type { PartitionId } from '../../common/ids.ts';
import { encodeSchemaMessage, END_OF_STREAM } from '../../common/page/schema-message.ts';
import type { PageReadReply, ResultLocation, ResultPages, ResultUpdate } from './ports.ts';
import { ReplayWindow } from './replay-window.ts';
import { ChunkMerger } from './chunk-merger.ts';
import { encodeResultToken, type ResultToken } from './result-token.ts';

export interface ResultChunk {
  readonly arrowIpc: Uint8Array;
  /** Present on the chunk that ends a batch. */
  readonly token?: Uint8Array;
  readonly complete: boolean;
}

export interface ResultStreamOptions {
  readonly queryId: string;
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

/** `source`: where the task's pages were read; the task may have a better one by now. */
interface Read {
  readonly task: RootTask;
  readonly source: ResultLocation;
}

type Arrival =
  | { readonly kind: 'update'; readonly update: ResultUpdate }
  | { readonly kind: 'updates-ended' }
  | { readonly kind: 'updates-failed'; readonly error: unknown }
  | { readonly kind: 'pages'; readonly read: Read; readonly reply: PageReadReply }
  | { readonly kind: 'read-failed'; readonly read: Read; readonly error: unknown }
  | { readonly kind: 'verdict-late' };

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
  readonly #arrivals: Arrival[] = [];
  readonly #arrived = new Doorbell();
  #latest: ResultUpdate | undefined;
  #updatesEnded = false;
  #window: ReplayWindow | undefined;
  /** What failed a read, until the coordinator says why. */
  #suspect: { readonly error: unknown; readonly cancelWait: () => void } | undefined;

  constructor(options: ResultStreamOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#updates = options.updates[Symbol.asyncIterator]();
  }

  async *run(): AsyncGenerator<ResultChunk, void, void> {
    const merger = new ChunkMerger();
    this.#awaitUpdate();
    while (!this.#isComplete()) {
      if (this.#arrivals.length === 0) yield* merger.flush();
      for (const chunk of this.#on(await this.#nextArrival())) yield* merger.add(chunk);
      this.#startReads();
    }
    const end = { arrowIpc: END_OF_STREAM, token: this.#tokenHere(true), complete: true };
    yield* merger.add(end);
    yield* merger.flush();
  }

  /** Not awaited: a source in the middle of waiting ends only when its own call does. */
  close(): void {
    this.#suspect?.cancelWait();
    this.#updates.return?.().catch(() => undefined);
  }

  #isComplete(): boolean {
    if (this.#latest?.noMoreLocations !== true || this.#latest.commitment !== 'committed')
      return false;
    return [...this.#tasks.values()].every((task) => task.state === 'done');
  }

  async #nextArrival(): Promise<Arrival> {
    for (;;) {
      this.#signal.throwIfAborted();
      const arrival = this.#arrivals.shift();
      if (arrival !== undefined) return arrival;
      await this.#arrived.wait(this.#signal);
    }
  }

  #arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    this.#arrived.ring();
  }

  *#on(arrival: Arrival): Generator<ResultChunk, void, void> {
    switch (arrival.kind) {
      case 'update':
        this.#awaitUpdate();
        if (this.#suspect === undefined) yield* this.#onUpdate(arrival.update);
        break;
      case 'updates-ended':
        this.#onUpdatesEnded();
        break;
      case 'updates-failed':
        throw arrival.error;
      case 'pages':
        if (this.#suspect === undefined) yield* this.#onPages(arrival.read, arrival.reply);
        break;
      case 'read-failed':
        this.#onReadFailed(arrival.read, arrival.error);
        break;
      case 'verdict-late':
        throw this.#suspect?.error;
      default:
        assertNever(arrival);
    }
  }

  #awaitUpdate(): void {
    this.#updates.next().then(
      (result) =>
        this.#arrive(
          result.done === true
            ? { kind: 'updates-ended' }
            : { kind: 'update', update: result.value },
        ),
      (error: unknown) => this.#arrive({ kind: 'updates-failed', error }),
    );
  }

  #onUpdatesEnded(): void {
    this.#updatesEnded = true;
    if (this.#suspect !== undefined) throw this.#suspect.error;
    if (this.#latest?.noMoreLocations === true) return;
    throw new EngineError(
      'INTERNAL_ERROR',
      'the coordinator ended the result before it was complete',
    );
  }

  *#onUpdate(update: ResultUpdate): Generator<ResultChunk, void, void> {
    if (this.#latest === undefined) yield* this.#begin(update);
    else if (update.attempt !== this.#latest.attempt) this.#changeAttempt(this.#latest);
    this.#latest = update;
    for (const source of update.locations) this.#addTask(source);
  }

  /** Nothing was read of an attempt that was withheld: what it had goes without a trace (T9). */
  #changeAttempt({ commitment }: ResultUpdate): void {
    if (commitment !== 'withheld') {
      throw new EngineError(
        'RESULT_TOKEN_EXPIRED',
        'the query was retried; fetch its result from the start',
      );
    }
    this.#tasks.clear();
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
      const { columns, timeZone } = update;
      for (const arrowIpc of piecesOf(encodeSchemaMessage(columns, { timeZone })))
        yield { arrowIpc, complete: false };
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
  }

  #startReads(): void {
    if (this.#latest?.commitment !== 'committed' || this.#suspect !== undefined) return;
    for (const task of this.#tasks.values()) {
      if (task.state === 'idle') this.#startRead(task);
    }
  }

  #startRead(task: RootTask): void {
    task.state = 'reading';
    const read = { task, source: task.source };
    const { inlinePages } = task.source;
    if (inlinePages !== undefined) {
      const reply = { pages: inlinePages.slice(task.readToken), complete: true };
      return this.#arrive({ kind: 'pages', read, reply });
    }
    this.#read(read).then(
      (reply) => this.#arrive({ kind: 'pages', read, reply }),
      (error: unknown) => this.#arrive({ kind: 'read-failed', read, error }),
    );
  }

  async #read({ task, source }: Read): Promise<PageReadReply> {
    const { location } = source;
    const { maxBufferedBytes, pages } = this.#options;
    const share = Math.floor(maxBufferedBytes / (2 * this.#tasks.size));
    const request = {
      location,
      capability: this.#latest?.capability ?? new Uint8Array(),
      token: task.readToken,
      acknowledgedToken: this.#window?.acknowledgedToken(task.partition) ?? 0,
      maxBytes: Math.max(1, share),
    };
    return await pages.read(request, this.#signal);
  }

  *#onPages({ task, source }: Read, reply: PageReadReply): Generator<ResultChunk, void, void> {
    if (source !== task.source) return;
    task.readToken += reply.pages.length;
    task.state = reply.complete ? 'done' : 'idle';
    // Reading on before sending keeps worker and client busy at the same time.
    this.#startReads();
    for (const page of reply.pages) {
      const token = task.sentToken;
      task.sentToken = token + 1;
      const pieces = piecesOf(page);
      for (const [index, arrowIpc] of pieces.entries()) {
        const ending = index === pieces.length - 1 ? { token: this.#tokenHere(false) } : {};
        yield { arrowIpc, ...ending, complete: false };
      }
      this.#window?.onSent({ partition: task.partition, token, bytes: page.byteLength });
    }
  }

  /** A worker that fails under a read is news to the coordinator too: its error names the cause. */
  #onReadFailed({ task, source }: Read, error: unknown): void {
    if (source !== task.source || this.#suspect !== undefined) return;
    const isCallersFault = error instanceof EngineError && error.code === 'RESULT_TOKEN_EXPIRED';
    if (isCallersFault || this.#updatesEnded) throw error;
    const cancelWait = this.#options.clock.schedule(VERDICT_WAIT_MS, () =>
      this.#arrive({ kind: 'verdict-late' }),
    );
    this.#suspect = { error, cancelWait };
  }

  #tokenHere(complete: boolean): Uint8Array {
    const pages = new Map(
      [...this.#tasks.values()].map((task) => [task.partition, task.sentToken]),
    );
    const { queryId } = this.#options;
    return encodeResultToken({ queryId, attempt: this.#latest?.attempt ?? 0, pages, complete });
  }
}

/** What fits a message each; at least one, which may be empty. */
function piecesOf(bytes: Uint8Array): readonly Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.byteLength / MAX_CHUNK_BYTES));
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * MAX_CHUNK_BYTES, (index + 1) * MAX_CHUNK_BYTES),
  );
}

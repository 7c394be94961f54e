import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import type { Instant } from '../ids.ts';
import { formatTaskId } from '../ids.ts';
import { producerDetails } from '../task/fetch-failure.ts';
import type { BufferAddress, PageReply, PageRequest, PageSource } from './page-source.ts';
import { pagesInPieces } from './page-source.ts';

/** Waits before the attempts after a failure; the last one is repeated (scheduling.md §4, "Failure"). */
const RETRY_DELAYS_MS = [0, 50, 100, 200, 500] as const;
const MIN_FAILURES = 3;

export const DEFAULT_MAX_ERROR_DURATION_MS = 60_000;

/** How long, and how often, a broken way to a buffer is tried. */
export interface RetryOptions {
  readonly clock: Clock;
  /** A way that stays broken for longer than this, and for at least three attempts, is given up. */
  readonly maxErrorDurationMs?: number;
}

export interface BufferReaderOptions extends RetryOptions {
  readonly source: PageSource;
}

/**
 * Reads one output buffer: asks again when the way to it breaks, and takes only replies that are what was asked for.
 * Failures: EXCHANGE_FAILED, naming node and task, when the buffer stays out of reach; the producer's own error when
 * it refuses; the signal's reason when that is aborted.
 */
export class BufferReader {
  readonly address: BufferAddress;
  readonly #options: BufferReaderOptions;

  constructor(address: BufferAddress, options: BufferReaderOptions) {
    this.address = address;
    this.#options = options;
  }

  /** The pages from `request.token` on; none when none came for a while. One read at a time. */
  async read(request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const attempt = async (): Promise<PageReply> => {
      const reply = await this.#options.source.fetchPages(this.address, request, signal);
      this.#check(reply, request.token);
      return reply;
    };
    return await this.#persist(attempt, signal);
  }

  /** Frees the pages below `token`: a favour to the producer, which the next read repeats. */
  acknowledge(token: number, signal: AbortSignal): Promise<void> {
    return this.#options.source.acknowledge(this.address, token, signal);
  }

  /** Tells the producer that no more is needed, as patiently as reads are: until it knows, it keeps the pages and may be full. */
  async destroy(signal: AbortSignal): Promise<void> {
    const attempt = (): Promise<void> => this.#options.source.destroy(this.address, signal);
    await this.#persist(attempt, signal);
  }

  /**
   * All pages of the buffer from its first to its last, each once, as they come. `maxBytes`: how much to ask for in
   * one request. Pages count as acknowledged with the next request. A failure names the producer (`lostOutputOf`).
   */
  async *readToEnd(maxBytes: () => number, signal: AbortSignal): AsyncGenerator<PageReply> {
    const { address } = this;
    const { source } = this.#options;
    let token = 0;
    let retry = new Retry(address, this.#options);
    for (;;) {
      signal.throwIfAborted();
      const request = { token, maxBytes: maxBytes(), acknowledgedToken: token };
      try {
        for await (const reply of pagesInPieces(source, { address, request }, signal)) {
          this.#check(reply, token);
          token += reply.pages.length;
          retry = new Retry(address, this.#options);
          yield reply;
          if (reply.complete) return;
        }
      } catch (error) {
        await retry.onFailure(error, signal).catch((final: unknown) => {
          throw this.#namingProducer(final, signal);
        });
      }
    }
  }

  /** A reader that fails says whose pages it could not read (R19); one that was stopped did not fail. */
  #namingProducer(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || !(error instanceof EngineError)) return error;
    const details = { ...error.details, ...producerDetails(this.address.location) };
    return new EngineError(error.code, error.message, {
      position: error.position,
      details,
      cause: error,
    });
  }

  async #persist<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const retry = new Retry(this.address, this.#options);
    for (;;) {
      signal.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        await retry.onFailure(error, signal);
      }
    }
  }

  /** Pages count only if they are those that were asked for (scheduling.md §4, "Retry safety"). */
  #check(reply: PageReply, token: number): void {
    if (reply.token === token) return;
    throw unreachable(this.address, `asked for page ${token}, got ${reply.token}`);
  }
}

/** The failures in a row of one order, and when they are too many. */
class Retry {
  readonly #address: BufferAddress;
  readonly #options: RetryOptions;
  #failureCount = 0;
  #firstFailureAt: Instant | undefined;

  constructor(address: BufferAddress, options: RetryOptions) {
    this.#address = address;
    this.#options = options;
  }

  /** Waits until it is time for the next attempt. Rejects when there is to be none. */
  async onFailure(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, maxErrorDurationMs = DEFAULT_MAX_ERROR_DURATION_MS } = this.#options;
    signal.throwIfAborted();
    if (!isPassing(error)) throw error;
    this.#failureCount += 1;
    this.#firstFailureAt ??= clock.now();
    const brokenForMs = clock.now() - this.#firstFailureAt;
    if (this.#failureCount >= MIN_FAILURES && brokenForMs > maxErrorDurationMs) {
      throw unreachable(this.#address, `unreachable for ${brokenForMs} ms`, error);
    }
    const delayMs = RETRY_DELAYS_MS[Math.min(this.#failureCount, RETRY_DELAYS_MS.length) - 1];
    await clock.sleep(delayMs ?? 0, signal);
  }
}

function unreachable({ location }: BufferAddress, problem: string, cause?: unknown): EngineError {
  const { nodeId, address } = location;
  const task = formatTaskId(location.taskId);
  const reason = cause instanceof Error ? ` (${cause.message})` : '';
  const message = `pages of task ${task} on node ${nodeId}: ${problem}${reason}`;
  const details = { task_id: task, node_id: nodeId, address };
  return new EngineError('EXCHANGE_FAILED', message, { details, cause });
}

/** Failures of the way to the buffer; everything else is the producer's answer. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  return error.code === 'EXCHANGE_FAILED' || error.code === 'SHUTTING_DOWN';
}

import type { Clock } from '../clock.ts';
import { EngineError } from '../error.ts';
import type { Instant } from '../ids.ts';
import { formatTaskId } from '../ids.ts';
import type { BufferAddress, PageReply, PageRequest, PageSource } from './page-source.ts';

/** Waits before the attempts after a failure; the last one is repeated (scheduling.md §4, "Failure"). */
const RETRY_DELAYS_MS = [0, 50, 100, 200, 500] as const;
const MIN_FAILURES = 3;

export const DEFAULT_MAX_ERROR_DURATION_MS = 60_000;

export interface BufferReaderOptions {
  readonly source: PageSource;
  readonly clock: Clock;
  /** A way that stays broken for longer than this, and for at least three attempts, is given up. */
  readonly maxErrorDurationMs?: number;
}

/**
 * Reads one output buffer: asks again when the way to it breaks, and takes only replies that are what was asked for.
 * One read at a time; which token to read and what to acknowledge is the caller's business.
 */
export class BufferReader {
  readonly address: BufferAddress;
  readonly #options: BufferReaderOptions;

  constructor(address: BufferAddress, options: BufferReaderOptions) {
    this.address = address;
    this.#options = options;
  }

  /**
   * The pages from `request.token` on; none when none came for a while. Rejects with EXCHANGE_FAILED when the buffer
   * cannot be reached, with the producer's error when it refuses, with the signal's reason when it is aborted.
   */
  async read(request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const fetch = async (): Promise<PageReply> => {
      const reply = await this.#options.source.fetchPages(this.address, request, signal);
      // Pages count only if they are those that were asked for (scheduling.md §4, "Retry safety").
      if (reply.token === request.token) return reply;
      throw this.#unreachable(`asked for page ${request.token}, got ${reply.token}`);
    };
    return await this.#persist(fetch, signal, this.#options);
  }

  /** Frees the pages below `token`: a favour to the producer, which the next read repeats. */
  acknowledge(token: number, signal: AbortSignal): Promise<void> {
    return this.#options.source.acknowledge(this.address, token, signal);
  }

  /** Tells the producer that no more is needed; three attempts, since its task drops the buffer in the end anyway. */
  async destroy(signal: AbortSignal): Promise<void> {
    const attempt = (): Promise<void> => this.#options.source.destroy(this.address, signal);
    await this.#persist(attempt, signal, { maxErrorDurationMs: 0 });
  }

  async #persist<T>(
    attempt: () => Promise<T>,
    signal: AbortSignal,
    patience: Pick<BufferReaderOptions, 'maxErrorDurationMs'>,
  ): Promise<T> {
    const { clock } = this.#options;
    const { maxErrorDurationMs = DEFAULT_MAX_ERROR_DURATION_MS } = patience;
    let firstFailureAt: Instant | undefined;
    for (let failureCount = 0; ;) {
      signal.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error)) throw error;
        failureCount += 1;
        firstFailureAt ??= clock.now();
        const brokenForMs = clock.now() - firstFailureAt;
        if (failureCount >= MIN_FAILURES && brokenForMs > maxErrorDurationMs) {
          throw this.#unreachable(`unreachable for ${brokenForMs} ms`, error);
        }
        const delayMs = RETRY_DELAYS_MS[Math.min(failureCount, RETRY_DELAYS_MS.length) - 1];
        await clock.sleep(delayMs ?? 0, signal);
      }
    }
  }

  #unreachable(problem: string, cause?: unknown): EngineError {
    const { taskId, nodeId, address } = this.address.location;
    const task = formatTaskId(taskId);
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    return new EngineError(
      'EXCHANGE_FAILED',
      `pages of task ${task} on node ${nodeId}: ${problem}${reason}`,
      {
        details: { task_id: task, node_id: nodeId, address },
        cause,
      },
    );
  }
}

/** Failures of the way to the buffer; everything else is the producer's answer. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof EngineError)) return false;
  return error.code === 'EXCHANGE_FAILED' || error.code === 'SHUTTING_DOWN';
}

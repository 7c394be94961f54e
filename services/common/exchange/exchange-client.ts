import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { Doorbell } from '../doorbell.ts';
import { EngineError } from '../error.ts';
import { formatTaskId } from '../ids.ts';
import type { Logger } from '../logger.ts';
import type { Page } from '../page/page.ts';
import type { OutputLocation } from '../plan/split.ts';
import { BufferReader } from './buffer-reader.ts';
import type { ExchangeTicket, PageReply, PageSource } from './page-source.ts';

export interface ExchangeClientOptions {
  readonly source: PageSource;
  readonly ticket: ExchangeTicket;
  readonly clock: Clock;
  readonly log: Logger;
  /** Pages asked for or received and not taken; default 32 MiB. Exceeded by one page of each producer at most. */
  readonly maxBufferedBytes?: number;
  readonly maxErrorDurationMs?: number;
}

interface ReceivedPage {
  readonly page: Page;
  readonly isOwned: boolean;
}

const DEFAULT_MAX_BUFFERED_BYTES = 32 << 20;
/** exchange.max-response-size. */
const MAX_RESPONSE_BYTES = 16 << 20;

interface Producer {
  readonly reader: BufferReader;
  /** Its own, so that no signal has as many listeners as there are producers. */
  readonly closing: AbortController;
}

/**
 * Pulls the pages of many output buffers, each to its end, in bounded memory. Pages of one buffer keep their order;
 * those of different buffers mix as they arrive.
 *
 * Half of the memory is for what has arrived: while it is full, nobody is read. The other half is for what is on its
 * way: all producers together are never asked for more than that (scheduling.md §4, "Consumer"). An idle producer
 * takes no part of it from the others, since all are asked at once.
 */
export class ExchangeClient {
  readonly #options: ExchangeClientOptions;
  /** Half of the memory. */
  readonly #windowBytes: number;
  readonly #known = new Set<string>();
  readonly #producers: Producer[] = [];
  readonly #arrived: ReceivedPage[] = [];
  readonly #onArrival = new Doorbell();
  readonly #onRoom = new Doorbell();
  #openCount = 0;
  #bufferedBytes = 0;
  #noMoreLocations = false;
  #failure: { readonly error: unknown } | undefined;
  #isClosed = false;

  constructor(options: ExchangeClientOptions) {
    this.#options = options;
    const maxBufferedBytes = options.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES;
    this.#windowBytes = Math.max(1, Math.floor(maxBufferedBytes / 2));
  }

  /** Bytes of the pages that have arrived and are not taken. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /**
   * Reads this buffer too; closed, gives it back at once: nobody else would, and its producer would wait. Naming it again
   * changes nothing: each is read once (T14).
   */
  addLocation(location: OutputLocation): void {
    const key = `${formatTaskId(location.taskId)}/${location.outputIndex}/${location.bufferId}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    const { ticket } = this.#options;
    const reader = new BufferReader({ location, ticket }, this.#options);
    if (this.#isClosed) return this.#destroy(reader);
    assert(!this.#noMoreLocations, 'no location is added after the last');
    const producer = { reader, closing: new AbortController() };
    this.#producers.push(producer);
    this.#openCount += 1;
    void this.#pull(producer);
  }

  /** All locations are named: when their buffers have ended, so has this client. */
  noMoreLocations(): void {
    this.#noMoreLocations = true;
    this.#onArrival.ring();
  }

  /**
   * The next page, the caller's own (one of this very process is copied: its buffer still holds it); `undefined`
   * after the last of all buffers. Rejects with the first failure of any.
   */
  async next(signal: AbortSignal): Promise<Page | undefined> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure.error;
      const received = this.#arrived.shift();
      if (received !== undefined) {
        this.#bufferedBytes -= received.page.byteLength;
        if (this.#hasRoom) this.#onRoom.ring();
        return received.isOwned ? received.page : received.page.slice(0);
      }
      if (this.#noMoreLocations && this.#openCount === 0) return undefined;
      await this.#onArrival.wait(signal);
    }
  }

  /** Ends reading early: drops what has arrived and lets the producers drop the rest. Repeating it is harmless. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#arrived.length = 0;
    this.#bufferedBytes = 0;
    const reason = new EngineError('CALL_CANCELLED', 'the exchange is closed');
    for (const { closing } of this.#producers) closing.abort(reason);
    this.#fail(reason);
  }

  get #hasRoom(): boolean {
    return this.#bufferedBytes < this.#windowBytes;
  }

  /** Reads one buffer to its end, and gives it back. */
  async #pull({ reader, closing }: Producer): Promise<void> {
    const { signal } = closing;
    try {
      let token = 0;
      for await (const reply of reader.readToEnd(() => this.#shareOfOne(), signal)) {
        token += reply.pages.length;
        this.#take(reply);
        if (!this.#hasRoom && !reply.complete) await this.#untilRoom(reader, token, signal);
      }
      this.#openCount -= 1;
      this.#onArrival.ring();
    } catch (error) {
      // Of an ended exchange nobody wants to know.
      if (!this.#isClosed) this.#fail(error);
    }
    this.#destroy(reader);
  }

  /** An equal share for each open buffer, so that the shares of all fit together. */
  #shareOfOne(): number {
    const share = Math.floor(this.#windowBytes / this.#openCount);
    return Math.max(1, Math.min(MAX_RESPONSE_BYTES, share));
  }

  #take(reply: PageReply): void {
    if (this.#isClosed) return;
    for (const page of reply.pages) {
      this.#arrived.push({ page, isOwned: reply.isOwned });
      this.#bufferedBytes += page.byteLength;
    }
    this.#onArrival.ring();
  }

  /** A buffer that is not read on at once frees its pages now instead of with the next request. */
  async #untilRoom(reader: BufferReader, token: number, signal: AbortSignal): Promise<void> {
    reader.acknowledge(token, signal).catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'pages were not acknowledged; the next read does it');
    });
    while (!this.#hasRoom) await this.#onRoom.wait(signal);
  }

  /** Not bound to this client's life: an early end must reach the producers. */
  #destroy(reader: BufferReader): void {
    reader.destroy(new AbortController().signal).catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'a buffer was not destroyed; its task will do it');
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#onArrival.ring();
  }
}

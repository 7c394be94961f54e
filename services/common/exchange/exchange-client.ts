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
  /** The first page that has not arrived. */
  token: number;
  /** What its next reply will probably bring: a moving average, 0 at first. */
  expectedBytes: number;
}

/**
 * Pulls the pages of many output buffers, each to its end, in bounded memory. Pages of one buffer keep their order;
 * those of different buffers mix as they arrive.
 *
 * Half of the memory is for what has arrived: requests start while that and what the running ones will probably
 * bring fit in (scheduling.md §4, "Consumer"). An idle producer brings nothing and so keeps no other one waiting.
 * The other half is for being wrong: all producers together are never asked for more than that.
 */
export class ExchangeClient {
  readonly #options: ExchangeClientOptions;
  /** Half of the memory. */
  readonly #windowBytes: number;
  readonly #known = new Set<string>();
  readonly #producers: Producer[] = [];
  /** Producers to ask next, first come first served. */
  readonly #idle: Producer[] = [];
  readonly #arrived: ReceivedPage[] = [];
  readonly #changed = new Doorbell();
  #openCount = 0;
  /** Of the running requests. */
  #expectedBytes = 0;
  #bufferedBytes = 0;
  #noMoreLocations = false;
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: ExchangeClientOptions) {
    this.#options = options;
    const maxBufferedBytes = options.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES;
    this.#windowBytes = Math.max(1, Math.floor(maxBufferedBytes / 2));
  }

  /** Bytes of the pages that have arrived and are not taken. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Reads this buffer too. Naming it again changes nothing: each is read once (T14). */
  addLocation(location: OutputLocation): void {
    const key = `${formatTaskId(location.taskId)}/${location.outputIndex}/${location.bufferId}`;
    if (this.#known.has(key) || this.#isClosed) return;
    assert(!this.#noMoreLocations, 'no location is added after the last');
    this.#known.add(key);
    const { source, ticket, clock, maxErrorDurationMs } = this.#options;
    const reader = new BufferReader(
      { location, ticket },
      { source, clock, ...(maxErrorDurationMs === undefined ? {} : { maxErrorDurationMs }) },
    );
    const producer = { reader, closing: new AbortController(), token: 0, expectedBytes: 0 };
    this.#producers.push(producer);
    this.#openCount += 1;
    this.#idle.push(producer);
    this.#askMore();
  }

  /** All locations are named: when their buffers have ended, so has this client. */
  noMoreLocations(): void {
    this.#noMoreLocations = true;
    this.#changed.ring();
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
        this.#askMore();
        return received.isOwned ? received.page : received.page.slice(0);
      }
      if (this.#noMoreLocations && this.#openCount === 0) return undefined;
      await this.#changed.wait(signal);
    }
  }

  /** Ends reading early: drops what has arrived and lets the producers drop the rest. Repeating it is harmless. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#arrived.length = 0;
    this.#bufferedBytes = 0;
    const reason = new EngineError('CALL_CANCELLED', 'the exchange is closed');
    for (const producer of this.#idle.splice(0)) this.#destroy(producer);
    for (const { closing } of this.#producers) closing.abort(reason);
    this.#fail(reason);
  }

  #askMore(): void {
    while (!this.#isClosed && this.#failure === undefined) {
      const [producer] = this.#idle;
      const inUse = this.#bufferedBytes + this.#expectedBytes;
      if (producer === undefined) return;
      if (inUse > 0 && inUse + producer.expectedBytes > this.#windowBytes) return;
      this.#idle.shift();
      void this.#ask(producer);
    }
  }

  async #ask(producer: Producer): Promise<void> {
    const { token, expectedBytes } = producer;
    const share = Math.floor(this.#windowBytes / this.#openCount);
    const maxBytes = Math.max(1, Math.min(MAX_RESPONSE_BYTES, share));
    this.#expectedBytes += expectedBytes;
    try {
      const request = { token, maxBytes, acknowledgedToken: token };
      const reply = await producer.reader.read(request, producer.closing.signal);
      this.#expectedBytes -= expectedBytes;
      this.#take(producer, reply);
    } catch (error) {
      this.#expectedBytes -= expectedBytes;
      // Of an ended exchange nobody wants to know; its buffers are given back.
      if (this.#isClosed) this.#destroy(producer);
      else this.#fail(error);
    }
  }

  #take(producer: Producer, reply: PageReply): void {
    if (this.#isClosed) return this.#destroy(producer);
    let replyBytes = 0;
    for (const page of reply.pages) {
      this.#arrived.push({ page, isOwned: reply.isOwned });
      replyBytes += page.byteLength;
    }
    this.#bufferedBytes += replyBytes;
    producer.token += reply.pages.length;
    producer.expectedBytes = (producer.expectedBytes + replyBytes) / 2;
    if (reply.complete) {
      this.#openCount -= 1;
      this.#destroy(producer);
    } else {
      this.#idle.push(producer);
    }
    this.#changed.ring();
    this.#askMore();
    if (this.#idle.includes(producer) && reply.pages.length > 0) this.#acknowledge(producer);
  }

  /** A buffer that is not read on at once frees its pages now instead of at the next read. */
  #acknowledge(producer: Producer): void {
    const { reader, token, closing } = producer;
    reader.acknowledge(token, closing.signal).catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'pages were not acknowledged; the next read does it');
    });
  }

  /** Not bound to this client's life: an early end must reach the producers. */
  #destroy({ reader }: Producer): void {
    reader.destroy(new AbortController().signal).catch((error: unknown) => {
      this.#options.log.debug({ err: error }, 'a buffer was not destroyed; its task will do it');
    });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#changed.ring();
  }
}

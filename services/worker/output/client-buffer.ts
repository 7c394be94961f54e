import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { PageReply, PageRequest } from '../../common/exchange/page-source.ts';
import type { Random } from '../../common/random.ts';
import type { HeldPage } from './held-page.ts';

/** How long a read waits for a page, at most; a random half of it spreads the readers' next requests. */
const MAX_WAIT_MS = 2_000;

export interface ClientBufferOptions {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * The reader is the client, who may resume behind: an acknowledged page is asked for in earnest then, and the
   * answer is RESULT_TOKEN_EXPIRED, where other readers have only sent a request twice.
   */
  readonly isResult: boolean;
}

/** Pages that readers share: each goes to whoever asks first. */
export interface SharedPages {
  /** At least one page if there is any, up to about `maxBytes`; the taker holds them. */
  take(maxBytes: number): HeldPage[];
  /** There is no page, and none will come. */
  readonly isExhausted: boolean;
}

interface PendingRead {
  readonly request: PageRequest;
  readonly answer: (reply: PageReply) => void;
  readonly fail: (error: EngineError) => void;
}

type Life =
  | { readonly kind: 'live' }
  | { readonly kind: 'destroyed' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'failed'; readonly error: EngineError };

/**
 * One reader's pages. Requests may come twice, late and in any order; for token t, with pages [first, end) held:
 *
 * - t < first: a request that was overtaken. Nothing, at the same token.
 * - first ≤ t < end: pages from t on, as many as asked for, at least one; again if asked again.
 * - t = end: waits until there is a page, then as above; `complete` once no page can follow; else nothing.
 * - t > end: the reader has pages that this buffer never had: refused.
 *
 * Pages are dropped when acknowledged. One read waits at a time; a newer one sends the older away with nothing.
 * Destroyed: every read is complete. Aborted: no read ever is, they wait in vain.
 */
export class ClientBuffer {
  readonly #options: ClientBufferOptions;
  #pages: HeldPage[] = [];
  /** Behind the last page that was ever here. */
  #endToken = 0;
  /** Pages below were handed out at least once. */
  #readToken = 0;
  #unreadBytes = 0;
  #isSealed = false;
  #shared: SharedPages | undefined;
  #life: Life = { kind: 'live' };
  #pending: PendingRead | undefined;

  constructor(options: ClientBufferOptions) {
    this.#options = options;
  }

  get isDestroyed(): boolean {
    return this.#life.kind === 'destroyed';
  }

  /** Bytes of the pages that were never handed out. */
  get unreadBytes(): number {
    return this.#unreadBytes;
  }

  get isWaiting(): boolean {
    return this.#pending !== undefined;
  }

  /** Adds a page, which this buffer holds from now on. */
  add(page: HeldPage): void {
    this.#push(page);
    this.serve();
  }

  /** From now on the pages are those that nobody else has taken. */
  share(pages: SharedPages): void {
    this.#shared = pages;
    this.serve();
  }

  /** No more pages will be added. */
  seal(): void {
    this.#isSealed = true;
    this.serve();
  }

  async read(request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const { token, acknowledgedToken } = request;
    if (acknowledgedToken > token)
      throw mismatch(`asks for page ${token}, acknowledges ${acknowledgedToken}`);
    if (this.#life.kind === 'failed') throw this.#life.error;
    if (this.#life.kind === 'destroyed') return this.#replyOfDestroyed(token);
    this.acknowledge(acknowledgedToken);
    this.#pending?.answer(nothingAt(this.#pending.request.token));
    if (this.#life.kind === 'live') {
      if (token < this.#firstToken) return this.#replyToOvertaken(token);
      if (token > this.#endToken) throw mismatch(`asks for page ${token} of ${this.#endToken}`);
      const reply = this.#replyTo(request);
      if (reply !== undefined) return reply;
    }
    return await this.#wait(request, signal);
  }

  /** Drops the pages below `token`. */
  acknowledge(token: number): void {
    if (this.#life.kind !== 'live' || token <= this.#firstToken) return;
    if (token > this.#endToken) throw mismatch(`acknowledges ${token} pages of ${this.#endToken}`);
    this.#markRead(token);
    for (const page of this.#pages.splice(0, token - this.#firstToken)) page.letGo();
  }

  /** The reader is done: it sees an end. */
  destroy(): void {
    if (this.#life.kind !== 'live') return;
    this.#drop();
    this.#life = { kind: 'destroyed' };
    const pending = this.#pending;
    if (pending === undefined) return;
    try {
      pending.answer(this.#replyOfDestroyed(pending.request.token));
    } catch (error) {
      pending.fail(error as EngineError);
    }
  }

  /** The pages are no result: no read is answered any more, not even the one that waits. */
  abort(): void {
    if (this.#life.kind !== 'live') return;
    this.#drop();
    this.#life = { kind: 'aborted' };
  }

  /** Every read is answered with the error. */
  fail(error: EngineError): void {
    if (this.#life.kind !== 'live') return;
    this.#drop();
    this.#life = { kind: 'failed', error };
    this.#pending?.fail(error);
  }

  /** Answers the waiting read if that is possible now. */
  serve(): void {
    if (this.#pending === undefined || this.#life.kind !== 'live') return;
    const reply = this.#replyTo(this.#pending.request);
    if (reply !== undefined) this.#pending.answer(reply);
  }

  get #firstToken(): number {
    return this.#endToken - this.#pages.length;
  }

  #push(page: HeldPage): void {
    if (this.#life.kind !== 'live') return page.letGo();
    this.#pages.push(page);
    this.#endToken += 1;
    this.#unreadBytes += page.byteCount;
  }

  #drop(): void {
    for (const page of this.#pages.splice(0)) page.letGo();
    this.#unreadBytes = 0;
  }

  #markRead(token: number): void {
    for (; this.#readToken < token; this.#readToken += 1) {
      this.#unreadBytes -= this.#pages[this.#readToken - this.#firstToken]?.byteCount ?? 0;
    }
  }

  #replyTo({ token, maxBytes }: PageRequest): PageReply | undefined {
    if (token === this.#endToken) {
      for (const page of this.#shared?.take(maxBytes) ?? []) this.#push(page);
    }
    const pages = upTo(maxBytes, this.#pages.slice(token - this.#firstToken));
    const nextToken = token + pages.length;
    const isSealed = this.#shared?.isExhausted ?? this.#isSealed;
    const complete = isSealed && nextToken === this.#endToken;
    if (pages.length === 0 && !complete) return undefined;
    this.#markRead(nextToken);
    return { token, pages: pages.map(({ page }) => page), complete, isOwned: false };
  }

  #replyToOvertaken(token: number): PageReply {
    if (!this.#options.isResult) return nothingAt(token);
    throw expired(token);
  }

  #replyOfDestroyed(token: number): PageReply {
    // A result ends only behind its last page, whoever destroys its buffer and when.
    if (this.#options.isResult && !(this.#isSealed && token === this.#endToken))
      throw expired(token);
    return { ...nothingAt(token), complete: true };
  }

  #wait(request: PageRequest, signal: AbortSignal): Promise<PageReply> {
    const { clock, random } = this.#options;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        cancelTimer();
        signal.removeEventListener('abort', giveUp);
        if (this.#pending === pending) this.#pending = undefined;
      };
      const pending: PendingRead = {
        request,
        answer: (reply) => {
          leave();
          resolve(reply);
        },
        fail: (error) => {
          leave();
          reject(error);
        },
      };
      const giveUp = (): void => pending.answer(nothingAt(request.token));
      const cancelTimer = clock.schedule(readWaitMs(random), giveUp);
      signal.addEventListener('abort', giveUp);
      this.#pending = pending;
      if (signal.aborted) giveUp();
    });
  }
}

/** How long a read waits for a page. */
export function readWaitMs(random: Random): number {
  return (MAX_WAIT_MS / 2) * (1 + random.next());
}

/** The first pages whose sum is within the limit; at least one if there is any. */
export function upTo(maxBytes: number, pages: readonly HeldPage[]): readonly HeldPage[] {
  let bytes = pages[0]?.byteCount ?? 0;
  let count = Math.min(1, pages.length);
  for (; count < pages.length; count += 1) {
    bytes += pages[count]?.byteCount ?? 0;
    if (bytes > maxBytes) break;
  }
  return pages.slice(0, count);
}

function nothingAt(token: number): PageReply {
  return { token, pages: [], complete: false, isOwned: false };
}

/** The reader has seen pages that this buffer never had: it means another run of the task. */
function mismatch(problem: string): EngineError {
  return new EngineError('TASK_MISMATCH', `the reader of an output buffer ${problem}`);
}

function expired(token: number): EngineError {
  return new EngineError('RESULT_TOKEN_EXPIRED', `page ${token} of the result is gone`);
}

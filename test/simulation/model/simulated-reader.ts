/** Pulls one buffer of one task, page by page, over a network that loses requests and replies. */
import type { OutputLocation } from '../../../services/common/plan/split.ts';
import { SPOOL } from '../cluster-worker.ts';
import type { FetchReply, Page } from './simulated-output.ts';
import type { SimulatedNetwork } from '../simulated-network.ts';
import type { VirtualTime } from '../virtual-time.ts';

/** Where fetches go: the worker that runs there now, if any. */
export interface ExchangeServer {
  fetch(location: OutputLocation, token: number): FetchReply;
  destroy(location: OutputLocation): void;
}

export interface ReaderDeps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  /** `undefined` = nobody answers at this address. */
  readonly serverAt: (location: OutputLocation) => ExchangeServer | undefined;
}

export interface ReaderEvents {
  readonly onPage: (page: Page) => void;
  readonly onEnd: () => void;
  /** The pages cannot be had any more. */
  readonly onLost: () => void;
}

const TIMEOUT_MS = 100;
/** An empty answer is asked for again after 5, 10, 20 … 80 ms. */
const POLL_MS = 5;
const MAX_POLL_MS = 80;
/** So many losses in a row happen on no living connection, and no partition lasts so long. */
const MAX_ATTEMPTS = 20;
/** Nobody answers at the address: hope goes sooner. */
const ATTEMPTS_IF_REFUSED = 3;

export class SimulatedReader {
  readonly location: OutputLocation;
  readonly #deps: ReaderDeps;
  readonly #events: ReaderEvents;
  #token = 0;
  #request = 0;
  #attempts = 0;
  #pollMs = POLL_MS;
  #isPaused = false;
  #isEnded = false;

  constructor(location: OutputLocation, deps: ReaderDeps, events: ReaderEvents) {
    this.location = location;
    this.#deps = deps;
    this.#events = events;
  }

  /** Asks for the next pages; again after each reply. */
  fetch(): void {
    if (this.#isEnded || this.#isPaused) return;
    this.#request += 1;
    this.#attempts += 1;
    const { time, network, serverAt } = this.#deps;
    const request = this.#request;
    if (this.#attempts > MAX_ATTEMPTS) return this.#lose();
    time.after(TIMEOUT_MS, () => {
      if (request === this.#request) this.fetch();
    });
    const token = this.#token;
    const run = this.#peer();
    network.sendAtMostOnce(run, () => {
      const server = serverAt(this.location);
      if (server === undefined) {
        this.#attempts += ATTEMPTS_IF_REFUSED;
        return;
      }
      const reply = server.fetch(this.location, token);
      network.sendAtMostOnce(run, () => {
        if (request === this.#request) this.#onReply(reply);
      });
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#attempts = 0;
    this.fetch();
  }

  /** Its pages are not wanted any more. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#destroyBuffer();
  }

  /** Its process is gone: not another word from it. */
  halt(): void {
    this.#isEnded = true;
  }

  #onReply(reply: FetchReply): void {
    this.#request += 1;
    this.#attempts = 0;
    if (this.#isEnded) return;
    switch (reply.kind) {
      case 'lost':
        return this.#lose();
      case 'wait':
        this.#pollMs = Math.min(2 * this.#pollMs, MAX_POLL_MS);
        return this.#deps.time.after(this.#pollMs, () => this.fetch());
      case 'pages':
        return this.#take(reply);
      default:
        throw new Error('unknown reply');
    }
  }

  #take(reply: Extract<FetchReply, { readonly kind: 'pages' }>): void {
    if (reply.token === this.#token) {
      this.#pollMs = POLL_MS;
      this.#token += reply.pages.length;
      for (const page of reply.pages) this.#events.onPage(page);
      if (reply.isComplete) {
        this.#isEnded = true;
        this.#destroyBuffer();
        return this.#events.onEnd();
      }
    }
    return this.fetch();
  }

  #peer(): string {
    const { isSpooled, nodeInstanceId } = this.location;
    return isSpooled === true ? SPOOL : nodeInstanceId;
  }

  #lose(): void {
    this.#isEnded = true;
    this.#events.onLost();
  }

  #destroyBuffer(): void {
    const { network, serverAt } = this.#deps;
    const run = this.#peer();
    network.sendAtLeastOnce(run, () => serverAt(this.location)?.destroy(this.location));
  }
}

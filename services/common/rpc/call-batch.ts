import type { Clock } from '../clock.ts';

export interface CallBatchOptions<Item> {
  readonly clock: Clock;
  readonly send: (items: readonly Item[]) => Promise<unknown>;
}

/** How long an item waits for others to go with it. */
const GATHER_MS = 2;
const MAX_ITEMS = 1_000;

/** Gathers small orders that come at nearly the same time into one call. */
export class CallBatch<Item> {
  readonly #options: CallBatchOptions<Item>;
  #items: Item[] = [];
  #sent: Promise<unknown> | undefined;

  constructor(options: CallBatchOptions<Item>) {
    this.#options = options;
  }

  /** Resolves when the call that carries the item has succeeded; rejects when that fails. */
  async add(item: Item): Promise<void> {
    if (this.#items.length >= MAX_ITEMS) this.#begin();
    this.#items.push(item);
    this.#sent ??= this.#sendSoon(this.#items);
    await this.#sent;
  }

  async #sendSoon(items: readonly Item[]): Promise<void> {
    await new Promise<void>((resolve) => this.#options.clock.schedule(GATHER_MS, resolve));
    if (this.#items === items) this.#begin();
    await this.#options.send(items);
  }

  /** Items from now on go with the next call. */
  #begin(): void {
    this.#items = [];
    this.#sent = undefined;
  }
}

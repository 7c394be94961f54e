import { assert } from '../../common/assert.ts';

/**
 * The worker's memory for pages: those in output buffers and those in input queues. Producers of pages that
 * exist already reserve without asking and wait afterwards; who can do without (a queue that can spill) asks.
 */
export class PageMemoryPool {
  readonly limitBytes: number;
  readonly #onRoom = new Set<() => void>();
  #usedBytes = 0;

  constructor(limitBytes: number) {
    assert(limitBytes > 0, 'pages need memory');
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get isFull(): boolean {
    return this.#usedBytes >= this.limitBytes;
  }

  /** false: there is no room, and nothing was taken. */
  tryReserve(byteCount: number): boolean {
    if (this.#usedBytes + byteCount > this.limitBytes) return false;
    this.#usedBytes += byteCount;
    return true;
  }

  /** For a page that is there: may exceed the limit, by one page of each producer. */
  reserve(byteCount: number): void {
    this.#usedBytes += byteCount;
  }

  release(byteCount: number): void {
    const wasFull = this.isFull;
    this.#usedBytes -= byteCount;
    assert(this.#usedBytes >= 0, 'no more is released than was reserved');
    if (wasFull && !this.isFull) for (const notify of this.#onRoom) notify();
  }

  /** Calls `notify` whenever the full pool has room again, until the returned function is called. */
  onRoom(notify: () => void): () => void {
    this.#onRoom.add(notify);
    return () => void this.#onRoom.delete(notify);
  }
}

import { assert } from './assert.ts';

/** A first-in first-out queue with a capacity and an answer when it is full. */
export class BoundedQueue<T> {
  #items: T[] = [];
  #head = 0;
  readonly #capacity: number;

  constructor(capacity: number) {
    assert(capacity > 0, 'a queue needs room for one item');
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  offer(item: T): 'accepted' | 'full' {
    if (this.length >= this.#capacity) return 'full';
    this.#items.push(item);
    return 'accepted';
  }

  poll(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#head += 1;
    // Dropping the consumed prefix only when it is half of the array keeps poll O(1) on average.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

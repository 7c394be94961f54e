/** Time that moves from event to event: a simulation of minutes takes milliseconds. */
import type { Clock } from '../../services/common/clock.ts';
import type { Instant } from '../../services/common/ids.ts';

interface Scheduled {
  readonly at: number;
  readonly sequence: number;
  readonly action: () => void;
}

export class VirtualTime implements Clock {
  #now = 0;
  #sequence = 0;
  /** A binary heap: no parent is later than its children. */
  readonly #heap: Scheduled[] = [];

  now(): Instant {
    return this.#now as Instant;
  }

  /** Equal instants run in the order in which they were scheduled. */
  after(delayMs: number, action: () => void): void {
    this.at(this.#now + delayMs, action);
  }

  at(instant: number, action: () => void): void {
    this.#sequence += 1;
    this.#heap.push({ at: Math.max(instant, this.#now), sequence: this.#sequence, action });
    this.#rise(this.#heap.length - 1);
  }

  schedule(delayMs: number, callback: () => void): () => void {
    let isWanted = true;
    this.after(delayMs, () => {
      if (isWanted) callback();
    });
    return () => (isWanted = false);
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', onAbort, { once: true });
      this.after(durationMs, () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      });
    });
  }

  /** Runs what is due until nothing is left, time would pass `limit`, or `isDone`. */
  run(limit: number, isDone: () => boolean): void {
    while (this.#step(limit, isDone));
  }

  /**
   * As `run`, letting everything asynchronous that an action set off come to rest before the next: a tick comes when no
   * promise is left to go on, and nothing here waits for anything else.
   */
  async runSettled(limit: number, isDone: () => boolean): Promise<void> {
    do await new Promise<void>((resolve) => process.nextTick(resolve));
    while (this.#step(limit, isDone));
  }

  #step(limit: number, isDone: () => boolean): boolean {
    const next = this.#heap[0];
    if (next === undefined || isDone() || next.at > limit) return false;
    this.#takeFirst();
    this.#now = next.at;
    next.action();
    return true;
  }

  #takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(start: number): void {
    for (let child = start; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(start: number): void {
    for (let parent = start; ;) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (this.#isBefore(child, least)) least = child;
      }
      if (least === parent) return;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #isBefore(index: number, other: number): boolean {
    const a = this.#heap[index];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    return a.at === b.at ? a.sequence < b.sequence : a.at < b.at;
  }

  #swap(index: number, other: number): void {
    const a = this.#heap[index];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return;
    this.#heap[index] = b;
    this.#heap[other] = a;
  }
}

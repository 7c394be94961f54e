import { assert } from '../../common/assert.ts';

/** Who runs and who waits: at most so many at once, the others in the order of arrival. */
export interface AdmissionLimits {
  readonly maxRunning: number;
  readonly maxQueued: number;
}

export class Admission<T> {
  readonly #limits: AdmissionLimits;
  readonly #running = new Set<T>();
  /** In insertion order; leaving the middle is cheap. */
  readonly #queued = new Set<T>();

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    const { maxRunning, maxQueued } = this.#limits;
    return this.#running.size >= maxRunning && this.#queued.size >= maxQueued;
  }

  /** True: it runs. False: it waits for its turn. Ask `isFull` before. */
  admit(item: T): boolean {
    assert(!this.isFull, 'there is room for one more');
    const runs = this.#running.size < this.#limits.maxRunning;
    (runs ? this.#running : this.#queued).add(item);
    return runs;
  }

  /** It needs its place no more, running or waiting; answers who runs now instead. Leaving twice is harmless. */
  leave(item: T): T | undefined {
    this.#queued.delete(item);
    if (!this.#running.delete(item)) return undefined;
    const [next] = this.#queued;
    if (next === undefined) return undefined;
    this.#queued.delete(next);
    this.#running.add(next);
    return next;
  }
}

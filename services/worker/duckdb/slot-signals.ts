/**
 * Words of memory that the main thread and a slot share: what must be seen inside a DuckDB callback, where
 * the slot's thread takes no messages. Waits are cut into slices, so that a lost wake-up costs time, never
 * the task.
 */
import { EngineError } from '../../common/error.ts';

const BELL = 0;
const ABORT = 1;
const BYTES_UNDERWAY = 2;
const WORD_COUNT = 3;

const SLICE_MS = 50;

export class SlotSignals {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Rings for everybody who waits: a page was sent, or the run is to end. */
  ring(): void {
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }

  /** Read it BEFORE looking for what the bell announces, and wait with it. */
  get bell(): number {
    return Atomics.load(this.#words, BELL);
  }

  /** Waits until the bell has another value than `bell`, at most one slice. Not on the main thread. */
  awaitBell(bell: number): void {
    Atomics.wait(this.#words, BELL, bell, SLICE_MS);
  }

  /** Callbacks are to end their statement with an error. */
  abort(): void {
    Atomics.store(this.#words, ABORT, 1);
    this.ring();
  }

  get isAborted(): boolean {
    return Atomics.load(this.#words, ABORT) === 1;
  }

  /** @throws EngineError when the run is to end; the main thread knows why. */
  throwIfAborted(): void {
    if (this.isAborted) throw new EngineError('TASK_ABANDONED', 'the task was stopped');
  }

  /** For the next run; only while no statement is in flight. */
  reset(): void {
    Atomics.store(this.#words, ABORT, 0);
    Atomics.store(this.#words, BYTES_UNDERWAY, 0);
  }

  /** Bytes of pages that the slot has sent and nobody has taken yet. */
  get bytesUnderway(): number {
    return Atomics.load(this.#words, BYTES_UNDERWAY);
  }

  addBytesUnderway(byteCount: number): void {
    Atomics.add(this.#words, BYTES_UNDERWAY, byteCount);
  }

  /** The main thread has taken pages: the slot may make more. */
  subtractBytesUnderway(byteCount: number): void {
    Atomics.sub(this.#words, BYTES_UNDERWAY, byteCount);
    this.ring();
  }
}

/**
 * Holds back the first pages of a result for its client. If all of them are small they travel inside the
 * task's final status and nobody fetches them (R8, Spark's direct result); if they grow, or take long, they go
 * to the output buffer. Each page goes exactly one of the two ways.
 */
import type { Clock } from '../../common/clock.ts';
import type { OutputPage } from './task-ports.ts';

const MAX_INLINE_BYTES = 64 << 10;
/** Rows of a statement that goes on wait no longer than this. */
const MAX_WAIT_MS = 50;

export class SmallResult {
  readonly #clock: Clock;
  readonly #release: (page: OutputPage) => void;
  #held: OutputPage[] | undefined = [];
  #heldBytes = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, release: (page: OutputPage) => void) {
    this.#clock = clock;
    this.#release = release;
  }

  add(page: OutputPage): void {
    if (this.#held === undefined) {
      this.#release(page);
      return;
    }
    this.#held.push(page);
    this.#heldBytes += page.page.byteLength;
    if (this.#heldBytes > MAX_INLINE_BYTES) this.#releaseAll();
    else this.#cancelTimer ??= this.#clock.schedule(MAX_WAIT_MS, () => this.#releaseAll());
  }

  /** All pages, if none was released; they are not released any more. */
  take(): readonly Uint8Array[] | undefined {
    this.#cancelTimer?.();
    const held = this.#held;
    this.#held = undefined;
    return held?.map(({ page }) => new Uint8Array(page));
  }

  #releaseAll(): void {
    this.#cancelTimer?.();
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const page of held) this.#release(page);
  }
}

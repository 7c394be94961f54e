import type { Clock } from '../../common/clock.ts';
import type { Instant } from '../../common/ids.ts';

/** The longest delay that timers of the platform hold; beyond it they ring at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** Alarms that end together. */
export class Timers {
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `ring` once at the instant, or at once when it is past; never after `close`. The returned function cancels. */
  at(instant: Instant, ring: () => void): () => void {
    if (this.#isClosed) return () => undefined;
    const remainingMs = Math.max(0, instant - this.#clock.now());
    const isLast = remainingMs <= MAX_DELAY_MS;
    let cancelNext: (() => void) | undefined;
    const cancelThis = this.#clock.schedule(Math.min(remainingMs, MAX_DELAY_MS), () => {
      this.#cancels.delete(cancel);
      if (isLast) ring();
      else cancelNext = this.at(instant, ring);
    });
    const cancel = (): void => {
      this.#cancels.delete(cancel);
      cancelThis();
      cancelNext?.();
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#cancels) cancel();
  }
}

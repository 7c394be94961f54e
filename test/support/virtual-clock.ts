import type { Clock } from '../../services/common/clock.ts';
import type { Instant } from '../../services/common/ids.ts';

interface Alarm {
  readonly at: number;
  readonly sequence: number;
  readonly ring: () => void;
}

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  #now = 0;
  #sequence = 0;
  readonly #alarms = new Set<Alarm>();

  now(): Instant {
    return this.#now as Instant;
  }

  get pendingCount(): number {
    return this.#alarms.size;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    this.#sequence += 1;
    const alarm: Alarm = { at: this.#now + delayMs, sequence: this.#sequence, ring: callback };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const wake = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => (cancel(), reject(signal.reason as Error));
      const cancel = this.schedule(durationMs, wake);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  /** Moves time on and rings what is due, in order, letting each waiter run before the next. */
  async advance(durationMs: number): Promise<void> {
    const end = this.#now + durationMs;
    for (;;) {
      const due = [...this.#alarms].filter((alarm) => alarm.at <= end);
      const next = due.toSorted((a, b) => a.at - b.at || a.sequence - b.sequence)[0];
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.ring();
      await settle();
    }
    this.#now = end;
    await settle();
  }
}

/** Lets everything that can run without time passing run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { Instant } from './ids.ts';

/** The wall clock: the only caller of Date and setTimeout in the engine. */
export const systemClock: Clock = {
  now: () => Date.now() as Instant,
  async sleep(durationMs, signal) {
    signal.throwIfAborted();
    try {
      await sleepFor(durationMs, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

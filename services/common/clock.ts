import type { Instant } from './ids.ts';

/** The only source of time. Production: `system-clock.ts`; tests and the simulator: a virtual one. */
export interface Clock {
  now(): Instant;
  /** Resolves after `durationMs`; rejects with the signal's reason when it is aborted first. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
  /** Calls `callback` once after `delayMs` unless cancelled; the returned function cancels. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Pauses between attempts (T6, F19): failures that are nobody's own fault come in swarms, and swarms pass. */
import type { Instant } from '../../../common/ids.ts';
import type { RetryDelays } from './fault-tolerant-options.ts';

/** Before run `retry` of a query (T6), or of what else is tried again, from 1. */
export function queryRetryDelayMs(retry: number, delays: RetryDelays): number {
  const { initialDelayMs, maxDelayMs, scaleFactor } = delays;
  return Math.min(initialDelayMs * Math.floor(scaleFactor ** (retry - 1)), maxDelayMs);
}

/** Of the tasks of one query. `startedAt` is null until the first failure. */
export interface SchedulingDelay {
  startedAt: Instant | null;
  delayMs: number;
}

export function noDelay(): SchedulingDelay {
  return { startedAt: null, delayMs: 0 };
}

/**
 * A failure that pauses scheduling (F19). Failures during a pause change nothing; one after it begins a longer pause.
 * Success shortens nothing.
 */
export function delayScheduling(delay: SchedulingDelay, now: Instant, delays: RetryDelays): void {
  if (delay.startedAt === null) delay.delayMs = delays.initialDelayMs;
  else if (now - delay.startedAt <= delay.delayMs) return;
  else delay.delayMs = Math.min(delay.delayMs * delays.scaleFactor, delays.maxDelayMs);
  delay.startedAt = now;
}

/** When scheduling goes on; `undefined` = it does not pause. */
export function resumesAt(delay: SchedulingDelay, now: Instant): Instant | undefined {
  if (delay.startedAt === null) return undefined;
  const end = (delay.startedAt + delay.delayMs) as Instant;
  return end > now ? end : undefined;
}

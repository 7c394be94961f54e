import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../../services/common/ids.ts';
import { DEFAULT_RETRY_DELAYS } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  delayScheduling,
  noDelay,
  queryRetryDelayMs,
  resumesAt,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/retry-delay.ts';

const at = (seconds: number): Instant => (seconds * 1000) as Instant;

describe('the delay before a query runs again (T6)', () => {
  it('doubles up to a minute', () => {
    const delays = [1, 2, 3, 4, 5].map((retry) => queryRetryDelayMs(retry, DEFAULT_RETRY_DELAYS));
    expect(delays).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it('grows by whole factors only', () => {
    const delays = { initialDelayMs: 100, maxDelayMs: 1_000, scaleFactor: 1.5 };
    expect([1, 2, 3, 4].map((retry) => queryRetryDelayMs(retry, delays))).toEqual([
      100, 100, 200, 300,
    ]);
  });
});

describe('the scheduling delay (F19)', () => {
  it('begins with the first failure and ends by itself', () => {
    const delay = noDelay();
    expect(resumesAt(delay, at(0))).toBeUndefined();
    delayScheduling(delay, at(5), DEFAULT_RETRY_DELAYS);
    expect(resumesAt(delay, at(5))).toBe(at(15));
    expect(resumesAt(delay, at(14.999))).toBe(at(15));
    expect(resumesAt(delay, at(15))).toBeUndefined();
  });

  it('is not prolonged by failures while it lasts', () => {
    const delay = noDelay();
    for (const second of [0, 1, 9.9, 10]) delayScheduling(delay, at(second), DEFAULT_RETRY_DELAYS);
    expect(resumesAt(delay, at(9.9))).toBe(at(10));
  });

  it('doubles with a failure after it, up to a minute, and never shrinks', () => {
    const delay = noDelay();
    const lengths = [0, 11, 40, 100, 1_000, 100_000].map((second) => {
      delayScheduling(delay, at(second), DEFAULT_RETRY_DELAYS);
      return (resumesAt(delay, at(second)) ?? 0) - at(second);
    });
    expect(lengths).toEqual([10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });
});

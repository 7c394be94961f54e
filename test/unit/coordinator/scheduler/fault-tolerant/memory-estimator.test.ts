import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_MEMORY_ESTIMATION } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import {
  createMemoryEstimator,
  initialNeed,
  isRetryHopeless,
  learnFromAttempt,
  retryNeed,
  revisedNeed,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/memory-estimator.ts';
import type { MemoryEstimator } from '../../../../../services/coordinator/scheduler/fault-tolerant/memory-estimator.ts';

const NODE = 1000;
const anEstimator = (): MemoryEstimator => createMemoryEstimator(50, DEFAULT_MEMORY_ESTIMATION);

function taught(peaks: readonly number[]): MemoryEstimator {
  const estimator = anEstimator();
  for (const peakBytes of peaks) learnFromAttempt(estimator, { needBytes: 50, peakBytes });
  return estimator;
}

describe('the memory estimator (F30)', () => {
  it('begins with the default, and with what nine tenths of the tasks needed when that is more', () => {
    expect(initialNeed(anEstimator(), NODE)).toBe(50);
    expect(initialNeed(taught([10, 20]), NODE)).toBe(50);
    const peaks = [100, 10, 20, 30, 40, 60, 70, 80, 90, 999];
    expect(initialNeed(taught(peaks), NODE)).toBe(100);
  });

  it('asks for no more than the largest node has', () => {
    expect(initialNeed(anEstimator(), 30)).toBe(30);
    const failed = {
      needBytes: 500,
      peakBytes: 500,
      code: 'OUT_OF_MEMORY',
      attemptsLeft: 3,
    } as const;
    expect(retryNeed(anEstimator(), failed, NODE)).toBe(NODE);
  });

  it.each([
    { code: 'OUT_OF_MEMORY', attemptsLeft: 3, expected: 180 },
    { code: 'NODE_LOST', attemptsLeft: 3, expected: 180 },
    { code: 'OUT_OF_MEMORY', attemptsLeft: 1, expected: NODE },
    { code: 'NODE_LOST', attemptsLeft: 1, expected: NODE },
    { code: 'SOURCE_READ_FAILED', attemptsLeft: 3, expected: 60 },
    { code: 'SOURCE_READ_FAILED', attemptsLeft: 1, expected: 60 },
    { code: 'SHUTTING_DOWN', attemptsLeft: 1, expected: 60 },
  ] as const)(
    'asks for $expected after $code with $attemptsLeft left',
    ({ code, attemptsLeft, expected }) => {
      const failed = { needBytes: 50, peakBytes: 60, code, attemptsLeft };
      expect(retryNeed(anEstimator(), failed, NODE)).toBe(expected);
    },
  );

  it('asks after a failure for what the others needed, if that is more', () => {
    const failed = {
      needBytes: 50,
      peakBytes: 5,
      code: 'SOURCE_READ_FAILED',
      attemptsLeft: 3,
    } as const;
    expect(retryNeed(taught([400]), failed, NODE)).toBe(400);
  });

  it('learns three times what was not enough, and nothing from other failures', () => {
    const estimator = anEstimator();
    learnFromAttempt(estimator, { needBytes: 50, peakBytes: 40, code: 'SOURCE_READ_FAILED' });
    expect(initialNeed(estimator, NODE)).toBe(50);
    learnFromAttempt(estimator, { needBytes: 50, peakBytes: 40, code: 'OUT_OF_MEMORY' });
    expect(initialNeed(estimator, NODE)).toBe(150);
  });

  it('never lowers the need of a partition that has failed', () => {
    const estimator = taught([100]);
    expect(revisedNeed(estimator, { needBytes: 300, hasFailed: true }, NODE)).toBe(300);
    expect(revisedNeed(estimator, { needBytes: 300, hasFailed: false }, NODE)).toBe(100);
    expect(revisedNeed(estimator, { needBytes: 60, hasFailed: true }, NODE)).toBe(100);
  });

  it('sees that more of the same cannot be enough (F17)', () => {
    const failed = { needBytes: 900, peakBytes: 995, code: 'OUT_OF_MEMORY' } as const;
    expect(isRetryHopeless(failed, 1000)).toBe(true);
    expect(isRetryHopeless(failed, 1010)).toBe(false);
    expect(isRetryHopeless({ ...failed, code: 'NODE_LOST' }, 1000)).toBe(false);
  });

  it('keeps what was shown in order, and is within what was shown and what a node has', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { minLength: 1, maxLength: 50 }), (peaks) => {
        const estimator = taught(peaks);
        expect(estimator.shownBytes).toEqual([...peaks].sort((a, b) => a - b));
        const need = initialNeed(estimator, NODE);
        expect(need).toBeLessThanOrEqual(NODE);
        const covered = peaks.filter((peak) => peak <= need).length;
        if (need < NODE) expect(covered).toBeGreaterThanOrEqual(Math.ceil(0.9 * peaks.length));
      }),
    );
  });
});

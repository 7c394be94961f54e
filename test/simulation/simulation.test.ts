import { describe, expect, it } from 'vitest';
import { REGRESSIONS } from './regressions.ts';
import { simulate } from './simulator.ts';

/** Enough to meet every kind of plan, fault and end; long searches: `npm run test:simulation -- --seeds N`. */
const SEED_COUNT = 250;

const brokenLaws = (seed: number): readonly string[] =>
  simulate(seed).violations.map((violation) => `--seed ${seed}: ${violation}`);

describe('simulated queries', () => {
  it(`keep every law under ${SEED_COUNT} seeds of faults`, { timeout: 60_000 }, () => {
    const seeds = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);
    expect(seeds.flatMap(brokenLaws)).toEqual([]);
  });

  it.each(REGRESSIONS)('keep every law under seed $seed: $what', ({ seed }) => {
    expect(brokenLaws(seed)).toEqual([]);
  });

  it('run the same way from the same seed, to the last message', () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      expect(simulate(seed)).toEqual(simulate(seed));
    }
    expect(simulate(1).traceHash).not.toBe(simulate(2).traceHash);
  });

  it('meet every end that a query can have', () => {
    const outcomes = new Set<string>();
    for (let seed = 1; seed <= 100; seed += 1) outcomes.add(simulate(seed).outcome);
    const expected = [
      'finished',
      'NODE_LOST',
      'INVALID_INPUT',
      'SOURCE_READ_FAILED',
      'QUERY_CANCELLED',
    ];
    expect([...outcomes]).toEqual(expect.arrayContaining(expected));
  });
});

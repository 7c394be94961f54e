/** A sample of the planted bugs; all of them and all mutants: `npm run sim:mutants`. */
import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './mutants/planted-bugs.ts';
import { simulate } from './simulator.ts';

/** Found within seconds; the others take more than a thousand seeds. */
const QUICK = Object.entries(PLANTED_BUGS).filter(
  ([what]) => what !== 'producers are not told of readers that have ended',
);
const MAX_SEEDS = 1_000;

describe('planted bugs', () => {
  it.each(QUICK)('%s', { timeout: 60_000 }, (_what, plant) => {
    const found = Array.from({ length: MAX_SEEDS }, (_, index) => index + 1).find(
      (seed) => simulate(seed, { tamper: plant() }).violations.length > 0,
    );
    expect(found).toBeDefined();
  });
});

import { describe, expect, it } from 'vitest';
import { spoolsOutputs } from '../../services/coordinator/scheduler/scheduler-options.ts';
import { Coverage, EXPECTED_COUNTS } from './coverage.ts';
import { REGRESSIONS, WORKER_REGRESSIONS } from './regressions.ts';
import { drawCase } from './simulation-case.ts';
import { simulate, simulateWorkers, simulateWorkersCase } from './simulator.ts';

/** Enough to meet every kind of plan, fault and end; long searches: `npm run sim -- --seeds N`. */
const SEED_COUNT = 400;
const WORKER_SEED_COUNT = 60;
/** All of 1,000: `npm run sim -- --seeds 1000 --restore`. */
const RESTORED_SEED_COUNT = 30;

const coverage = new Coverage();
const outcomes = new Set<string>();

function brokenLaws(seed: number): readonly string[] {
  const { violations, outcome } = simulate(seed, { coverage, withoutHash: true });
  outcomes.add(outcome);
  return violations.map((violation) => `--seed ${seed}: ${violation}`);
}

describe('simulated queries', () => {
  it(`keep every law under ${SEED_COUNT} seeds of faults`, { timeout: 240_000 }, () => {
    const seeds = Array.from({ length: SEED_COUNT }, (_, index) => index + 1);
    expect(seeds.flatMap(brokenLaws)).toEqual([]);
  });

  it('meet every end that a query can have', () => {
    const expected = [
      'finished',
      'NODE_LOST',
      'INVALID_INPUT',
      'OUT_OF_MEMORY',
      'SOURCE_READ_FAILED',
      'QUERY_CANCELLED',
    ];
    expect([...outcomes]).toEqual(expect.arrayContaining(expected));
  });

  it('meet every fault and reach every mechanism that is counted', () => {
    const { counts } = coverage;
    expect(EXPECTED_COUNTS.filter((name) => (counts.get(name) ?? 0) === 0)).toEqual([]);
  });

  it(
    `keep every law under ${WORKER_SEED_COUNT} seeds with the real worker code`,
    { timeout: 60_000 },
    async () => {
      for (let seed = 1; seed <= WORKER_SEED_COUNT; seed += 1) {
        const { violations } = await simulateWorkers(seed);
        expect(violations, `--workers --seed ${seed}`).toEqual([]);
      }
    },
  );

  it.each(WORKER_REGRESSIONS)(
    'keep every law with the real worker code under seed $seed: $what',
    async ({ seed }) => {
      expect((await simulateWorkers(seed)).violations).toEqual([]);
    },
  );

  it.each(REGRESSIONS)('keep every law under seed $seed: $what', ({ seed }) => {
    expect(brokenLaws(seed)).toEqual([]);
  });

  it('run the same way from the same seed, to the last message', () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      expect(simulate(seed)).toEqual(simulate(seed));
    }
    expect(simulate(1).traceHash).not.toBe(simulate(2).traceHash);
  });

  it('run the same way from the same seed with the real worker code', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      expect(await simulateWorkers(seed)).toEqual(await simulateWorkers(seed));
    }
  });

  it('replay a seed of task retries with the real worker code as the search ran it', async () => {
    const seeds = Array.from({ length: 100 }, (_, index) => index + 1);
    const seed = seeds.find((each) => spoolsOutputs(drawCase(each).scenario.options));
    if (seed === undefined) throw new Error('no seed retries tasks');
    const replayed = await simulateWorkersCase(drawCase(seed));
    expect(replayed).toEqual(await simulateWorkers(seed));
    expect(replayed.violations).toEqual([]);
  });

  it('go on the same way from a kernel whose state was restored after every turn', () => {
    for (let seed = 1; seed <= RESTORED_SEED_COUNT; seed += 1) {
      const { traceHash } = simulate(seed, { restoresAlways: true });
      expect(traceHash, `--seed ${seed}`).toBe(simulate(seed).traceHash);
    }
  });
});

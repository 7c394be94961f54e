import { describe, expect, it } from 'vitest';
import { simulate } from './simulator.ts';

const SEEDS = 300;

describe('simulated queries', () => {
  it(`keep every law under ${SEEDS} seeds of faults`, () => {
    const outcomes = new Map<string, number>();
    let events = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const report = simulate(seed);
      outcomes.set(report.outcome, (outcomes.get(report.outcome) ?? 0) + 1);
      events += report.eventCount;
      if (report.violations.length) console.log(seed, report.outcome, report.violations.slice(0, 4));
    }
    console.log(outcomes, events);
  });
});

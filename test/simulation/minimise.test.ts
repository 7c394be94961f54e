import { describe, expect, it } from 'vitest';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import { applyCuts } from './cuts.ts';
import { brokenLaw, minimise } from './minimise.ts';
import { drawCase } from './simulation-case.ts';
import type { SimulationCase } from './simulation-case.ts';
import { simulateCase } from './simulator.ts';

/** A bug that every query shows: nobody closes its split sources. */
const withoutCloses = (effects: readonly SchedulerEffect[]): readonly SchedulerEffect[] =>
  effects.filter(({ kind }) => kind !== 'close-split-source');

const runWithBug = (smaller: SimulationCase) => simulateCase(smaller, { tamper: withoutCloses });

/** A seed whose query has several stages and whose cluster has troubles. */
const SEED = Array.from({ length: 100 }, (_, index) => index + 1).find((seed) => {
  const { scenario, workload } = drawCase(seed);
  return workload.fragments.length > 3 && scenario.faults.length > 1 && scenario.nodeCount > 3;
});

describe('the smallest case that breaks a law', () => {
  it('has nothing left that the bug does not need, and is the same every time', async () => {
    const drawn = drawCase(SEED ?? 0);
    const law = brokenLaw(runWithBug(drawn));
    expect(law).toContain('source # has given all and is open');
    const cuts = await minimise(drawn, law ?? '', runWithBug);
    const smallest = applyCuts(drawn, cuts);
    expect(smallest?.scenario.faults).toEqual([]);
    expect(smallest?.scenario.nodeCount).toBe(1);
    expect(smallest?.workload.fragments.length).toBeLessThan(drawn.workload.fragments.length);
    expect(brokenLaw(runWithBug(smallest ?? drawn))).toBe(law);
    expect(await minimise(drawn, law ?? '', runWithBug)).toEqual(cuts);
  });

  it('breaks no law without the bug, however it was cut', () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const drawn = drawCase(seed);
      for (const { id } of drawn.workload.fragments) {
        const cut = applyCuts(drawn, [`root:${id}`]);
        expect(cut === undefined ? [] : simulateCase(cut).violations, `${seed}`).toEqual([]);
      }
      for (const source of drawn.workload.fragments.flatMap(({ remoteSources }) => remoteSources)) {
        const cut = applyCuts(drawn, [`remote:${source.sourceId}`]);
        expect(cut === undefined ? [] : simulateCase(cut).violations, `${seed}`).toEqual([]);
      }
    }
  });
});

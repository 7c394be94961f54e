/** From a case that breaks a law to the smallest found that breaks the same law. */
import { applyCuts, cutsOf } from './cuts.ts';
import type { Cut } from './cuts.ts';
import type { SimulationCase } from './simulation-case.ts';
import type { SimulationReport } from './simulator.ts';

export type RunCase = (smaller: SimulationCase) => SimulationReport | Promise<SimulationReport>;

/** Runs that one minimisation may take. */
const MAX_RUNS = 600;

/** Which law a run breaks first, without the numbers in it; undefined = none. */
export function brokenLaw({ violations }: SimulationReport): string | undefined {
  return violations[0]?.split('\n')[0]?.replaceAll(/\d+/g, '#').slice(0, 50);
}

/**
 * Takes cut after cut as long as the case still breaks that law, round after round until none is left to take. The same
 * case gives the same cuts.
 */
export async function minimise(
  drawn: SimulationCase,
  law: string,
  run: RunCase,
): Promise<readonly Cut[]> {
  let cuts: readonly Cut[] = [];
  let runs = 0;
  for (let taken = -1; taken !== cuts.length;) {
    taken = cuts.length;
    const { workload, scenario } = applyCuts(drawn, cuts) ?? drawn;
    const { faults } = drawn.scenario;
    for (const cut of cutsOf({ ...drawn, workload, scenario: { ...scenario, faults } })) {
      const longer = [...cuts, cut];
      const smaller = cuts.includes(cut) ? undefined : applyCuts(drawn, longer);
      if (smaller === undefined || runs >= MAX_RUNS) continue;
      runs += 1;
      if (brokenLaw(await run(smaller)) === law) cuts = longer;
    }
  }
  return cuts;
}

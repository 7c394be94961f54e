/** What a seed stands for, apart from the chances of its run: a query, a cluster, and everything that goes wrong. */
import { seededRandom } from '../../services/common/random.ts';
import type { Random } from '../../services/common/random.ts';
import { drawDeterminism, drawDiscipline, drawLoneLimits, drawStoreFaults } from './discipline.ts';
import { drawFaultTolerance, drawsLimit } from './fault-tolerance.ts';
import { createScenario } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { createLimit, createWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

export interface SimulationCase {
  /** Of the chances of the run: delays, losses, choices between equals. */
  readonly seed: number;
  readonly scenario: Scenario;
  readonly workload: Workload;
}

/** Each part has chances of its own, so that a change of one leaves the others what they were. */
export function drawCase(seed: number): SimulationCase {
  const scenario = createScenario(partOf(seed, 1), {
    filterRandom: partOf(seed, 2),
    policyRandom: partOf(seed, 3),
    placementRandom: partOf(seed, 4),
  });
  const randoms = {
    random: partOf(seed, 5),
    filterRandom: partOf(seed, 6),
    policyRandom: partOf(seed, 7),
  };
  const options = { ...scenario.options, ...drawDiscipline(partOf(seed, 8)) };
  const disciplined = drawFaultTolerance(partOf(seed, 10), { ...scenario, options });
  const isLimit = drawsLimit(partOf(seed, 13), disciplined);
  const workload = isLimit ? createLimit(randoms) : createWorkload(randoms);
  const faults = [...disciplined.faults, ...drawStoreFaults(partOf(seed, 11), disciplined.options)];
  return {
    seed,
    scenario: { ...disciplined, faults },
    workload: drawLoneLimits(partOf(seed, 12), drawDeterminism(partOf(seed, 9), workload)),
  };
}

function partOf(seed: number, part: number): Random {
  return seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(part, 0x85ebca6b));
}

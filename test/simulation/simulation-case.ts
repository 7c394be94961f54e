/** What a seed stands for, apart from the chances of its run: a query, a cluster, and everything that goes wrong. */
import { seededRandom } from '../../services/common/random.ts';
import { createScenario } from './scenario.ts';
import type { Scenario } from './scenario.ts';
import { createWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

export interface SimulationCase {
  /** Of the chances of the run: delays, losses, choices between equals. */
  readonly seed: number;
  readonly scenario: Scenario;
  readonly workload: Workload;
}

/** Each part has chances of its own, so that a change of one leaves the others what they were. */
export function drawCase(seed: number): SimulationCase {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1));
  const part = () => seededRandom(Math.floor(random.next() * 2 ** 32));
  const scenario = createScenario(part(), {
    filterRandom: part(),
    policyRandom: part(),
    placementRandom: part(),
  });
  const workload = createWorkload({ random: part(), filterRandom: part(), policyRandom: part() });
  return { seed, scenario, workload };
}

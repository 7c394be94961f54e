/** Some cases are run under the discipline that retries tasks: with a spool, small tasks, and troubles of its own. */
import type { Random } from '../../services/common/random.ts';
import { DEFAULT_TASK_RETRIES } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { TaskRetryOptions } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { Scenario, TimedFault } from './scenario.ts';

const FAULT_TOLERANT = {
  scheduling: 'fault-tolerant',
  executionPolicy: 'event-driven',
  retryPolicy: 'task',
  hasSpooledExchange: true,
} as const;
const MIB = 1024 ** 2;

/** One case in six; the others stay what they are. */
export function drawFaultTolerance(random: Random, scenario: Scenario): Scenario {
  if (random.below(6) > 0) return scenario;
  const options = {
    ...scenario.options,
    ...FAULT_TOLERANT,
    nodeWaitMs: 4_000,
    taskRetries: drawTaskRetries(random),
  };
  return { ...scenario, options, faults: [...scenario.faults, ...drawSpoolLosses(random)] };
}

function drawTaskRetries(random: Random): TaskRetryOptions {
  return {
    ...DEFAULT_TASK_RETRIES,
    sizing: {
      minTargetBytes: (8 + random.below(120)) * MIB,
      maxTargetBytes: 400 * MIB,
      growthFactor: 1.5,
      growthPeriod: 2,
      maxTaskSplits: 1 + random.below(20),
      // Rows of eight bytes.
      hashTargetBytes: 1 + random.below(400),
      minTasksPerNode: random.below(3),
      maxTasks: 1 + random.below(10),
    },
  };
}

function drawSpoolLosses(random: Random): readonly TimedFault[] {
  const count = random.below(2) === 0 ? 0 : 1 + random.below(3);
  return Array.from({ length: count }, () => ({
    atMs: random.below(400),
    fault: { kind: 'spool-loss' },
  }));
}

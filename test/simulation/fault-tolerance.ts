/** Some cases are run under the discipline that retries tasks: with a spool, small tasks, and troubles of its own. */
import type { Random } from '../../services/common/random.ts';
import { DEFAULT_TASK_RETRIES } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type {
  SpeculationOptions,
  TaskRetryOptions,
} from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { Checker, Violations } from './checkers/checker.ts';
import { LeaseChecker } from './checkers/lease-checker.ts';
import { SpoolChecker } from './checkers/spool-checker.ts';
import { SurvivalChecker } from './checkers/survival-checker.ts';
import type { SimulationCase } from './simulation-case.ts';
import type { MemoryScenario, Scenario, TimedFault } from './scenario.ts';

export const FAULT_TOLERANT = {
  scheduling: 'fault-tolerant',
  executionPolicy: 'event-driven',
  retryPolicy: 'task',
  hasSpooledExchange: true,
} as const;
const MIB = 1024 ** 2;

/** Beside those of every discipline. */
export function faultTolerantCheckers(
  { scenario, workload }: Pick<SimulationCase, 'scenario' | 'workload'>,
  violations: Violations,
): readonly Checker[] {
  const { options, memory } = scenario;
  if (options.retryPolicy !== 'task') return [];
  return [
    new SpoolChecker(workload, violations),
    new SurvivalChecker(workload.fragments, options.taskRetries, violations),
    ...(memory === undefined ? [] : [new LeaseChecker(workload, memory, violations)]),
  ];
}

/** One case in six; the others stay what they are. */
export function drawFaultTolerance(random: Random, scenario: Scenario): Scenario {
  if (random.below(6) > 0) return scenario;
  const retries = drawTaskRetries(random);
  const faults = [...scenario.faults, ...drawSpoolLosses(random)];
  const memory = drawMemory(random);
  const taskRetries = drawEarlyStart(random, retries);
  const options = { ...scenario.options, ...FAULT_TOLERANT, nodeWaitMs: 4_000, taskRetries };
  return { ...scenario, options, faults, memory };
}

/** Some stages begin before all that they read is stored. */
function drawEarlyStart(random: Random, retries: TaskRetryOptions): TaskRetryOptions {
  if (random.below(3) === 0) return { ...retries, startsSpeculatively: false };
  return {
    ...retries,
    startsSpeculatively: true,
    limits: { ...retries.limits, eagerOvercommitBytes: random.below(2) * random.below(40) },
    queueBounds: { ...retries.queueBounds, maxQueuedStandard: 1 + random.below(10) },
    estimation: {
      minProgress: random.next() * 0.5,
      smallInputBytes: random.below(2) * 4_000,
      smallInputFactor: 1.2,
      scanPartitionBytes: 1 + random.below(200),
    },
  };
}

/** Queries that may end before their input does are rare among others. */
export function drawsLimit(random: Random, { options }: Scenario): boolean {
  const startsEarly = options.retryPolicy === 'task' && options.taskRetries.startsSpeculatively;
  return startsEarly && random.below(4) === 0;
}

/** From one task on a node to so many that lanes are what counts. */
function drawMemory(random: Random): MemoryScenario {
  const nodeBytes = 10 + random.below(60);
  return { nodeBytes, maxNeedBytes: 1 + random.below(random.below(3) === 0 ? nodeBytes : 8) };
}

function drawTaskRetries(random: Random): TaskRetryOptions {
  return {
    ...DEFAULT_TASK_RETRIES,
    taskMemoryBytes: 1 + random.below(12),
    speculation: drawSpeculation(random),
    limits: { ...DEFAULT_TASK_RETRIES.limits, usageOverheadBytes: 1 },
    queueBounds: { maxWaitingForNode: 1 + random.below(5), maxQueuedStandard: 10 },
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

/** Tasks take some ten milliseconds; on one node in six, some hundred. */
function drawSpeculation(random: Random): SpeculationOptions {
  return {
    ...DEFAULT_TASK_RETRIES.speculation,
    quantile: random.next() * 0.9,
    multiplier: 1 + random.below(3),
    minRuntimeMs: random.below(120),
    singleTaskMs: random.below(2) * 60,
  };
}

function drawSpoolLosses(random: Random): readonly TimedFault[] {
  const count = random.below(2) === 0 ? 0 : 1 + random.below(3);
  return Array.from({ length: count }, () => ({
    atMs: random.below(400),
    fault: { kind: 'spool-loss' },
  }));
}

/** What a seed stands for: the cluster, the network, the client, and everything that goes wrong. */
import { assertNever } from '../../services/common/assert.ts';
import type { Random } from '../../services/common/random.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { NetworkFaults } from './simulated-network.ts';

export type Fault =
  /** A worker dies; the coordinator hears of it later. `restarts`: its next run joins. */
  | { readonly kind: 'crash'; readonly node: number; readonly restarts: boolean }
  /** The coordinator gives a run up that lives: it goes on for a while, hears of it, ends, and its next run joins. */
  | { readonly kind: 'false-loss'; readonly node: number; readonly goesOnMs: number }
  /** Nothing reaches the worker and nothing comes from it; what is sent again arrives later. */
  | { readonly kind: 'partition'; readonly node: number; readonly durationMs: number }
  /** Its process stands still: long work, late answers. */
  | { readonly kind: 'pause'; readonly node: number; readonly durationMs: number }
  | { readonly kind: 'join' }
  | { readonly kind: 'drain'; readonly node: number }
  /** Some live task finds that the data is bad, runs out of memory, or cannot read a page although nobody died. */
  | { readonly kind: 'task-failure'; readonly code: TaskFailureCode }
  /** What a task has spooled for other stages is gone. */
  | { readonly kind: 'spool-loss' }
  /** The client stops reading and says nothing. */
  | { readonly kind: 'client-stall' }
  /** So many of the next batches of splits cannot be loaded. */
  | { readonly kind: 'split-failure'; readonly count: number }
  /** Stored pages that a stage reads cannot be had any more, with their worker or alone, as soon as there are any. */
  | { readonly kind: 'lost-output'; readonly how: 'crash' | 'damage' }
  | { readonly kind: 'cancel' };

export type TaskFailureCode = 'INVALID_INPUT' | 'OUT_OF_MEMORY' | 'EXCHANGE_FAILED';

export interface WorkerProfile {
  /** Milliseconds of one unit of work, at most. */
  readonly maxWorkMs: number;
  /** Tasks that run at once; Infinity lets tasks stream while their producers run. */
  readonly slots: number;
  readonly outputCapacityRows: number;
  /** Root results up to so many rows travel in the final status. */
  readonly inlineRows: number;
}

/** Where tasks are given memory. */
export interface MemoryScenario {
  /** Of every node. */
  readonly nodeBytes: number;
  /** No task needs more; a node has it. */
  readonly maxNeedBytes: number;
}

export interface TimedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

export interface Scenario {
  readonly nodeCount: number;
  readonly laneCounts: readonly number[];
  /** Nodes are in one of so many racks; 0 = nobody knows where. */
  readonly rackCount: number;
  readonly profiles: readonly WorkerProfile[];
  readonly network: NetworkFaults;
  readonly options: SchedulerOptions;
  readonly faults: readonly TimedFault[];
  /** From then on messages arrive, once and soon: every query must end. */
  readonly healsAtMs: number;
  /** The client waits up to so long before each read. */
  readonly clientPauseMs: number;
  /** Share of turns after which the coordinator's state goes through JSON, as in a take-over. */
  readonly handoverRate: number;
  /** Absent = any task has enough. */
  readonly memory?: MemoryScenario;
}

/** Streams apart from all else, so that what they draw changes nothing that other seeds mean. */
export interface ScenarioStreams {
  /** How long scans wait for dynamic filters. */
  readonly filterRandom: Random;
  /** The policies. */
  readonly policyRandom: Random;
  /** Where splits want to be, and where nodes are. */
  readonly placementRandom: Random;
}

export function createScenario(
  random: Random,
  { filterRandom, policyRandom, placementRandom }: ScenarioStreams,
): Scenario {
  const nodeCount = 1 + random.below(6);
  const areSlotsScarce = random.next() < 0.4;
  const outputCapacityRows = 2 + random.below(random.next() < 0.5 ? 6 : 60);
  const inlineRows = random.next() < 0.5 ? 0 : 10;
  const isCalm = random.next() < 0.3;
  const maxDelayMs = 1 + random.below(20);
  return {
    nodeCount,
    laneCounts: Array.from({ length: nodeCount }, () => 1 + random.below(3)),
    profiles: Array.from({ length: nodeCount + 4 }, () => ({
      // One in six is slow.
      maxWorkMs: random.below(6) === 0 ? 60 : 4,
      slots: areSlotsScarce ? 1 + random.below(2) : Infinity,
      outputCapacityRows,
      inlineRows,
    })),
    network: isCalm
      ? { maxDelayMs, lossRate: 0, duplicationRate: 0, lateRate: 0 }
      : {
          maxDelayMs,
          lossRate: random.next() * 0.1,
          duplicationRate: random.next() * 0.2,
          lateRate: random.next() < 0.5 ? 0 : random.next() * 0.05,
        },
    options: {
      ...createOptions(random),
      dynamicFilterWaitMs: drawWait(filterRandom),
      executionPolicy: drawPolicy(policyRandom),
      ...drawRetries(policyRandom),
      ...drawPlacement(placementRandom),
    },
    rackCount: placementRandom.below(4),
    faults: random.next() < 0.5 ? [] : createFaults(random, nodeCount),
    healsAtMs: 2_000,
    clientPauseMs: random.next() < 0.2 ? 200 : 5,
    handoverRate: random.next() < 0.3 ? 0.05 : 0,
  };
}

function drawWait(random: Random): number {
  const waits = [0, 20, 300, 5_000];
  return waits[random.below(waits.length)] ?? 0;
}

function drawPolicy(random: Random): SchedulerOptions['executionPolicy'] {
  const policies = ['phased', 'phased', 'all-at-once', 'legacy-phased'] as const;
  return policies[random.below(policies.length)] ?? 'phased';
}

function drawRetries(
  random: Random,
): Pick<SchedulerOptions, 'retryPolicy' | 'maxQueryRetries' | 'retryDelays'> {
  return {
    retryPolicy: random.next() < 0.35 ? 'query' : 'none',
    maxQueryRetries: random.below(5),
    retryDelays: { initialDelayMs: random.below(500), maxDelayMs: 800, scaleFactor: 2 },
  };
}

function drawPlacement(
  random: Random,
): Pick<SchedulerOptions, 'splitPlacement' | 'splitAffinity' | 'localityWaitMs'> {
  const waits = [0, 10, 200, 3_000];
  return {
    splitPlacement: random.next() < 0.3 ? 'topology' : 'uniform',
    splitAffinity: random.next() < 0.4 ? 'file' : 'none',
    localityWaitMs: waits[random.below(waits.length)] ?? 0,
  };
}

function createOptions(random: Random): SchedulerOptions {
  const areQueuesShort = random.next() < 0.5;
  return {
    ...DEFAULT_SCHEDULER_OPTIONS,
    hashPartitionCount: random.next() < 0.5 ? 0 : 1 + random.below(8),
    taskConcurrency: random.next() < 0.7 ? 0 : 1 + random.below(3),
    splitBatchSize: 1 + random.below([1, 8, 100][random.below(3)] ?? 1),
    splitQueueLimits: areQueuesShort
      ? {
          maxNodeWeight: 100 + random.below(400),
          minTaskWeight: 50 + random.below(200),
          maxTaskWeight: 1_000,
          maxUnacknowledgedSplits: 1 + random.below(6),
        }
      : DEFAULT_SCHEDULER_OPTIONS.splitQueueLimits,
    resultAnnouncementDelayMs: random.below(60),
    // Shorter than the deadline: a query that stands still must never wait for it.
    stallTimeoutMs: 30_000,
    writerScalingMinBytes: 0,
    maxWriterTaskCount: 3,
    seed: random.below(1 << 30),
  };
}

/** Each seed has its own mix: some kinds of faults, drawn as often as they come up. */
function createFaults(random: Random, nodeCount: number): readonly TimedFault[] {
  const kinds = FAULT_KINDS.filter(() => random.next() < 0.5);
  const count = 1 + random.below(4);
  const isEarly = random.next() < 0.5;
  return Array.from({ length: count }, () => ({
    atMs: random.below(isEarly ? 60 : 600),
    fault: createFault(random, kinds[random.below(kinds.length)] ?? 'crash', nodeCount),
  }));
}

type DrawnKind = Exclude<Fault['kind'], 'lost-output' | 'spool-loss'>;

const FAULT_KINDS: readonly DrawnKind[] = [
  'crash',
  'false-loss',
  'partition',
  'pause',
  'join',
  'drain',
  'task-failure',
  'client-stall',
  'split-failure',
  'cancel',
];

function createFault(random: Random, kind: DrawnKind, nodeCount: number): Fault {
  const node = random.below(nodeCount);
  switch (kind) {
    case 'crash':
      return { kind, node, restarts: random.next() < 0.5 };
    case 'false-loss':
      return { kind, node, goesOnMs: 1 + random.below(500) };
    case 'partition':
    case 'pause':
      return { kind, node, durationMs: 1 + random.below(random.next() < 0.5 ? 50 : 800) };
    case 'drain':
      return { kind, node };
    case 'task-failure': {
      const codes = ['INVALID_INPUT', 'OUT_OF_MEMORY', 'EXCHANGE_FAILED'] as const;
      return { kind, code: codes[random.below(codes.length)] ?? 'INVALID_INPUT' };
    }
    case 'split-failure':
      return { kind, count: Infinity };
    case 'join':
    case 'client-stall':
    case 'cancel':
      return { kind };
    default:
      return assertNever(kind);
  }
}

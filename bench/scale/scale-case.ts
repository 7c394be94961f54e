/** One row of the table: a mix on a cluster, run twice for its hash, and what came out of it. */
import { DEFAULT_TASK_RETRIES } from '../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { DEFAULT_SCHEDULER_OPTIONS } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { DisciplineName } from './arguments.ts';
import { quantileOf } from './distributions.ts';
import type { KernelCost } from './kernel-meter.ts';
import { drawQueries } from './mixes.ts';
import type { MixName } from './mixes.ts';
import { ScaleSimulation } from './simulation.ts';
import type { Mishap, SimulationResult } from './simulation.ts';
import { criticalPathOf, taskCountOf, workOf } from './workload.ts';
import type { QueryShape } from './workload.ts';

export interface ScaleCase {
  readonly mix: MixName;
  readonly workers: number;
  readonly tasks: number;
  readonly discipline: DisciplineName;
  readonly seed: number;
  readonly speedup: number;
}

export interface ScaleRow extends ScaleCase {
  readonly queries: number;
  readonly taskCount: number;
  readonly failed: number;
  readonly makespanSeconds: number;
  /** To the longer of the critical path and the work by slots. */
  readonly makespanRatio: number;
  readonly cost: KernelCost;
  /** Of the time of all slots that ran something: what counted for nothing. */
  readonly wastedShare: number;
  /** What was done in vain beyond what ran on lost workers, by that; 0 = nothing was lost. */
  readonly lostShare: number;
  /** 99 of 100 small queries beside a big one took at most so many times as long as alone; 0 = there are none. */
  readonly smallSlowdownP99: number;
  /** Two runs gave the same orders at the same times. */
  readonly isDeterministic: boolean;
  readonly hash: string;
}

export const SLOTS = 4;

export function runCase(wanted: ScaleCase): ScaleRow {
  const slots = wanted.workers * SLOTS;
  const { mix, seed, speedup, tasks } = wanted;
  const shapes = drawQueries({ mix, seed, speedup, slots, taskCount: tasks });
  const result = simulate(wanted, shapes);
  // The second run need not be as long to tell.
  const isDeterministic = tasks > 20_000 || simulate(wanted, shapes).hash === result.hash;
  const bound = Math.max(
    shapes.reduce((sum, shape) => sum + workOf(shape), 0) / slots,
    ...shapes.map((shape) => shape.arrivesAtMs + criticalPathOf(shape)),
  );
  return {
    ...wanted,
    queries: shapes.length,
    taskCount: shapes.reduce((sum, shape) => sum + taskCountOf(shape), 0),
    failed: result.queries.filter(({ outcome }) => outcome !== 'finished').length,
    makespanSeconds: result.makespanMs / 1_000,
    makespanRatio: result.makespanMs / bound,
    cost: result.cost,
    wastedShare: result.busyMs === 0 ? 0 : result.wastedMs / result.busyMs,
    lostShare: result.busyMs === 0 ? 0 : result.lostMs / result.busyMs,
    smallSlowdownP99: slowdownOf(result),
    isDeterministic,
    hash: result.hash.slice(0, 16),
  };
}

function simulate(wanted: ScaleCase, shapes: readonly QueryShape[]): SimulationResult {
  const { workers, discipline, mix } = wanted;
  return new ScaleSimulation({
    workerCount: workers,
    slots: SLOTS,
    shapes,
    options: optionsOf(discipline, mix !== 'straggler-alone'),
    mishaps: mishapsOf(wanted),
  }).run();
}

/** What goes wrong, by the mix. */
function mishapsOf({ mix, workers, speedup }: ScaleCase): readonly Mishap[] {
  switch (mix) {
    case 'slow':
      return each(Math.ceil(workers / 100), (worker) => ({ kind: 'slow', worker, factor: 10 }));
    case 'straggler':
    case 'straggler-alone':
      return [{ kind: 'slow', worker: 0, factor: 10 }];
    case 'loss':
      return each(Math.floor(workers / 10), (worker) => ({
        kind: 'lose',
        worker,
        atMs: Math.round(((worker + 1) * 1_000) / speedup),
      }));
    case 'rack':
      return each(Math.floor(workers / 10), (worker) => ({ kind: 'lose', worker, atMs: 30_000 }));
    default:
      return [];
  }
}

function each(count: number, mishap: (worker: number) => Mishap): readonly Mishap[] {
  return Array.from({ length: count }, (_, worker) => mishap(worker));
}

/** Alone, a small query takes as long as its longest task: it has a slot for each. */
function slowdownOf({ queries }: SimulationResult): number {
  const small = queries.filter(({ shape }) => shape.isSmall === true);
  const slowdowns = small.map(
    ({ shape, endedAtMs }) => (endedAtMs - shape.arrivesAtMs) / criticalPathOf(shape),
  );
  return small.length === 0 ? 0 : quantileOf(Float64Array.from(slowdowns).sort(), 0.99);
}

export function optionsOf(discipline: DisciplineName, copiesSlowTasks: boolean): SchedulerOptions {
  if (discipline === 'stage-barrier') {
    const executionPolicy = 'stage-barrier';
    return {
      ...DEFAULT_SCHEDULER_OPTIONS,
      scheduling: discipline,
      executionPolicy,
      retryPolicy: 'stage',
    };
  }
  const { sizing, speculation } = DEFAULT_TASK_RETRIES;
  return {
    ...DEFAULT_SCHEDULER_OPTIONS,
    scheduling: discipline,
    executionPolicy: 'event-driven',
    retryPolicy: 'task',
    hasSpooledExchange: true,
    taskRetries: {
      ...DEFAULT_TASK_RETRIES,
      // A worker of four slots and 16 GiB is to be full of tasks, not of their first estimates.
      taskMemoryBytes: 1024 ** 3,
      sizing: { ...sizing, minTasksPerNode: 0 },
      maxDescriptorBytes: 1024 ** 4,
      speculation: { ...speculation, isEnabled: copiesSlowTasks },
    },
  };
}

/**
 * Which running tasks of a stage are slow enough for a second attempt beside the first (S16, K25). Slow is measured by the
 * median of those that have finished: of their runtimes, or of their runtimes per byte of input where inputs are known, so
 * that a task is not slow for having much to do. A slow task that works at a fair rate is left alone.
 */
import type { PartitionId } from '../../../common/ids.ts';
import type { SpeculationOptions } from './fault-tolerant-options.ts';

/** A partition of the stage that has finished or runs. */
export interface ComparedTask {
  readonly partitionId: PartitionId;
  readonly isFinished: boolean;
  /** Of the attempt that finished, or of the only one that runs. */
  readonly runtimeMs: number;
  /** Given to it in all; 0 = not known. */
  readonly inputBytes: number;
  /** Rows that it has gone through by now; 0 = not known. */
  readonly workDone: number;
  /** It has a second attempt by now, or had one. */
  readonly isCopied: boolean;
}

export interface SlowTasks {
  /** To be run once more, on another host. */
  readonly slow: readonly PartitionId[];
  /** When the next one may have become slow, if nothing else happens; `undefined` = never. */
  readonly nextCheckMs: number | undefined;
}

const NONE: SlowTasks = { slow: [], nextCheckMs: undefined };

/** `taskCount`: all tasks that the stage will have, begun or not. */
export function findSlowTasks(
  tasks: readonly ComparedTask[],
  taskCount: number,
  options: SpeculationOptions,
): SlowTasks {
  if (!options.isEnabled) return NONE;
  const finished = tasks.filter((task) => task.isFinished);
  const running = tasks.filter((task) => !task.isFinished && !task.isCopied);
  if (taskCount === 1) {
    if (options.singleTaskMs === 0) return NONE;
    return judge(
      running,
      () => options.singleTaskMs,
      () => false,
    );
  }
  if (finished.length === 0 || finished.length < Math.floor(options.quantile * taskCount))
    return NONE;
  const thresholdOf = thresholds(finished, running, options);
  const rateOfAll = rateOf(finished);
  return judge(running, thresholdOf, (task, threshold) =>
    isEfficient(task, { threshold, rateOfAll, options }),
  );
}

type ThresholdOf = (task: ComparedTask) => number;

/** From which runtime on a task is slow: input-weighted only when all inputs are known (K25). */
function thresholds(
  finished: readonly ComparedTask[],
  running: readonly ComparedTask[],
  { multiplier, minRuntimeMs }: SpeculationOptions,
): ThresholdOf {
  const isWeighted = [...finished, ...running].every((task) => task.inputBytes > 0);
  const weightOf = (task: ComparedTask): number => (isWeighted ? task.inputBytes : 1);
  const baseline = median(finished.map((task) => task.runtimeMs / weightOf(task)));
  return (task) => Math.max(minRuntimeMs, multiplier * baseline * weightOf(task));
}

function judge(
  running: readonly ComparedTask[],
  thresholdOf: ThresholdOf,
  isSpared: (task: ComparedTask, threshold: number) => boolean,
): SlowTasks {
  const slow: PartitionId[] = [];
  let nextCheckMs: number | undefined;
  for (const task of running) {
    const threshold = thresholdOf(task);
    if (task.runtimeMs > threshold && !isSpared(task, threshold)) {
      slow.push(task.partitionId);
      continue;
    }
    const isSlow = task.runtimeMs > threshold;
    const wait = Math.ceil(isSlow ? threshold / 2 : threshold - task.runtimeMs + 1);
    if (nextCheckMs === undefined || wait < nextCheckMs) nextCheckMs = wait;
  }
  return { slow, nextCheckMs };
}

/** It is slow and yet makes headway like the others: it has more to do, and a copy would take as long. */
function isEfficient(
  task: ComparedTask,
  compared: {
    readonly threshold: number;
    readonly rateOfAll: number;
    readonly options: SpeculationOptions;
  },
): boolean {
  const { threshold, rateOfAll, options } = compared;
  if (task.runtimeMs > options.inefficientDuration * threshold || rateOfAll === 0) return false;
  return task.workDone / task.runtimeMs >= options.efficientRate * rateOfAll;
}

function rateOf(finished: readonly ComparedTask[]): number {
  const work = finished.reduce((sum, task) => sum + task.workDone, 0);
  const runtimeMs = finished.reduce((sum, task) => sum + task.runtimeMs, 0);
  return runtimeMs === 0 ? 0 : work / runtimeMs;
}

function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = Math.floor(ascending.length / 2);
  const upper = ascending[middle] ?? 0;
  return ascending.length % 2 === 1 ? upper : ((ascending[middle - 1] ?? upper) + upper) / 2;
}

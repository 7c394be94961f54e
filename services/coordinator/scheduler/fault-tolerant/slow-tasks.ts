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

/** What those that have finished say of the others. */
export interface Baseline {
  readonly finishedCount: number;
  readonly runtimeMs: number;
  /** Of runtimes per byte of input; null = not every input is known. */
  readonly msPerByte: number | null;
  /** Rows by millisecond of all of them together. */
  readonly rate: number;
}

const NONE: SlowTasks = { slow: [], nextCheckMs: undefined };

/** Whether so many of the stage's tasks have finished that the others can be measured by them. */
export function mayCompare(
  finishedCount: number,
  taskCount: number,
  { isEnabled, quantile }: SpeculationOptions,
): boolean {
  if (!isEnabled) return false;
  return (
    taskCount === 1 || (finishedCount > 0 && finishedCount >= Math.floor(quantile * taskCount))
  );
}

export function baselineOf(finished: readonly ComparedTask[]): Baseline {
  const isKnown = finished.every((task) => task.inputBytes > 0);
  return {
    finishedCount: finished.length,
    runtimeMs: median(finished.map((task) => task.runtimeMs)),
    msPerByte: isKnown ? median(finished.map((task) => task.runtimeMs / task.inputBytes)) : null,
    rate: rateOf(finished),
  };
}

/** `taskCount`: all tasks that the stage will have, begun or not. `running`: those of which there is no second attempt. */
export function findSlowTasks(
  running: readonly ComparedTask[],
  { baseline, taskCount }: { readonly baseline: Baseline; readonly taskCount: number },
  options: SpeculationOptions,
): SlowTasks {
  if (!mayCompare(baseline.finishedCount, taskCount, options)) return NONE;
  const uncopied = running.filter((task) => !task.isCopied);
  if (taskCount === 1) {
    if (options.singleTaskMs === 0) return NONE;
    return judge(
      uncopied,
      () => options.singleTaskMs,
      () => false,
    );
  }
  const thresholdOf = thresholds(baseline, uncopied, options);
  return judge(uncopied, thresholdOf, (task, threshold) =>
    isEfficient(task, { threshold, rateOfAll: baseline.rate, options }),
  );
}

type ThresholdOf = (task: ComparedTask) => number;

/** From which runtime on a task is slow: input-weighted only when all inputs are known (K25). */
function thresholds(
  { runtimeMs, msPerByte }: Baseline,
  running: readonly ComparedTask[],
  { multiplier, minRuntimeMs }: SpeculationOptions,
): ThresholdOf {
  const isWeighted = running.every((task) => task.inputBytes > 0);
  if (msPerByte === null || !isWeighted)
    return () => Math.max(minRuntimeMs, multiplier * runtimeMs);
  return (task) => Math.max(minRuntimeMs, multiplier * msPerByte * task.inputBytes);
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

/**
 * What the next attempt of a stage's task is expected to need (F30, §2.3): at first what most of the stage's tasks needed,
 * after an attempt that ran out of memory three times as much, at the last attempt a whole node.
 */
import type { ErrorCode } from '../../../common/error.ts';
import { FAILURE_CLASSES, needsMoreMemory } from './failure-class.ts';
import type { MemoryEstimation } from './fault-tolerant-options.ts';

export interface MemoryEstimator {
  readonly options: MemoryEstimation;
  /** Of a stage of which nothing is known yet. */
  readonly defaultBytes: number;
  /** Needs shown by attempts that have ended, ascending: a stage has some thousands at most, so all are kept. */
  readonly shownBytes: number[];
}

/** More than any node has: the need of a task that gets a whole one. */
const WHOLE_NODE_BYTES = 2 ** 50;

export function createMemoryEstimator(
  defaultBytes: number,
  options: MemoryEstimation,
): MemoryEstimator {
  return { options, defaultBytes, shownBytes: [] };
}

/** For a first attempt. `largestNodeBytes`: what the largest node has for tasks; no need exceeds it. */
export function initialNeed(estimator: MemoryEstimator, largestNodeBytes: number): number {
  return Math.min(Math.max(estimator.defaultBytes, shownNeed(estimator)), largestNodeBytes);
}

/** What a task that has not ended should have by now: a partition that has failed never gets less. */
export function revisedNeed(
  estimator: MemoryEstimator,
  task: { readonly needBytes: number; readonly hasFailed: boolean },
  largestNodeBytes: number,
): number {
  const need = initialNeed(estimator, largestNodeBytes);
  return task.hasFailed ? Math.max(task.needBytes, need) : need;
}

/** An attempt that has ended; `code` is absent when it finished. */
export interface EndedAttempt {
  readonly needBytes: number;
  readonly peakBytes: number;
  readonly code?: ErrorCode;
}

/** For the attempt after a failure; `attemptsLeft` counts that attempt. */
export function retryNeed(
  estimator: MemoryEstimator,
  failed: EndedAttempt & { readonly attemptsLeft: number },
  largestNodeBytes: number,
): number {
  let need = Math.max(failed.needBytes, failed.peakBytes);
  if (mayHaveRunOut(failed)) {
    need =
      failed.attemptsLeft === 1
        ? WHOLE_NODE_BYTES
        : Math.floor(need * estimator.options.growthFactor);
  }
  return Math.min(Math.max(need, shownNeed(estimator)), largestNodeBytes);
}

/** Learns from an attempt: its peak, or more than it had if that was not enough. Other failures teach nothing. */
export function learnFromAttempt(estimator: MemoryEstimator, attempt: EndedAttempt): void {
  if (attempt.code === undefined) insert(estimator.shownBytes, attempt.peakBytes);
  else if (mayHaveRunOut(attempt)) {
    const had = Math.max(attempt.needBytes, attempt.peakBytes);
    insert(estimator.shownBytes, Math.floor(had * estimator.options.growthFactor));
  }
}

/** A new attempt would have no more than what was not enough: it cannot go better (F17). */
export function isRetryHopeless(failed: EndedAttempt, nextNeedBytes: number): boolean {
  const isMemory = failed.code !== undefined && FAILURE_CLASSES[failed.code] === 'memory';
  return isMemory && nextNeedBytes * 0.99 <= failed.peakBytes;
}

function mayHaveRunOut({ code }: EndedAttempt): boolean {
  return code !== undefined && needsMoreMemory(code);
}

/** The quantile of what was shown, 0 when nothing was. */
function shownNeed({ shownBytes, options }: MemoryEstimator): number {
  const rank = Math.ceil(options.quantile * shownBytes.length) - 1;
  return shownBytes[Math.max(0, rank)] ?? 0;
}

function insert(ascending: number[], value: number): void {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  ascending.splice(low, 0, value);
}

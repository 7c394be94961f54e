/**
 * How much may queue at one task (§6.2). A task that ran dry although its queue was full gets a deeper queue; one that
 * keeps its queue full gets, slowly, a shallower one.
 */
import type { Instant } from '../../../common/ids.ts';
import type { SplitQueueLimits } from '../scheduler-options.ts';
import { queuedLoad } from '../task-state.ts';
import type { QueueLimit, TaskState } from '../task-state.ts';

const GROWTH = 2;
const SHRINKAGE = 1.5;
const SHRINK_INTERVAL_MS = 1_000;

export function initialQueueLimit(limits: SplitQueueLimits, now: Instant): QueueLimit {
  return { weight: limits.minTaskWeight, changedAt: now, wasFull: false };
}

/** The limit for the next placement, from how the task coped with the last one. */
export function adjustQueueLimit(task: TaskState, limits: SplitQueueLimits, now: Instant): void {
  const limit = task.queueLimit;
  if (limit.wasFull && queuedLoad(task) === 0) {
    limit.weight = Math.min(limit.weight * GROWTH, limits.maxTaskWeight);
    limit.changedAt = now;
    limit.wasFull = false;
    return;
  }
  if (limit.weight > limits.minTaskWeight && now - limit.changedAt >= SHRINK_INTERVAL_MS) {
    limit.weight = Math.max(Math.floor(limit.weight / SHRINKAGE), limits.minTaskWeight);
    limit.changedAt = now;
  }
}

/** Below half of the least limit, so that a blocked stage does not deal its splits one by one (§6.2, blocked wake). */
export function hasRunLow(task: TaskState, limits: SplitQueueLimits, isLimited: boolean): boolean {
  if (task.unacknowledged.length >= limits.maxUnacknowledgedSplits) return false;
  return !isLimited || queuedLoad(task) * 2 < limits.minTaskWeight;
}

/** What several tasks have done together. */
import { NO_BLOCKED_TIMES } from './task-status.ts';
import type { BlockedTimes, TaskStats } from './task-status.ts';

/** Of both; `wallMs` and `peakMemoryBytes` are the larger ones. */
export function addTaskStats(a: TaskStats, b: TaskStats): TaskStats {
  return {
    splitsCompleted: a.splitsCompleted + b.splitsCompleted,
    inputRows: a.inputRows + b.inputRows,
    inputBytes: a.inputBytes + b.inputBytes,
    scannedRows: a.scannedRows + b.scannedRows,
    scannedBytes: a.scannedBytes + b.scannedBytes,
    outputRows: a.outputRows + b.outputRows,
    outputBytes: a.outputBytes + b.outputBytes,
    cpuMs: a.cpuMs + b.cpuMs,
    busyMs: a.busyMs + b.busyMs,
    wallMs: Math.max(a.wallMs, b.wallMs),
    blockedMs: addBlockedTimes(a.blockedMs, b.blockedMs),
    memoryBytes: a.memoryBytes + b.memoryBytes,
    peakMemoryBytes: Math.max(a.peakMemoryBytes, b.peakMemoryBytes),
    spilledBytes: a.spilledBytes + b.spilledBytes,
    filteredRows: a.filteredRows + b.filteredRows,
    storedBytes: a.storedBytes + b.storedBytes,
    unaggregatedRows: a.unaggregatedRows + b.unaggregatedRows,
  };
}

const REASONS = Object.keys(NO_BLOCKED_TIMES) as readonly (keyof BlockedTimes)[];

function addBlockedTimes(a: BlockedTimes, b: BlockedTimes): BlockedTimes {
  const sum = { ...NO_BLOCKED_TIMES };
  for (const reason of REASONS) sum[reason] = a[reason] + b[reason];
  return sum;
}

/** Counts what a task has done. */
import type { Clock } from '../../common/clock.ts';
import type { Instant } from '../../common/ids.ts';
import {
  NO_BLOCKED_TIMES,
  type BlockedTimes,
  type TaskStats,
} from '../../common/task/task-status.ts';
import type { DealtPage, StatementForm, StatementResult } from './fragment-slot.ts';
import type { SplitBatch } from './split-queue.ts';

/** What came from other tasks. */
export interface InputTotals {
  readonly rows: number;
  readonly bytes: number;
  /** Of these, bytes that went to disk. */
  readonly spilledBytes: number;
}

type Waiting = keyof BlockedTimes;

export class TaskProgress {
  readonly #clock: Clock;
  readonly #startedAt: Instant;
  readonly #blockedMs: Record<Waiting, number> = { ...NO_BLOCKED_TIMES };
  #waiting: { readonly reason: Waiting; readonly since: Instant } | undefined;
  #endedAt: Instant | undefined;
  #splitsCompleted = 0;
  #scannedRows = 0;
  #scannedBytes = 0;
  #emittedRows = 0;
  #dealtRows = 0;
  #outputBytes = 0;
  #busyMs = 0;
  #cpuMs = 0;
  #memoryBytes = 0;
  #peakMemoryBytes = 0;
  #spilledBytes = 0;
  #filteredRows = 0;
  #unaggregatedRows = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Rows that the statements so far have given. */
  get emittedRows(): number {
    return this.#emittedRows;
  }

  /** What the task waits for from now on; `undefined`: for nothing. */
  waitFor(reason: Waiting | undefined): void {
    const now = this.#clock.now();
    if (this.#waiting !== undefined) {
      this.#blockedMs[this.#waiting.reason] += now - this.#waiting.since;
    }
    this.#waiting = reason === undefined ? undefined : { reason, since: now };
  }

  /** Each row is in a page of every deal: the first stands for all. */
  addPage(page: DealtPage): void {
    if (page.deal === 0) this.#dealtRows += page.rowCount;
    this.#outputBytes += page.page.byteLength;
  }

  noteMemory(memoryBytes: number): void {
    this.#memoryBytes = memoryBytes;
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, memoryBytes);
  }

  addStatement(
    batch: SplitBatch,
    result: StatementResult & { readonly form?: StatementForm },
  ): void {
    this.#splitsCompleted += batch.splitCount;
    this.#scannedRows += batch.rowCount;
    this.#scannedBytes += batch.byteCount;
    this.#emittedRows += result.outputRows;
    this.#busyMs += result.busyMs;
    this.#cpuMs += result.cpuMs;
    this.#blockedMs['output-full'] += result.outputFullMs;
    this.#memoryBytes = 0;
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, result.peakMemoryBytes);
    this.#spilledBytes = Math.max(this.#spilledBytes, result.spilledBytes);
    this.#filteredRows += result.filteredRows;
    if (result.form === 'rowwise') this.#unaggregatedRows += result.outputRows;
  }

  end(): void {
    if (this.#endedAt !== undefined) return;
    this.waitFor(undefined);
    this.#memoryBytes = 0;
    this.#endedAt = this.#clock.now();
  }

  stats(remote: InputTotals, storedBytes: number): TaskStats {
    const now = this.#endedAt ?? this.#clock.now();
    const blockedMs = { ...this.#blockedMs };
    if (this.#waiting !== undefined) blockedMs[this.#waiting.reason] += now - this.#waiting.since;
    return {
      splitsCompleted: this.#splitsCompleted,
      inputRows: this.#scannedRows + remote.rows,
      inputBytes: this.#scannedBytes + remote.bytes,
      scannedRows: this.#scannedRows,
      scannedBytes: this.#scannedBytes,
      // While a statement runs only its pages are known; afterwards some of its rows may not be in pages yet.
      outputRows: Math.max(this.#emittedRows, this.#dealtRows),
      outputBytes: this.#outputBytes,
      cpuMs: this.#cpuMs,
      busyMs: this.#busyMs,
      wallMs: now - this.#startedAt,
      blockedMs,
      memoryBytes: this.#memoryBytes,
      peakMemoryBytes: this.#peakMemoryBytes,
      spilledBytes: this.#spilledBytes + remote.spilledBytes,
      filteredRows: this.#filteredRows,
      storedBytes,
      unaggregatedRows: this.#unaggregatedRows,
    };
  }
}

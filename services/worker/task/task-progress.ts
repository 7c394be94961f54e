/** Counts what a task has done. */
import type { Clock } from '../../common/clock.ts';
import type { Instant } from '../../common/ids.ts';
import type { TaskStats } from '../../common/task/task-status.ts';
import type { DealtPage, StatementResult } from './fragment-slot.ts';
import type { SplitBatch } from './split-queue.ts';

/** What came from other tasks. */
export interface InputTotals {
  readonly rows: number;
  readonly bytes: number;
  /** Of these, bytes that went to disk. */
  readonly spilledBytes: number;
}

export class TaskProgress {
  readonly #clock: Clock;
  readonly #startedAt: Instant;
  #endedAt: Instant | undefined;
  #splitsCompleted = 0;
  #scannedRows = 0;
  #scannedBytes = 0;
  #emittedRows = 0;
  #outputRows = 0;
  #outputBytes = 0;
  #busyMs = 0;
  #peakMemoryBytes = 0;
  #spilledBytes = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Rows that the statements so far have given. */
  get emittedRows(): number {
    return this.#emittedRows;
  }

  addPage(page: DealtPage): void {
    this.#outputRows += page.rowCount;
    this.#outputBytes += page.page.byteLength;
  }

  addStatement(batch: SplitBatch, result: StatementResult): void {
    this.#splitsCompleted += batch.splitCount;
    this.#scannedRows += batch.rowCount;
    this.#scannedBytes += batch.byteCount;
    this.#emittedRows += result.outputRows;
    this.#busyMs += result.busyMs;
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, result.peakMemoryBytes);
    this.#spilledBytes = Math.max(this.#spilledBytes, result.spilledBytes);
  }

  end(): void {
    this.#endedAt ??= this.#clock.now();
  }

  stats(remote: InputTotals): TaskStats {
    return {
      splitsCompleted: this.#splitsCompleted,
      inputRows: this.#scannedRows + remote.rows,
      inputBytes: this.#scannedBytes + remote.bytes,
      outputRows: this.#outputRows,
      outputBytes: this.#outputBytes,
      cpuMs: this.#busyMs,
      wallMs: (this.#endedAt ?? this.#clock.now()) - this.#startedAt,
      peakMemoryBytes: this.#peakMemoryBytes,
      spilledBytes: this.#spilledBytes + remote.spilledBytes,
    };
  }
}

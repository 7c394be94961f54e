/**
 * Shares the processor time of a process among the statements that run in it. The sum is exact; what runs at the same
 * time shares equally, for DuckDB tells nobody which of its threads worked for whom.
 */
export class CpuMeter {
  readonly #readMs: () => number;
  readonly #running = new Set<CpuShare>();
  #lastMs = 0;

  /** `readMs`: processor time of the process so far, all threads together. One meter a process. */
  constructor(readMs: () => number) {
    this.#readMs = readMs;
  }

  /** A statement begins. Call what is returned when it has ended: its share in milliseconds. */
  begin(): () => number {
    this.#settle();
    const share: CpuShare = { ms: 0 };
    this.#running.add(share);
    return () => {
      this.#settle();
      this.#running.delete(share);
      return share.ms;
    };
  }

  #settle(): void {
    const now = this.#readMs();
    const each = (now - this.#lastMs) / this.#running.size;
    for (const share of this.#running) share.ms += each;
    this.#lastMs = now;
  }
}

interface CpuShare {
  ms: number;
}

/** What the kernel's turns cost: processor time in all, and the wall time of each. */
import { quantileOf } from './distributions.ts';

export interface KernelCost {
  readonly turns: number;
  readonly launches: number;
  readonly cpuMs: number;
  readonly launchesPerCpuSecond: number;
  /** Of turns that launched something; the time from the fact to the orders. */
  readonly decisionP50Ms: number;
  readonly decisionP99Ms: number;
  /** The same by task: one that is launched together with a thousand others waits for all of them. */
  readonly taskP99Ms: number;
  readonly longestMs: number;
}

interface Decision {
  readonly ms: number;
  readonly launches: number;
}

export class KernelMeter {
  readonly #decisions: Decision[] = [];
  #turns = 0;
  #launches = 0;
  #wallMs = 0;
  readonly #startedAt = performance.now();
  readonly #cpuBefore = process.cpuUsage();
  #longestMs = 0;

  measure<T>(turn: () => T, countLaunches?: (result: T) => number): T {
    const startedAt = performance.now();
    const result = turn();
    const ms = performance.now() - startedAt;
    this.#wallMs += ms;
    this.#turns += 1;
    this.#longestMs = Math.max(this.#longestMs, ms);
    const launches = countLaunches?.(result) ?? 0;
    this.#launches += launches;
    if (launches > 0) this.#decisions.push({ ms, launches });
    return result;
  }

  cost(): KernelCost {
    const times = Float64Array.from(this.#decisions, ({ ms }) => ms).sort();
    const cpuMs = this.#wallMs * this.#cpuShare();
    return {
      turns: this.#turns,
      launches: this.#launches,
      cpuMs,
      launchesPerCpuSecond: cpuMs === 0 ? 0 : (this.#launches / cpuMs) * 1_000,
      decisionP50Ms: quantileOf(times, 0.5),
      decisionP99Ms: quantileOf(times, 0.99),
      taskP99Ms: this.#taskQuantile(0.99),
      longestMs: this.#longestMs,
    };
  }

  /** Of the elapsed time, what the process had a processor for (more than 1 when its other threads collect garbage). */
  #cpuShare(): number {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return (user + system) / 1_000 / (performance.now() - this.#startedAt);
  }

  #taskQuantile(share: number): number {
    const ascending = this.#decisions.toSorted((a, b) => a.ms - b.ms);
    let seen = 0;
    for (const { ms, launches } of ascending) {
      seen += launches;
      if (seen >= share * this.#launches) return ms;
    }
    return 0;
  }
}

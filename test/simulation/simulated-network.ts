/** Messages take time, come twice, overtake each other, get lost and are sent again, or wait for a way to be open again. */
import type { Random } from '../../services/common/random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NetworkFaults {
  readonly maxDelayMs: number;
  readonly lossRate: number;
  readonly duplicationRate: number;
  /** Share of unordered messages that come very late. */
  readonly lateRate: number;
}

const RESEND_MS = 40;
const MAX_LATE_MS = 800;
const CALM: NetworkFaults = { maxDelayMs: 5, lossRate: 0, duplicationRate: 0, lateRate: 0 };

export class SimulatedNetwork {
  /** Messages that were hit by a fault. */
  readonly counts = { lost: 0, repeated: 0, late: 0 };
  readonly #time: VirtualTime;
  readonly #random: Random;
  #faults: NetworkFaults;
  /** Nothing passes to or from these runs of workers before the instant. */
  readonly #closedUntil = new Map<string, number>();
  readonly #lastDelivery = new Map<string, number>();

  constructor(time: VirtualTime, random: Random, faults: NetworkFaults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  /** Nothing reaches this run of a worker, and nothing comes from it, for so long. */
  isolate(run: string, durationMs: number): void {
    this.#closedUntil.set(run, this.#time.now() + durationMs);
  }

  /** No faults from now on. */
  heal(): void {
    this.#faults = CALM;
    this.#closedUntil.clear();
  }

  /** To one run of a worker, in order, each at least once: what a numbered, acknowledged stream gives. */
  sendInOrder(run: string, deliver: () => void): void {
    const earliest = Math.max(this.#lastDelivery.get(run) ?? 0, this.#opensAt(run));
    const at = Math.max(earliest, this.#time.now() + this.#delay() + this.#resends());
    this.#lastDelivery.set(run, at);
    this.#time.at(at, deliver);
    if (this.#isRepeated()) this.#time.at(at, deliver);
  }

  /** To or from one run of a worker, in any order, at least once. */
  sendAtLeastOnce(run: string, deliver: () => void): void {
    const waitMs = Math.max(0, this.#opensAt(run) - this.#time.now());
    const lateMs = this.#lateness();
    this.#time.after(waitMs + lateMs + this.#delay() + this.#resends(), deliver);
    if (this.#isRepeated()) this.#time.after(waitMs + 2 * this.#delay(), deliver);
  }

  /** Perhaps never: the sender has its own timeout, or hears that the connection broke. */
  sendAtMostOnce(run: string, deliver: () => void, onLost: () => void = () => undefined): void {
    const isLost = this.losesMessage() || this.#opensAt(run) > this.#time.now();
    this.#time.after(this.#delay(), isLost ? onLost : deliver);
  }

  losesMessage(): boolean {
    const isLost = this.#happens(this.#faults.lossRate);
    if (isLost) this.counts.lost += 1;
    return isLost;
  }

  #isRepeated(): boolean {
    const isRepeated = this.#happens(this.#faults.duplicationRate);
    if (isRepeated) this.counts.repeated += 1;
    return isRepeated;
  }

  #lateness(): number {
    if (!this.#happens(this.#faults.lateRate)) return 0;
    this.counts.late += 1;
    return this.#random.below(MAX_LATE_MS);
  }

  #opensAt(run: string): number {
    return this.#closedUntil.get(run) ?? 0;
  }

  #resends(): number {
    let delayMs = 0;
    while (this.losesMessage()) delayMs += RESEND_MS;
    return delayMs;
  }

  #delay(): number {
    return 1 + this.#random.below(this.#faults.maxDelayMs);
  }

  #happens(rate: number): boolean {
    return this.#random.next() < rate;
  }
}

/** Messages take time, come twice, overtake each other or get lost and are sent again. */
import type { Random } from '../../services/common/random.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NetworkFaults {
  readonly maxDelayMs: number;
  readonly lossRate: number;
  readonly duplicationRate: number;
}

const RESEND_MS = 40;

export class SimulatedNetwork {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #faults: NetworkFaults;
  readonly #lastDelivery = new Map<string, number>();

  constructor(time: VirtualTime, random: Random, faults: NetworkFaults) {
    this.#time = time;
    this.#random = random;
    this.#faults = faults;
  }

  /** In order per channel, each at least once: what a numbered, acknowledged stream gives. */
  sendInOrder(channel: string, deliver: () => void): void {
    const earliest = this.#lastDelivery.get(channel) ?? 0;
    const at = Math.max(earliest, this.#time.now() + this.#delay() + this.#resends());
    this.#lastDelivery.set(channel, at);
    this.#time.at(at, deliver);
    if (this.#happens(this.#faults.duplicationRate)) this.#time.at(at, deliver);
  }

  /** In any order, at least once. */
  sendAtLeastOnce(deliver: () => void): void {
    this.#time.after(this.#delay() + this.#resends(), deliver);
    if (this.#happens(this.#faults.duplicationRate)) this.#time.after(2 * this.#delay(), deliver);
  }

  /** Perhaps never: the sender has its own timeout, or hears that the connection broke. */
  sendAtMostOnce(deliver: () => void, onLost: () => void = () => undefined): void {
    const isLost = this.losesMessage();
    this.#time.after(this.#delay(), isLost ? onLost : deliver);
  }

  losesMessage(): boolean {
    return this.#happens(this.#faults.lossRate);
  }

  #resends(): number {
    let delayMs = 0;
    while (this.#happens(this.#faults.lossRate)) delayMs += RESEND_MS;
    return delayMs;
  }

  #delay(): number {
    return 1 + this.#random.below(this.#faults.maxDelayMs);
  }

  #happens(rate: number): boolean {
    return this.#random.next() < rate;
  }
}

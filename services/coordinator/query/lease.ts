import type { Clock } from '../../common/clock.ts';
import type { Instant } from '../../common/ids.ts';
import { Timers } from '../runtime/timers.ts';

export interface LeaseOptions {
  readonly clock: Clock;
  /** How long the lease lasts where nobody asks for another length. */
  readonly defaultMs: number;
  /** `isShortened`: it ended early because somebody asked for less than the default. */
  readonly onExpired: (isShortened: boolean) => void;
}

/**
 * A query lives as long as somebody asks for it (query.client.timeout): while a stream holds the lease, and for its
 * length after the last call. A gateway whose client hung up asks for a short one.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #timers: Timers;
  #lengthMs: number;
  #endsAt: number;
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;
  #holders = 0;
  #isExpired = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
    this.#lengthMs = options.defaultMs;
    this.#endsAt = options.clock.now() + options.defaultMs;
    this.#setAlarm();
  }

  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** It ends so long from now, unless somebody asks again or holds it; 0 = the default. */
  renew(lengthMs = 0): void {
    if (this.#isExpired) return;
    this.#lengthMs = lengthMs === 0 ? this.#options.defaultMs : lengthMs;
    this.#endsAt = this.#options.clock.now() + this.#lengthMs;
    if (this.#holders === 0) this.#setAlarm();
  }

  /** Keeps the lease until the returned function is called. A shorter length asked for meanwhile holds from then on. */
  hold(): () => void {
    this.renew();
    this.#holders += 1;
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holders -= 1;
      if (this.#holders === 0) this.renew(this.#lengthMs);
    };
  }

  close(): void {
    this.#timers.close();
  }

  /** Renewing is frequent and the alarm is not moved for it: it looks at the lease when it rings. */
  #setAlarm(): void {
    if (this.#alarm !== undefined && this.#alarm.at <= this.#endsAt) return;
    this.#alarm?.cancel();
    const cancel = this.#timers.at(this.#endsAt as Instant, () => this.#onAlarm());
    this.#alarm = { at: this.#endsAt, cancel };
  }

  #onAlarm(): void {
    this.#alarm = undefined;
    if (this.#holders > 0) return;
    if (this.#options.clock.now() < this.#endsAt) return this.#setAlarm();
    this.#isExpired = true;
    this.#options.onExpired(this.#lengthMs < this.#options.defaultMs);
  }
}

import type { Clock } from '../../common/clock.ts';
import type { Instant } from '../../common/ids.ts';
import { Timers } from '../runtime/timers.ts';
import type { Query } from './query.ts';

export interface RetentionLimits {
  readonly maxAgeMs: number;
  readonly maxCount: number;
}

/** Ended queries whose owner has not heard of the end yet are kept beyond `maxCount`, up to so many. */
const MAX_UNSETTLED = 1_000;
/** Pages of small results that wait for their readers. */
const MAX_INLINE_BYTES = 256 * 1024 * 1024;

/** Remembers ended queries for a while: the oldest are forgotten first, those that somebody still waits for last. */
export class EndedQueries {
  readonly #limits: RetentionLimits;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #onForgotten: (query: Query) => void;
  /** In the order of their ends. */
  #queries: Query[] = [];
  #cancelAlarm: (() => void) | undefined;

  constructor(
    limits: RetentionLimits,
    deps: { readonly clock: Clock; readonly onForgotten: (query: Query) => void },
  ) {
    this.#limits = limits;
    this.#clock = deps.clock;
    this.#timers = new Timers(deps.clock);
    this.#onForgotten = deps.onForgotten;
  }

  add(query: Query): void {
    this.#queries.push(query);
    this.prune();
  }

  prune(): void {
    const oldestEnd = this.#clock.now() - this.#limits.maxAgeMs;
    this.#forget((query) => (query.endedAt ?? 0) <= oldestEnd, this.#queries.length);
    const { maxCount } = this.#limits;
    const settled = this.#queries.filter((query) => query.isSettled).length;
    this.#forget((query) => query.isSettled, settled - maxCount);
    this.#forget(() => true, this.#queries.length - maxCount - MAX_UNSETTLED);
    this.#releaseInlineResults();
    this.#setAlarm();
  }

  close(): void {
    this.#timers.close();
  }

  /** Forgets at most `count` queries that match, oldest first. */
  #forget(matches: (query: Query) => boolean, count: number): void {
    if (count <= 0) return;
    let left = count;
    this.#queries = this.#queries.filter((query) => {
      if (left === 0 || !matches(query)) return true;
      left -= 1;
      this.#onForgotten(query);
      return false;
    });
  }

  #releaseInlineResults(): void {
    let bytes = this.#queries.reduce((sum, query) => sum + query.results.inlineBytes, 0);
    for (const query of this.#queries) {
      if (bytes <= MAX_INLINE_BYTES) return;
      bytes -= query.results.inlineBytes;
      query.results.release();
    }
  }

  #setAlarm(): void {
    this.#cancelAlarm?.();
    const [oldest] = this.#queries;
    if (oldest?.endedAt === undefined) return;
    const at = (oldest.endedAt + this.#limits.maxAgeMs) as Instant;
    this.#cancelAlarm = this.#timers.at(at, () => this.prune());
  }
}

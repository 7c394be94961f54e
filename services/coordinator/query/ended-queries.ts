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
  /** With more queries than that it is time to look which are too many. */
  #countToPrune: number;
  /** Of small results that are kept, at most: those released since are still counted. */
  #inlineBytes = 0;
  #cancelAlarm: (() => void) | undefined;

  constructor(
    limits: RetentionLimits,
    deps: { readonly clock: Clock; readonly onForgotten: (query: Query) => void },
  ) {
    this.#limits = limits;
    this.#countToPrune = limits.maxCount;
    this.#clock = deps.clock;
    this.#timers = new Timers(deps.clock);
    this.#onForgotten = deps.onForgotten;
  }

  add(query: Query): void {
    this.#queries.push(query);
    this.#inlineBytes += query.results.inlineBytes;
    this.#forgetOld();
    if (this.#queries.length > this.#countToPrune) this.#forgetExcess();
    if (this.#inlineBytes > MAX_INLINE_BYTES) this.#releaseInlineResults();
    this.#setAlarm();
  }

  prune(): void {
    this.#forgetOld();
    this.#forgetExcess();
    this.#releaseInlineResults();
    this.#setAlarm();
  }

  close(): void {
    this.#timers.close();
  }

  #forgetOld(): void {
    const oldestEnd = this.#clock.now() - this.#limits.maxAgeMs;
    const young = this.#queries.findIndex((query) => (query.endedAt ?? 0) > oldestEnd);
    const oldCount = young === -1 ? this.#queries.length : young;
    for (const query of this.#queries.splice(0, oldCount)) this.#onForgotten(query);
  }

  /** Looks at all queries, so it is not done for each that ends: some more may be kept meanwhile. */
  #forgetExcess(): void {
    const { maxCount } = this.#limits;
    const settled = this.#queries.filter((query) => query.isSettled).length;
    this.#forget((query) => query.isSettled, settled - maxCount);
    this.#forget(() => true, this.#queries.length - maxCount - MAX_UNSETTLED);
    this.#countToPrune = Math.max(maxCount, this.#queries.length) + Math.floor(maxCount / 16);
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
    this.#inlineBytes = this.#queries.reduce((sum, query) => sum + query.results.inlineBytes, 0);
    for (const query of this.#queries) {
      if (this.#inlineBytes <= MAX_INLINE_BYTES) return;
      this.#inlineBytes -= query.results.inlineBytes;
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

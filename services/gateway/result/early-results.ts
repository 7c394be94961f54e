import type { Clock } from '../../common/clock.ts';
import { EngineError } from '../../common/error.ts';
import type { Principal } from '../../common/task/task-status.ts';
import type { ResultUpdate } from './ports.ts';

/** What a submission goes on to tell of its result. */
export interface EarlyResult {
  readonly updates: AsyncIterable<ResultUpdate>;
  /** Aborting it ends the call behind `updates`. */
  readonly call: AbortController;
}

interface Held extends EarlyResult {
  readonly principalName: string;
  readonly stopTimer: () => void;
}

/** A client that wants its result asks for it at once. */
const HOLD_MS = 1_000;
/** Submissions come faster than their results are fetched only when nobody fetches: the oldest go first. */
const MAX_HELD = 1_000;

/**
 * Keeps the news of results for the clients that submitted them a moment ago, so that fetching a result costs the
 * coordinator no second call. Only an economy: without it, or at another gateway, the coordinator is asked.
 */
export class EarlyResults {
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  hold(queryId: string, principal: Principal, result: EarlyResult): void {
    this.#drop(queryId);
    const [oldest] = this.#held.keys();
    if (oldest !== undefined && this.#held.size >= MAX_HELD) this.#drop(oldest);
    const stopTimer = this.#clock.schedule(HOLD_MS, () => this.#drop(queryId));
    this.#held.set(queryId, { ...result, principalName: principal.name, stopTimer });
  }

  /** The news from the start, for one reader; undefined when there is none held for this principal. */
  take(queryId: string, principal: Principal): EarlyResult | undefined {
    const held = this.#held.get(queryId);
    if (held === undefined || held.principalName !== principal.name) return undefined;
    this.#held.delete(queryId);
    held.stopTimer();
    return held;
  }

  close(): void {
    for (const queryId of this.#held.keys()) this.#drop(queryId);
  }

  #drop(queryId: string): void {
    const held = this.#held.get(queryId);
    if (held === undefined) return;
    this.#held.delete(queryId);
    held.stopTimer();
    held.call.abort(new EngineError('CALL_CANCELLED', 'nobody asked for the result'));
  }
}

/**
 * What a gateway does with a result that may still be retried (T8, T9): nothing of a withheld attempt reaches the client,
 * and an attempt that is given up goes without a trace. Checks that what it is told makes sense.
 */
import type { EffectOf } from '../support/scheduler-driver.ts';
import type { Violations } from './checkers/checker.ts';
import type { ResultAnnouncement, ResultClient } from './cluster-worker.ts';

export class ResultGate {
  readonly #client: ResultClient;
  readonly #violations: Violations;
  /** The client knows of some of the result. */
  isShown = false;
  #attempt = 0;
  #isCommitted = true;
  /** The query has attempts as a whole; else only its tasks may have. */
  #isTold = false;
  #held: ResultAnnouncement[] = [];

  constructor(client: ResultClient, violations: Violations) {
    this.#client = client;
    this.#violations = violations;
  }

  add(results: ResultAnnouncement): void {
    for (const { location } of this.#isTold ? results.locations : []) {
      const { attempt } = location.taskId;
      if (attempt !== this.#attempt) this.#fail(`rows of attempt ${attempt} in ${this.#attempt}`);
    }
    if (this.#isCommitted) this.#show(results);
    else this.#held.push(results);
  }

  change({ attempt, commitment }: EffectOf<'change-result'>): void {
    this.#isTold = true;
    if (attempt !== this.#attempt) {
      if (this.#isCommitted) this.#fail(`attempt ${this.#attempt} was committed and is given up`);
      if (attempt !== this.#attempt + 1) this.#fail(`attempt ${attempt} after ${this.#attempt}`);
      this.#held = [];
    }
    this.#attempt = attempt;
    this.#isCommitted = commitment === 'committed';
    if (!this.#isCommitted) return;
    for (const results of this.#held.splice(0)) this.#show(results);
  }

  #show(results: ResultAnnouncement): void {
    this.isShown ||= results.locations.length > 0;
    this.#client.add(results);
  }

  #fail(what: string): void {
    this.#violations.push(`retry: ${what}`);
  }
}

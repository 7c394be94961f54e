/** Reads the result through real exchange clients, one a location, at the client's pace. */
import { ExchangeClient } from '../../../services/common/exchange/exchange-client.ts';
import { formatTaskId } from '../../../services/common/ids.ts';
import { silentLogger } from '../../../services/common/logger.ts';
import type { Random } from '../../../services/common/random.ts';
import type { ResultLocation } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { ClientSetup, ResultAnnouncement, ResultClient } from '../cluster-worker.ts';
import type { Row } from '../rows.ts';
import type { VirtualTime } from '../virtual-time.ts';
import type { LossyPageSource } from './lossy-page-source.ts';
import { TICKET } from './real-worker.ts';
import { fromPage } from './rows-in-pages.ts';

interface LocationRead {
  readonly stopping: AbortController;
  rows: Row[];
  isEnded: boolean;
}

export interface RealClientDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly source: LossyPageSource;
}

export class RealClient implements ResultClient {
  isGone = false;
  readonly #setup: ClientSetup;
  readonly #deps: RealClientDeps;
  readonly #reads = new Map<string, LocationRead>();
  #hasAllLocations = false;
  #isReleased = false;

  constructor(setup: ClientSetup, deps: RealClientDeps) {
    this.#setup = setup;
    this.#deps = deps;
  }

  add(results: ResultAnnouncement): void {
    if (this.isGone) return;
    for (const result of results.locations) this.#addLocation(result);
    this.#hasAllLocations ||= results.noMore;
    this.#releaseIfComplete();
  }

  isComplete(): boolean {
    return this.#hasAllLocations && [...this.#reads.values()].every((read) => read.isEnded);
  }

  rows(): readonly Row[] {
    return [...this.#reads.values()].flatMap((read) => read.rows);
  }

  stop(): void {
    this.isGone = true;
    for (const read of this.#reads.values()) read.stopping.abort(new Error('the client is gone'));
  }

  #addLocation(result: ResultLocation): void {
    const key = formatTaskId(result.location.taskId);
    const known = this.#reads.get(key);
    const read = known ?? { stopping: new AbortController(), rows: [], isEnded: false };
    this.#reads.set(key, read);
    if (result.inlinePages === undefined) {
      // What it throws, the coordinator will say better.
      this.#fetch(result, read).catch(() => undefined);
      return;
    }
    // Inline pages are all of the location's pages: they replace what was fetched.
    read.stopping.abort(new Error('the result came inline'));
    read.rows = result.inlinePages.flatMap((page) => [...fromPage(page.slice().buffer)]);
    read.isEnded = true;
  }

  async #fetch(result: ResultLocation, read: LocationRead): Promise<void> {
    const { time, random, source } = this.#deps;
    const { signal } = read.stopping;
    const pages = new ExchangeClient({ source, ticket: TICKET, clock: time, log: silentLogger });
    pages.addLocation(result.location);
    pages.noMoreLocations();
    for (;;) {
      await time.sleep(random.below(this.#setup.pauseMs + 1), signal);
      const page = await pages.next(signal);
      if (page === undefined) break;
      read.rows.push(...fromPage(page));
    }
    read.isEnded = true;
    this.#releaseIfComplete();
  }

  #releaseIfComplete(): void {
    if (this.#isReleased || this.isGone || !this.isComplete()) return;
    this.#isReleased = true;
    this.#deps.time.after(this.#deps.random.below(50), () => this.#setup.release());
  }
}

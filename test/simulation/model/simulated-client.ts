/** Reads the result from the root tasks, at its own pace, and releases it when it has all. */
import type { Random } from '../../../services/common/random.ts';
import { formatTaskId } from '../../../services/common/ids.ts';
import type { ResultLocation } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { ResultAnnouncement, ResultClient } from '../cluster-worker.ts';
import type { Row } from '../rows.ts';
import { SimulatedReader } from './simulated-reader.ts';
import type { ReaderDeps } from './simulated-reader.ts';

interface LocationRead {
  readonly reader: SimulatedReader;
  rows: Row[];
  isEnded: boolean;
}

export interface ClientDeps {
  readonly readers: ReaderDeps;
  readonly random: Random;
  readonly pauseMs: number;
  readonly release: () => void;
}

export class SimulatedClient implements ResultClient {
  isGone = false;
  readonly #deps: ClientDeps;
  readonly #reads = new Map<string, LocationRead>();
  #hasAllLocations = false;
  #isReleased = false;

  constructor(deps: ClientDeps) {
    this.#deps = deps;
  }

  add(results: ResultAnnouncement): void {
    if (this.isGone) return;
    for (const result of results.locations) this.#addLocation(result);
    this.#hasAllLocations ||= results.noMore;
    this.#releaseIfComplete();
  }

  /** It reads nothing more: the query failed, or nobody is there any more. */
  stop(): void {
    this.isGone = true;
    for (const read of this.#reads.values()) read.reader.halt();
  }

  /** It has seen the end of everything that it was told to read. */
  isComplete(): boolean {
    return this.#hasAllLocations && [...this.#reads.values()].every((read) => read.isEnded);
  }

  rows(): readonly Row[] {
    return [...this.#reads.values()].flatMap((read) => read.rows);
  }

  #addLocation(result: ResultLocation): void {
    const key = formatTaskId(result.location.taskId);
    const read = this.#reads.get(key) ?? this.#startRead(key, result);
    if (result.inlinePages === undefined) {
      const { time } = this.#deps.readers;
      time.after(this.#pause(), () => read.reader.fetch());
      return;
    }
    // Inline pages are all of the location's pages: they replace what was fetched.
    read.reader.halt();
    read.rows = result.inlinePages.flatMap((page) => [...new Uint32Array(page.slice().buffer)]);
    read.isEnded = true;
  }

  #startRead(key: string, result: ResultLocation): LocationRead {
    const reader = new SimulatedReader(result.location, this.#deps.readers, {
      onPage: (page) => {
        read.rows.push(...page);
        reader.pause();
        this.#deps.readers.time.after(this.#pause(), () => reader.resume());
      },
      onEnd: () => {
        read.isEnded = true;
        this.#releaseIfComplete();
      },
      // The coordinator will say why.
      onLost: () => undefined,
    });
    const read: LocationRead = { reader, rows: [], isEnded: false };
    this.#reads.set(key, read);
    return read;
  }

  #releaseIfComplete(): void {
    if (this.#isReleased || this.isGone || !this.isComplete()) return;
    this.#isReleased = true;
    this.#deps.readers.time.after(this.#pause(), () => this.#deps.release());
  }

  #pause(): number {
    return this.#deps.random.below(this.#deps.pauseMs + 1);
  }
}

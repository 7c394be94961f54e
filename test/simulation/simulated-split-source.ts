/** Loads splits in batches, late and sometimes twice. */
import type { ErrorCode } from '../../services/common/error.ts';
import type { Random } from '../../services/common/random.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import type { SchedulerEvent } from '../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../support/scheduler-driver.ts';
import { mayHoldMatches } from './joins.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SplitSourceDeps {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly splits: ReadonlyMap<number, readonly FileSplit[]>;
  readonly deliver: (event: SchedulerEvent) => void;
  readonly onFailure: (code: ErrorCode) => void;
}

export class SimulatedSplitSources {
  readonly #deps: SplitSourceDeps;
  readonly #positions = new Map<number, number>();
  /** So many loads more that fail. */
  #failuresLeft = 0;

  constructor(deps: SplitSourceDeps) {
    this.#deps = deps;
  }

  /** So many of the next loads fail, of whichever source; a failed load takes nothing from its source. */
  fail(count: number): void {
    this.#failuresLeft = count;
  }

  rewind(sourceId: number): void {
    this.#positions.delete(sourceId);
  }

  load(order: EffectOf<'load-splits'>): void {
    const { time, random, deliver } = this.#deps;
    const { sourceId, batch, maxCount, filters = [] } = order;
    if (this.#failuresLeft > 0) return this.#failLoad(order);
    const all = this.#deps.splits.get(sourceId) ?? [];
    const position = this.#positions.get(sourceId) ?? 0;
    // A source may give less than it is asked for, even nothing, and may not know yet that it has ended.
    const count = random.next() < 0.2 ? random.below(maxCount + 1) : maxCount;
    const taken = all.slice(position, position + count);
    const domains = filters.map(({ domain }) => domain);
    const splits = taken.filter((split) => mayHoldMatches(sourceId, split, domains));
    const end = position + taken.length;
    this.#positions.set(sourceId, end);
    const last = end === all.length && random.next() < 0.8;
    const delayMs = 1 + random.below(30);
    time.after(delayMs, () => {
      const loaded = { kind: 'splits-loaded', sourceId, batch, splits, last } as const;
      if (random.next() < 0.1) time.after(random.below(50), () => deliver(loaded));
      return deliver(loaded);
    });
  }

  #failLoad({ sourceId, batch }: EffectOf<'load-splits'>): void {
    this.#failuresLeft -= 1;
    const { time, random, deliver, onFailure } = this.#deps;
    const message = `cannot list source ${sourceId}`;
    const error = { code: 'SOURCE_READ_FAILED', message } as const;
    const failed = { kind: 'split-loading-failed', sourceId, batch, error } as const;
    onFailure(error.code);
    time.after(1 + random.below(30), () => {
      if (random.next() < 0.1) time.after(random.below(50), () => deliver(failed));
      return deliver(failed);
    });
  }
}

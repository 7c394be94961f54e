/** Loads splits in batches, late and sometimes twice. */
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
}

export class SimulatedSplitSources {
  readonly #deps: SplitSourceDeps;
  readonly #positions = new Map<number, number>();
  #isBroken = false;

  constructor(deps: SplitSourceDeps) {
    this.#deps = deps;
  }

  /** From now on every load fails. True if one will be asked for at all is the scheduler's matter. */
  breakAll(): void {
    this.#isBroken = true;
  }

  rewind(sourceId: number): void {
    this.#positions.delete(sourceId);
  }

  load(order: EffectOf<'load-splits'>): void {
    const { time, random, deliver } = this.#deps;
    const { sourceId, batch, maxCount, filters = [] } = order;
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
      if (this.#isBroken) {
        const error = {
          code: 'SOURCE_READ_FAILED',
          message: `cannot list source ${sourceId}`,
        } as const;
        return deliver({ kind: 'split-loading-failed', sourceId, batch, error });
      }
      const loaded = { kind: 'splits-loaded', sourceId, batch, splits, last } as const;
      if (random.next() < 0.1) time.after(random.below(50), () => deliver(loaded));
      return deliver(loaded);
    });
  }
}

import { EngineError } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type { ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type { SplitBatch, SplitSources } from '../runtime/ports.ts';
import { type SplitSizing, splitsOf } from './scan-splits.ts';

/** The split sources of one query's scans, from the descriptors of its plan (T22). */
export class ScanSplitSources implements SplitSources {
  readonly #open = new Map<SourceId, Generator<FileSplit, void, void>>();

  constructor(scans: readonly ScanDescriptor[], sizing: SplitSizing) {
    for (const scan of scans) this.#open.set(scan.sourceId, splitsOf(scan, sizing));
  }

  /** The next splits in order. `last` may come with an empty batch. @throws EngineError for an unknown or closed source */
  async nextBatch(sourceId: SourceId, maxCount: number): Promise<SplitBatch> {
    const source = this.#open.get(sourceId);
    if (source === undefined) {
      throw new EngineError('INTERNAL_ERROR', `the plan has no open scan ${sourceId}`);
    }
    const splits: FileSplit[] = [];
    while (splits.length < maxCount) {
      const next = source.next();
      if (next.done === true) return { splits, last: true };
      splits.push(next.value);
    }
    return { splits, last: false };
  }

  /** Frees the descriptor (T36); closing twice is harmless. */
  close(sourceId: SourceId): void {
    this.#open.delete(sourceId);
  }
}

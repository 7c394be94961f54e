import { EngineError } from '../../common/error.ts';
import type { SourceId } from '../../common/ids.ts';
import type { ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type { SplitBatch, SplitSources } from '../runtime/ports.ts';
import type { SplitFilter } from '../scheduler/scheduler-effect.ts';
import { RowGroupPruner } from './prune-scan.ts';
import { type SplitSizing, splitsOf } from './scan-splits.ts';

interface OpenSource {
  readonly scan: ScanDescriptor;
  readonly pruner: RowGroupPruner;
  readonly splits: Generator<FileSplit, void, void>;
  /** Why its splits cannot be listed: what is behind the failure must never look like its end. */
  failure?: unknown;
}

/** The split sources of one query's scans, from the descriptors of its plan (T22). */
export class ScanSplitSources implements SplitSources {
  readonly #open = new Map<SourceId, OpenSource>();
  readonly #sizing: SplitSizing;

  constructor(scans: readonly ScanDescriptor[], sizing: SplitSizing) {
    this.#sizing = sizing;
    for (const scan of scans) this.#begin(scan);
  }

  /**
   * The next splits in order, without row groups that the filters rule out. `last` may come with an empty batch.
   * @throws EngineError for an unknown or closed source; one that failed fails again until it is rewound
   */
  async nextBatch(
    sourceId: SourceId,
    maxCount: number,
    filters: readonly SplitFilter[] = [],
  ): Promise<SplitBatch> {
    const source = this.#open.get(sourceId);
    if (source === undefined) {
      throw new EngineError('INTERNAL_ERROR', `the plan has no open scan ${sourceId}`);
    }
    source.pruner.use(filters);
    const { splits, last } = take(source, maxCount);
    const pruned = source.pruner.takePruned();
    return { splits, last, ...(pruned.rowGroups === 0 ? {} : { pruned }) };
  }

  /** Begins again; of no effect for a closed source. */
  rewind(sourceId: SourceId): void {
    const source = this.#open.get(sourceId);
    if (source !== undefined) this.#begin(source.scan);
  }

  #begin(scan: ScanDescriptor): void {
    const pruner = new RowGroupPruner();
    const splits = splitsOf(scan, this.#sizing, pruner);
    this.#open.set(scan.sourceId, { scan, pruner, splits });
  }

  /** Frees the descriptor (T36); closing twice is harmless. */
  close(sourceId: SourceId): void {
    this.#open.delete(sourceId);
  }
}

function take(source: OpenSource, maxCount: number): Pick<SplitBatch, 'splits' | 'last'> {
  if (source.failure !== undefined) throw source.failure;
  const splits: FileSplit[] = [];
  try {
    while (splits.length < maxCount) {
      const next = source.splits.next();
      if (next.done === true) return { splits, last: true };
      splits.push(next.value);
    }
  } catch (error) {
    source.failure = error;
    throw error;
  }
  return { splits, last: false };
}

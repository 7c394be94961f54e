/** Row groups that dynamic filters rule out by their bounds (scheduling.md §7, applied at split enumeration). */
import { mayOverlap } from '../../common/dynamic-filter/key-domain.ts';
import type { RowGroup, ScanFile } from '../../common/plan/plan-fragment.ts';
import { addPruned, NOTHING_PRUNED, type PrunedInput } from '../../common/plan/split.ts';
import type { SplitFilter } from '../scheduler/scheduler-effect.ts';

/** Applies the filters that are known when a file's turn comes, and counts what they spare. */
export class RowGroupPruner {
  #filters: readonly SplitFilter[] = [];
  #pruned: PrunedInput = NOTHING_PRUNED;

  use(filters: readonly SplitFilter[]): void {
    this.#filters = filters;
  }

  /** What was spared since the last call. */
  takePruned(): PrunedInput {
    const pruned = this.#pruned;
    this.#pruned = NOTHING_PRUNED;
    return pruned;
  }

  /** The row groups of the file that may hold a needed row. */
  prune(file: ScanFile): readonly RowGroup[] {
    if (this.#filters.length === 0) return file.rowGroups;
    return file.rowGroups.filter((group) => {
      if (this.#filters.every((filter) => mayHoldKeys(group, filter))) return true;
      const { rowCount: rows, bytes } = group;
      this.#pruned = addPruned(this.#pruned, { rowGroups: 1, rows, bytes });
      return false;
    });
  }
}

function mayHoldKeys(group: RowGroup, { index, form, domain, keepsNulls }: SplitFilter): boolean {
  const bounds = group.bounds?.[index] ?? { mayBeNull: true };
  return (keepsNulls && bounds.mayBeNull) || mayOverlap(domain, bounds, form);
}

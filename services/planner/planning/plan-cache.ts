import { type QueryPlan } from '../../common/plan/plan-fragment.ts';
import { type Table } from '../catalog/table.ts';

/** A plan that holds for its statement while these tables have the files that they had. */
export interface KeptPlan {
  readonly plan: QueryPlan;
  readonly tables: readonly Table[];
}

const MAX_PLANS = 500;
/** Characters of SQL and row groups, of all plans together; tens of megabytes in memory. */
const MAX_WEIGHT = 8 << 20;

/** Plans of statements that may come again; the least recently used go first. */
export class PlanCache {
  readonly #kept = new Map<string, KeptPlan & { readonly weight: number }>();
  #weight = 0;

  get(key: string): KeptPlan | undefined {
    const known = this.#kept.get(key);
    if (known === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, known);
    return known;
  }

  set(key: string, kept: KeptPlan): void {
    this.delete(key);
    const weight = weightOf(key, kept.plan);
    if (weight > MAX_WEIGHT / 8) return;
    this.#kept.set(key, { ...kept, weight });
    this.#weight += weight;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_PLANS && this.#weight <= MAX_WEIGHT) return;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#weight -= this.#kept.get(key)?.weight ?? 0;
    this.#kept.delete(key);
  }
}

function weightOf(key: string, { fragments, scans }: QueryPlan): number {
  const sql = fragments.reduce((sum, fragment) => sum + fragment.sql.length, 0);
  const files = scans.flatMap((scan) => scan.files);
  const rowGroups = files.reduce((sum, file) => sum + file.rowGroups.length, 0);
  const readings = files.reduce((sum, { reading }) => sum + (reading?.options.length ?? 0), 0);
  return key.length + sql + readings + 100 * (files.length + rowGroups);
}

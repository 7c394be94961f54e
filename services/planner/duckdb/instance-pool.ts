import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { EngineError, ERROR_POLICIES } from '../../common/error.ts';
import { LendingPool } from './lending-pool.ts';
import { type DescribedTable, MetadataInstance } from './metadata-instance.ts';
import { PlanningInstance, type PlanningProfile } from './planning-instance.ts';

/** What all instances of a planner have in common. */
export type CommonProfile = Omit<PlanningProfile, 'settings' | 'disabledOptimizers'>;

/** `usual` gives plans that serialize; the others are for the few that need more optimizers off. */
export type Optimizers = 'usual' | 'careful' | 'cautious';

/** Optimizers whose plans cannot be serialized or taken apart (design, planning §1). */
const ALWAYS_DISABLED = [
  'column_lifetime',
  'compressed_materialization',
  'join_filter_pushdown',
  'late_materialization',
];

/** Rewrites of aggregates and windows that leave columns behind which the serializer does not find. */
const SOMETIMES_DISABLED = [...ALWAYS_DISABLED, 'top_n_window_elimination', 'common_aggregate'];

const DISABLED: Readonly<Record<Optimizers, readonly string[]>> = {
  usual: ALWAYS_DISABLED,
  careful: SOMETIMES_DISABLED,
  cautious: [...SOMETIMES_DISABLED, 'join_order', 'build_side_probe_side'],
};

/** Plans made with these have their joins in the order that suits the tables. */
export function ordersJoins(optimizers: Optimizers): boolean {
  return !DISABLED[optimizers].includes('join_order');
}

/** Instances that are kept; their settings are locked, so each profile needs one. */
const MAX_INSTANCES = 8;

/** Tools ask again and again of the same tables. */
const MAX_METADATA_INSTANCES = 2;

/** Which instance a statement is planned on. */
export interface PoolProfile {
  /** DuckDB's settings of the session. */
  readonly settings: Readonly<Record<string, string>>;
  readonly optimizers: Optimizers;
}

/** One locked-down instance for each profile, opened when first asked for. */
export class InstancePool {
  readonly #common: CommonProfile;
  readonly #pool = new LendingPool<PlanningInstance>(MAX_INSTANCES);
  readonly #metadata = new LendingPool<MetadataInstance>(MAX_METADATA_INSTANCES);

  constructor(common: CommonProfile) {
    this.#common = common;
  }

  /**
   * Lends the instance of a profile to `work`.
   * @throws EngineError INVALID_SESSION_PROPERTY for a value of a setting that DuckDB does not know
   */
  async use<T>(profile: PoolProfile, work: (instance: PlanningInstance) => Promise<T>): Promise<T> {
    const settings = Object.entries(profile.settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([profile.optimizers, settings]);
    return await this.#pool.use(key, () => this.#open(profile), work);
  }

  /** Lends an instance that has these tables and nothing else. */
  async useMetadata<T>(
    tables: readonly DescribedTable[],
    work: (instance: MetadataInstance) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify(tables);
    return await this.#metadata.use(key, () => MetadataInstance.open(this.#common, tables), work);
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#metadata.close()]);
  }

  async #open({ settings, optimizers }: PoolProfile): Promise<PlanningInstance> {
    const disabledOptimizers = DISABLED[optimizers];
    try {
      return await PlanningInstance.open({ ...this.#common, settings, disabledOptimizers });
    } catch (error) {
      // Only the settings come from users.
      const { code, message } = toEngineError(error);
      if (ERROR_POLICIES[code].type !== 'user') throw error;
      throw new EngineError('INVALID_SESSION_PROPERTY', message, { cause: error });
    }
  }
}

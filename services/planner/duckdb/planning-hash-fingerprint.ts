import { hashFingerprint } from '../../common/duckdb/hash-fingerprint.ts';
import { type HashFingerprints } from '../catalog/ports.ts';
import { type InstancePool } from './instance-pool.ts';

/** Of the planner's DuckDB, which is that of all workers: they are refused otherwise. */
export class PlanningHashFingerprint implements HashFingerprints {
  readonly #instances: InstancePool;
  readonly #settings: Readonly<Record<string, string>>;
  #fingerprint: Promise<string> | undefined;

  /** `settings` are those of an instance that is open anyway; the fingerprint does not depend on them. */
  constructor(instances: InstancePool, settings: Readonly<Record<string, string>>) {
    this.#instances = instances;
    this.#settings = settings;
  }

  async ofDuckDB(): Promise<string> {
    this.#fingerprint ??= this.#instances.use(
      { settings: this.#settings, optimizers: 'usual' },
      async (instance) => await instance.fileLane.run(hashFingerprint),
    );
    return await this.#fingerprint;
  }
}

import { type OpenInstance } from '../../common/duckdb/open-instance.ts';
import { LendingPool } from './lending-pool.ts';
import { SessionLanes } from './session-lanes.ts';

/** Setups whose connections are kept open for the next statement. */
const MAX_SETUPS = 32;

/** Connections of an instance for each way in which sessions have set them up, opened when first asked for. */
export class SessionSetups {
  readonly #instance: OpenInstance;
  readonly #pool = new LendingPool<SessionLanes>(MAX_SETUPS);

  constructor(instance: OpenInstance) {
    this.#instance = instance;
  }

  /** Lends the connections of a setup to `work`. Those of another generation are never the same. */
  async use<T>(
    generation: number,
    setup: readonly string[],
    work: (lanes: SessionLanes) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify([generation, setup]);
    return await this.#pool.use(key, () => SessionLanes.open(this.#instance, setup), work);
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

import { type OpenInstance } from '../../common/duckdb/open-instance.ts';
import { SessionLanes } from './session-lanes.ts';

/** Setups whose connections are kept open for the next statement. */
const MAX_SETUPS = 32;

interface Entry {
  readonly opening: Promise<SessionLanes>;
  users: number;
}

/** Connections of an instance for each way in which sessions have set them up, opened when first asked for. */
export class SessionSetups {
  readonly #instance: OpenInstance;
  /** Ordered by use. */
  readonly #entries = new Map<string, Entry>();

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
    const entry = this.#entries.get(key) ?? {
      opening: SessionLanes.open(this.#instance, setup),
      users: 0,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users += 1;
    try {
      return await work(await this.#opened(key, entry));
    } finally {
      entry.users -= 1;
      this.#dropIdle();
    }
  }

  async close(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(entries.map(async ({ opening }) => await (await opening).close()));
  }

  async #opened(key: string, entry: Entry): Promise<SessionLanes> {
    try {
      return await entry.opening;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #dropIdle(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= MAX_SETUPS) return;
      if (entry.users > 0) continue;
      this.#entries.delete(key);
      void entry.opening.then(async (lanes) => await lanes.close());
    }
  }
}

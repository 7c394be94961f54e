/** Looks now and then at the memory of a statement that takes long, over a connection of its own. */
import duckdb from '@duckdb/node-bindings';
import type { Clock } from '../../common/clock.ts';
import { readData } from '../../common/duckdb/vector-memory.ts';
import type { SlotConnection } from './slot-connection.ts';

const INTERVAL_MS = 250;
const USAGE_SQL = `SELECT sum(memory_usage_bytes)::BIGINT, sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()`;

export interface MemoryUsage {
  readonly peakMemoryBytes: number;
  readonly spilledBytes: number;
}

export class MemoryWatch {
  readonly #connection: SlotConnection;
  readonly #clock: Clock;
  #peakMemoryBytes = 0;
  #spilledBytes = 0;
  #cancel: () => void;
  #looking: Promise<void> = Promise.resolve();

  /** Begins to watch. */
  constructor(connection: SlotConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#cancel = clock.schedule(INTERVAL_MS, () => this.#look());
  }

  /** Ends the watch; the largest values that were seen. */
  async stop(): Promise<MemoryUsage> {
    this.#cancel();
    await this.#looking;
    this.#cancel();
    return { peakMemoryBytes: this.#peakMemoryBytes, spilledBytes: this.#spilledBytes };
  }

  #look(): void {
    const lookAgain = (): void => {
      this.#cancel = this.#clock.schedule(INTERVAL_MS, () => this.#look());
    };
    // What cannot be measured, because memory is out for instance, is left out.
    this.#looking = this.#measure().then(lookAgain, lookAgain);
  }

  async #measure(): Promise<void> {
    const result = await this.#connection.runBeside(USAGE_SQL);
    const chunk = duckdb.result_get_chunk(result, 0);
    const [memory, spilled] = [0, 1].map((column) => {
      const { buffer, byteOffset } = readData(duckdb.data_chunk_get_vector(chunk, column), 8);
      return Number(new BigInt64Array(buffer, byteOffset, 1)[0]);
    });
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, memory ?? 0);
    this.#spilledBytes = Math.max(this.#spilledBytes, spilled ?? 0);
  }
}

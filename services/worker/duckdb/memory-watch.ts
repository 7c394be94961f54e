/** Looks now and then at the memory of a statement that takes long, over a connection of its own. */
import duckdb from '@duckdb/node-bindings';
import type { Clock } from '../../common/clock.ts';
import { readData } from '../../common/duckdb/vector-memory.ts';
import type { SlotConnection } from './slot-connection.ts';

/** Short statements are not worth a look; of longer ones a look takes a small part whatever their length. */
const FIRST_LOOK_MS = 10;
const MAX_INTERVAL_MS = 250;
const USAGE_SQL = `SELECT sum(memory_usage_bytes)::BIGINT, sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()`;

export interface MemoryUsage {
  readonly peakMemoryBytes: number;
  readonly spilledBytes: number;
}

export class MemoryWatch {
  readonly #connection: SlotConnection;
  readonly #clock: Clock;
  readonly #onMemory: (memoryBytes: number) => void;
  #intervalMs = FIRST_LOOK_MS;
  #peakMemoryBytes = 0;
  #spilledBytes = 0;
  #cancel: () => void;
  #looking: Promise<void> = Promise.resolve();

  /** Begins to watch; `onMemory` hears what each look sees. */
  constructor(connection: SlotConnection, clock: Clock, onMemory: (memoryBytes: number) => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onMemory = onMemory;
    this.#cancel = clock.schedule(FIRST_LOOK_MS, () => this.#look());
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
      this.#intervalMs = Math.min(2 * this.#intervalMs, MAX_INTERVAL_MS);
      this.#cancel = this.#clock.schedule(this.#intervalMs, () => this.#look());
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
    this.#onMemory(memory ?? 0);
  }
}

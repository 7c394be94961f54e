/**
 * The DuckDB instance of a slot's thread and its one connection, on the bare bindings: the library above them
 * takes each new thread longer to load than DuckDB takes to open.
 */
import duckdb from '@duckdb/node-bindings';
import { rememberVariantType, VARIANT_SAMPLE_SQL } from '../../common/duckdb/duckdb-type.ts';
import { HASH_FINGERPRINT_SQL } from '../../common/duckdb/hash-fingerprint.ts';
import { ERRORS_AS_JSON, lockDownStatements } from '../../common/duckdb/lock-down.ts';
import { readStrings } from '../../common/duckdb/string-reader.ts';
import { readData } from '../../common/duckdb/vector-memory.ts';
import type { EngineDescription } from './slot-messages.ts';
import type { SlotProfile } from './slot-profile.ts';

/**
 * Optimizers that read one input twice, which a remote source cannot be. The planner's DuckDB has them on, where
 * a scan is read again.
 */
const SELF_JOINING_OPTIMIZERS = 'window_self_join';

/**
 * They know nothing of the distinct keys of their inputs, nor what filters leave of them: they join many to many first, and
 * build on the larger side.
 */
const JOIN_OPTIMIZERS = 'join_order,build_side_probe_side';

export class SlotConnection {
  readonly #database: duckdb.Database;
  #handle: duckdb.Connection;
  #isChanged = false;
  #besideHandle: duckdb.Connection | undefined;

  private constructor(database: duckdb.Database, handle: duckdb.Connection) {
    this.#database = database;
    this.#handle = handle;
  }

  /** Opens an in-memory DuckDB of this profile and locks it down. @throws DuckDB's errors */
  static async open(profile: SlotProfile): Promise<SlotConnection> {
    const database = await duckdb.open(':memory:');
    const connection = new SlotConnection(database, await duckdb.connect(database));
    try {
      await connection.run(ERRORS_AS_JSON);
      const variant = await connection.run(VARIANT_SAMPLE_SQL);
      rememberVariantType(duckdb.column_logical_type(variant, 0));
      const disabled_optimizers = profile.mayReorderJoins
        ? SELF_JOINING_OPTIMIZERS
        : `${SELF_JOINING_OPTIMIZERS},${JOIN_OPTIMIZERS}`;
      const settings = { ...profile.settings, disabled_optimizers };
      await connection.run(lockDownStatements({ ...profile, settings }).join(';\n'));
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** For the registration of functions. */
  get handle(): duckdb.Connection {
    return this.#handle;
  }

  /** Runs a statement that makes the connection another one, until `renew`: a seed, a variable, a macro. */
  async change(sql: string): Promise<void> {
    this.#isChanged = true;
    await this.run(sql);
  }

  /** Forgets all changes. A seed cannot be taken back: UUIDs that follow from one would soon come again. */
  async renew(): Promise<void> {
    if (!this.#isChanged) return;
    const handle = await duckdb.connect(this.#database);
    duckdb.disconnect_sync(this.#handle);
    this.#handle = handle;
    this.#isChanged = false;
  }

  /** Runs a statement to its end; its result is complete. @throws DuckDB's errors, as JSON */
  async run(sql: string): Promise<duckdb.Result> {
    return await duckdb.query(this.handle, sql);
  }

  /** Runs a small statement while `run` is at work, over a second connection. */
  async runBeside(sql: string): Promise<duckdb.Result> {
    this.#besideHandle ??= await duckdb.connect(this.#database);
    return await duckdb.query(this.#besideHandle, sql);
  }

  /** Makes the running statement fail. */
  interrupt(): void {
    duckdb.interrupt(this.handle);
  }

  async describeEngine(): Promise<EngineDescription> {
    const hashFingerprint = readText(await this.run(HASH_FINGERPRINT_SQL));
    return { duckdbVersion: duckdb.library_version(), hashFingerprint };
  }

  /** Only when no statement is running: an instance closed under a statement aborts the process. */
  close(): void {
    if (this.#besideHandle !== undefined) duckdb.disconnect_sync(this.#besideHandle);
    duckdb.disconnect_sync(this.handle);
    duckdb.close_sync(this.#database);
  }
}

/** The one value of a result, a BIGINT. */
export function readCount(result: duckdb.Result): number {
  const { buffer, byteOffset } = readData(firstVector(result), 8);
  return Number(new BigInt64Array(buffer, byteOffset, 1)[0]);
}

/** The value of a column of a result's one row, a VARCHAR. */
export function readText(result: duckdb.Result, column = 0): string {
  const { bytes, starts, ends } = readStrings(firstVector(result, column), 1, undefined);
  return Buffer.from(bytes.subarray(starts[0], ends[0])).toString('utf8');
}

/** The values of a result's one row behind the first. */
export function otherVectors(result: duckdb.Result): readonly duckdb.Vector[] {
  const chunk = duckdb.result_get_chunk(result, 0);
  const count = duckdb.data_chunk_get_column_count(chunk);
  return Array.from({ length: count - 1 }, (_, index) =>
    duckdb.data_chunk_get_vector(chunk, index + 1),
  );
}

function firstVector(result: duckdb.Result, column = 0): duckdb.Vector {
  return duckdb.data_chunk_get_vector(duckdb.result_get_chunk(result, 0), column);
}

/** Opens an in-memory DuckDB and locks it down, in the order that works (reliability A6). */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { learnVariantType } from './duckdb-type.ts';
import { ERRORS_AS_JSON, type InstanceProfile, lockDownStatements } from './lock-down.ts';
import { CREATE_NO_PIVOT_VALUES } from './no-pivot-values.ts';

export class OpenInstance {
  readonly #instance: DuckDBInstance;
  /** The instance's first connection. */
  readonly connection: DuckDBConnection;

  constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  /** Another connection; whoever asks for it closes it. */
  async connect(): Promise<DuckDBConnection> {
    return await this.#instance.connect();
  }

  /** Only when no statement is running: an instance closed under a statement aborts the process. */
  close(): void {
    this.connection.disconnectSync();
    this.#instance.closeSync();
  }
}

/**
 * Opens an instance of the profile. `prepare` runs before the lock-down, for what is impossible after it:
 * loading extensions, attaching databases. Errors of the instance are JSON from the first statement on.
 */
export async function openInstance(
  profile: InstanceProfile,
  prepare?: (connection: DuckDBConnection) => Promise<void>,
): Promise<OpenInstance> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const opened = new OpenInstance(instance, connection);
  try {
    await connection.run(ERRORS_AS_JSON);
    await learnVariantType(connection);
    await connection.run(CREATE_NO_PIVOT_VALUES);
    await prepare?.(connection);
    for (const statement of lockDownStatements(profile)) await connection.run(statement);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

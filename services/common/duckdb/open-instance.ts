/** Opens an in-memory DuckDB and locks it down, in the order that works (reliability A6). */
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { EngineError } from '../error.ts';
import { quoteString } from '../plan/column-type.ts';
import { learnVariantType } from './duckdb-type.ts';

/** What an instance may use and read. After the lock-down none of it can be changed. */
export interface InstanceProfile {
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** A directory of this instance's own for what does not fit into memory; `undefined`: it never spills. */
  readonly tempDirectory?: string;
  readonly maxTempDirectoryBytes?: number;
  /** Files below these may be read, and by COPY also written: hence no statement reaches DuckDB unchecked. */
  readonly allowedDirectories: readonly string[];
  /** Other DuckDB settings, such as TimeZone. */
  readonly settings?: Readonly<Record<string, string>>;
}

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
    await connection.run('SET errors_as_json = true');
    await learnVariantType(connection);
    await prepare?.(connection);
    for (const statement of lockDownStatements(profile)) await connection.run(statement);
  } catch (error) {
    opened.close();
    throw error;
  }
  return opened;
}

function lockDownStatements(profile: InstanceProfile): readonly string[] {
  const directories = profile.allowedDirectories.map(quoteString).join(', ');
  const { maxTempDirectoryBytes } = profile;
  return [
    ...Object.entries(profile.settings ?? {}).map(settingStatement),
    `SET allowed_directories = [${directories}]`,
    `SET temp_directory = ${quoteString(profile.tempDirectory ?? '')}`,
    ...(maxTempDirectoryBytes === undefined
      ? []
      : [`SET max_temp_directory_size = '${Math.floor(maxTempDirectoryBytes)}B'`]),
    `SET memory_limit = '${Math.floor(profile.memoryLimitBytes)}B'`,
    `SET threads = ${profile.threads}`,
    'SET autoinstall_known_extensions = false',
    'SET autoload_known_extensions = false',
    'SET allow_community_extensions = false',
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ];
}

function settingStatement([name, value]: readonly [string, string]): string {
  if (!/^[A-Za-z_]+$/.test(name)) {
    throw new EngineError('INVALID_CONFIGURATION', `${name} is not the name of a DuckDB setting`);
  }
  return `SET ${name} = ${quoteString(value)}`;
}

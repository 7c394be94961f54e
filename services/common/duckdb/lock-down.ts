/** The lock-down of an in-memory DuckDB, as statements in the order that works (reliability A6). */
import type { DataAccess } from '../config/object-store.ts';
import { EngineError } from '../error.ts';
import { quoteString } from '../plan/column-type.ts';
import { isObjectPath } from '../plan/object-path.ts';

/** What an instance may use and read. After the lock-down none of it can be changed. */
export interface InstanceProfile {
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** A directory of this instance's own for what does not fit into memory; `undefined`: it never spills. */
  readonly tempDirectory?: string;
  readonly maxTempDirectoryBytes?: number;
  /** Files below these may be read, and by COPY also written: hence no statement reaches DuckDB unchecked. */
  readonly allowedDirectories: readonly string[];
  /** Extensions and the object store; the secret is known for the allowed prefixes only. */
  readonly dataAccess?: DataAccess;
  /** Other DuckDB settings, such as TimeZone; they hold on every connection. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** From now on errors are JSON with type and position, on every connection. Before every other statement. */
export const ERRORS_AS_JSON = 'SET GLOBAL errors_as_json = true';

export function lockDownStatements(profile: InstanceProfile): readonly string[] {
  const directories = profile.allowedDirectories.map(withSlash).map(quoteString).join(', ');
  const { maxTempDirectoryBytes } = profile;
  return [
    ...(profile.dataAccess?.extensions ?? []).map((path) => `LOAD ${quoteString(path)}`),
    ...objectStoreStatements(profile),
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
  return `SET GLOBAL ${name} = ${quoteString(value)}`;
}

/** A prefix of an object store is no directory: without its slash it allows its neighbours too. */
function withSlash(directory: string): string {
  return isObjectPath(directory) ? `${directory}/` : directory;
}

function objectStoreStatements({
  dataAccess,
  allowedDirectories,
}: InstanceProfile): readonly string[] {
  const scopes = allowedDirectories.filter(isObjectPath).map((prefix) => `${prefix}/`);
  if (dataAccess === undefined || scopes.length === 0) return [];
  const { endpoint, region, keyId, secret, sessionToken, urlStyle, useSsl } =
    dataAccess.objectStore;
  const options = [
    'TYPE s3',
    'PROVIDER config',
    `KEY_ID ${quoteString(keyId)}`,
    `SECRET ${quoteString(secret)}`,
    `REGION ${quoteString(region)}`,
    ...(sessionToken === '' ? [] : [`SESSION_TOKEN ${quoteString(sessionToken)}`]),
    ...(endpoint === '' ? [] : [`ENDPOINT ${quoteString(endpoint)}`]),
    `URL_STYLE ${quoteString(urlStyle)}`,
    `USE_SSL ${useSsl}`,
    `SCOPE [${scopes.map(quoteString).join(', ')}]`,
  ];
  return [`CREATE SECRET object_store (${options.join(', ')})`];
}

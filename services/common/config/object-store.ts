import { readFileSync } from 'node:fs';
import { EngineError } from '../error.ts';
import type { ConfigKeyName, ConfigValues } from './config-keys.ts';

/** What DuckDB is opened with to read beyond the local disk; the operator's configuration, never a statement's. */
export interface DataAccess {
  /** Files of extensions. */
  readonly extensions: readonly string[];
  readonly objectStore: ObjectStoreAccess;
}

export interface ObjectStoreAccess {
  /** host:port; empty = AWS. */
  readonly endpoint: string;
  readonly region: string;
  readonly keyId: string;
  readonly secret: string;
  readonly sessionToken: string;
  readonly urlStyle: 'vhost' | 'path';
  readonly useSsl: boolean;
}

const KEYS = [
  'duckdb_extensions',
  's3_endpoint',
  's3_region',
  's3_key_id',
  's3_secret',
  's3_secret_file',
  's3_session_token',
  's3_url_style',
  's3_use_ssl',
] as const satisfies readonly ConfigKeyName[];

/** The keys with their values, for a process that is to have the same access. */
export function dataAccessValues(values: ConfigValues): Readonly<Record<string, string>> {
  return Object.fromEntries(KEYS.map((key) => [key, String(values[key])]));
}

/** @throws EngineError INVALID_CONFIGURATION */
export function dataAccess(values: ConfigValues): DataAccess {
  return {
    extensions: values.duckdb_extensions
      .split(',')
      .map((path) => path.trim())
      .filter((path) => path !== ''),
    objectStore: {
      endpoint: values.s3_endpoint,
      region: values.s3_region,
      keyId: values.s3_key_id,
      secret: values.s3_secret_file === '' ? values.s3_secret : readSecret(values.s3_secret_file),
      sessionToken: values.s3_session_token,
      urlStyle: values.s3_url_style,
      useSsl: values.s3_use_ssl,
    },
  };
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new EngineError('INVALID_CONFIGURATION', `s3_secret_file ${path} cannot be read`, {
      details: { key: 's3_secret_file' },
      cause,
    });
  }
}

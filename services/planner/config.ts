import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { type CatalogEntry, catalogEntries } from '../common/config/catalog-entries.ts';
import type { ConfigValues } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';
import { type DataAccess, dataAccess } from '../common/config/object-store.ts';
import { type TlsFiles, tlsFiles } from '../common/config/tls-files.ts';
import { EngineError } from '../common/error.ts';
import { type CatalogDirectory } from './catalog/table.ts';

export interface PlannerConfig {
  /** host:port, port 0 for a free one, or unix:PATH. */
  readonly listen: string;
  readonly catalogs: readonly CatalogDirectory[];
  /** Where files may be read: the catalogs' directories, also by their real paths. */
  readonly dataDirectories: readonly string[];
  readonly dataAccess: DataAccess;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
}

export function plannerConfigFromProcess(): PlannerConfig {
  return plannerConfig(loadRoleConfig('planner', process.argv.slice(2), process.env));
}

/** @throws EngineError INVALID_CONFIGURATION */
export function plannerConfig(values: ConfigValues): PlannerConfig {
  const catalogs = catalogEntries(values.catalog).map(locate);
  expectDifferentNames(catalogs);
  return Object.freeze({
    listen: values.planner_listen,
    catalogs: catalogs.map(({ name, realPath }) => ({ name, directory: realPath })),
    dataDirectories: [...new Set(catalogs.flatMap(({ path, realPath }) => [path, realPath]))],
    dataAccess: dataAccess(values),
    tls: tlsFiles(values),
    logLevel: values.log_level,
  });
}

interface LocatedCatalog {
  readonly name: string;
  readonly path: string;
  /** What DuckDB compares with the directories it may read. */
  readonly realPath: string;
}

function locate({ name, location, isObjectStore }: CatalogEntry): LocatedCatalog {
  if (isObjectStore) return { name, path: location, realPath: location };
  const path = resolve(location);
  try {
    return { name, path, realPath: realpathSync(path) };
  } catch (cause) {
    throw invalid(`there is no catalog directory ${path}`, cause);
  }
}

/** Names of databases that every DuckDB has. */
const RESERVED_NAMES: readonly string[] = ['main', 'memory', 'system', 'temp'];

function expectDifferentNames(catalogs: readonly LocatedCatalog[]): void {
  const seen = new Set<string>();
  for (const { name } of catalogs) {
    if (RESERVED_NAMES.includes(name)) throw invalid(`a catalog cannot be called ${name}`);
    if (seen.has(name)) {
      throw invalid(name === '' ? 'two default catalogs' : `two catalogs are called ${name}`);
    }
    seen.add(name);
  }
}

function invalid(message: string, cause?: unknown): EngineError {
  return new EngineError('INVALID_CONFIGURATION', message, { details: { key: 'catalog' }, cause });
}

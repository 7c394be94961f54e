import { EngineError } from '../error.ts';
import { isObjectPath, isPlainObjectPath } from '../plan/object-path.ts';

/** One entry of the `catalog` key: `DIR`, the default catalog, or `NAME=DIR`. */
export interface CatalogEntry {
  /** In lower case; `''` for the default catalog. */
  readonly name: string;
  /** As it was given; a prefix of an object store without a slash at the end. */
  readonly location: string;
  readonly isObjectStore: boolean;
}

/** @throws EngineError INVALID_CONFIGURATION */
export function catalogEntries(catalog: string): readonly CatalogEntry[] {
  return catalog
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
    .map(readEntry);
}

function readEntry(entry: string): CatalogEntry {
  const at = isObjectPath(entry) ? -1 : entry.indexOf('=');
  const name = entry.slice(0, Math.max(0, at)).trim().toLowerCase();
  const location = entry.slice(at + 1).trim();
  if (!isObjectPath(location)) return { name, location, isObjectStore: false };
  const prefix = location.replace(/\/+$/, '');
  if (isPlainObjectPath(prefix) && /^s3:\/\/[^/*[]+/.test(prefix)) {
    return { name, location: prefix, isObjectStore: true };
  }
  throw new EngineError('INVALID_CONFIGURATION', `${location} is no s3://BUCKET/PREFIX`, {
    details: { key: 'catalog' },
  });
}

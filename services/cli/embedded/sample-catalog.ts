import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { catalogEntries } from '../../common/config/catalog-entries.ts';
import { EngineError } from '../../common/error.ts';

/** The TPC-H sample that ships with the package; this module lies in dist/services/cli/embedded. */
const SAMPLE_DIRECTORY = fileURLToPath(new URL('../../../../examples/data', import.meta.url));

/**
 * Values of `--catalog` (DIR or NAME=DIR, also of an object store) → the configuration key `catalog`.
 * @throws EngineError INVALID_CONFIGURATION when one is no directory
 */
export function catalogSetting(catalogs: readonly string[]): string {
  if (catalogs.length === 0) return SAMPLE_DIRECTORY;
  for (const { location: directory, isObjectStore } of catalogs.flatMap(catalogEntries)) {
    if (isObjectStore) continue;
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new EngineError('INVALID_CONFIGURATION', `there is no catalog directory ${directory}`, {
        details: { key: 'catalog' },
      });
    }
  }
  return catalogs.join(',');
}

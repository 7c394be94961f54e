import { EngineError } from '../../common/error.ts';
import { type CatalogDirectory } from './table.ts';

/** DuckDB's own databases, and the schema of each. */
const RESERVED_NAMES: ReadonlySet<string> = new Set(['memory', 'system', 'temp', 'main']);

/**
 * `DIR` or `NAME=DIR`, separated by commas; `resolve` makes a directory absolute.
 * @throws EngineError INVALID_CONFIGURATION
 */
export function parseCatalogDirectories(
  text: string,
  resolve: (directory: string) => string,
): readonly CatalogDirectory[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  const catalogs = parts.map((part) => {
    const [, name = '', directory = ''] =
      /^(?:([A-Za-z_][A-Za-z0-9_]*)=)?(.+)$/.exec(part.trim()) ?? [];
    if (RESERVED_NAMES.has(name.toLowerCase())) {
      throw new EngineError('INVALID_CONFIGURATION', `a catalog cannot be called ${name}`);
    }
    return { name: name.toLowerCase(), directory: resolve(directory) };
  });
  const names = catalogs.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    const which = twice === '' ? 'default catalogs' : `catalogs called ${twice}`;
    throw new EngineError('INVALID_CONFIGURATION', `there are two ${which}`);
  }
  return catalogs;
}

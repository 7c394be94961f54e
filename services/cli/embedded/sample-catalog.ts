import { fileURLToPath } from 'node:url';

/** The TPC-H sample that ships with the package; this module lies in dist/services/cli/embedded. */
const SAMPLE_DIRECTORY = fileURLToPath(new URL('../../../../examples/data', import.meta.url));

/** Values of `--catalog` → the configuration key `catalog`. */
export function catalogSetting(catalogs: readonly string[]): string {
  return catalogs.length === 0 ? SAMPLE_DIRECTORY : catalogs.join(',');
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DIRECTORY = join(import.meta.dirname, '..', 'sql', 'tpch');

export interface TpchQuery {
  /** q01 … q22 */
  readonly name: string;
  readonly sql: string;
}

/** The 22 queries, in order. */
export const TPCH_QUERIES: readonly TpchQuery[] = readdirSync(DIRECTORY)
  .filter((file) => /^q\d\d\.sql$/.test(file))
  .toSorted()
  .map((file) => ({
    name: file.slice(0, 3),
    sql: readFileSync(join(DIRECTORY, file), 'utf8'),
  }));

import { UnsupportedError } from '../logical/unsupported.ts';

/**
 * Functions that the optimizer puts into a plan and the binder refuses in SQL, with the public function that
 * gives the same values. A test holds the list against the pinned DuckDB's catalog.
 */
const PUBLIC_NAMES: ReadonlyMap<string, string> = new Map([['sum_no_overflow', 'sum']]);

/** Functions that give another value at every call. `error` is volatile to DuckDB too, but may run anywhere. */
export const VOLATILE_FUNCTIONS: ReadonlySet<string> = new Set([
  'random',
  'uuid',
  'uuidv4',
  'uuidv7',
  'gen_random_uuid',
  'setseed',
  'nextval',
  'currval',
  'sleep_ms',
  'write_log',
  'stats',
  'current_connection_id',
  'current_query',
  'current_query_id',
  'current_transaction_id',
]);

/** The name under which SQL reaches the function; the optimizer's own functions have none. */
export function publicName(name: string): string {
  if (name.startsWith('__internal_')) throw new UnsupportedError(`function ${name}`);
  return PUBLIC_NAMES.get(name) ?? name;
}

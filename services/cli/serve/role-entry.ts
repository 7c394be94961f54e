import { fileURLToPath } from 'node:url';
import type { Role } from '../../common/config/config-keys.ts';

/** The module in dist/ that runs a role as a process. */
export function roleEntry(role: Role): string {
  return fileURLToPath(new URL(`../../${role}/main.js`, import.meta.url));
}

/** The module in dist/ that a worker's slots run as threads. */
export function slotThreadEntry(): URL {
  return new URL('../../worker/duckdb/slot-thread.js', import.meta.url);
}

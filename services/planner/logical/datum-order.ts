import { compareText } from '../../common/compare-text.ts';
import { type Datum } from './datum.ts';

/**
 * Order of two constants of one type, as DuckDB has it: negative, zero or positive; `undefined` when they
 * cannot be compared.
 */
export function compareValues(a: Datum, b: Datum): number | undefined {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return undefined;
}

/** Messages of DuckDB without the names that only this planner's DuckDB knows. */
import { EngineError } from '../../common/error.ts';
import { SYSTEM_CATALOG } from '../../common/system/system-tables.ts';
import { PINNED_SCAN, SYSTEM_ROWS } from '../import/decode-scan.ts';
import { SYSTEM_MIRROR } from './system-catalog.ts';

/** The error with our tables under their own names, and without hints at functions that nobody may call. */
export function withoutInternals(error: EngineError): EngineError {
  const lines = error.message.split('\n');
  const kept = lines.filter((line) => !OWN_HINT.test(line));
  const message = kept.join('\n').replaceAll(MIRROR, SYSTEM_CATALOG);
  if (message === error.message || kept.length === 0) return error;
  const { code, position, details, cause } = error;
  return new EngineError(code, message, { position, details, cause });
}

const OWN_HINT = new RegExp(`^Did you mean .*\\b(?:${PINNED_SCAN}|${SYSTEM_ROWS})\\b`);
const MIRROR = new RegExp(`\\b${SYSTEM_MIRROR}\\b`, 'g');

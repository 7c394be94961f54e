import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { EngineError, type ErrorCode } from '../../common/error.ts';

/** Errors that stay what they are when a file of a table is opened; any other means that its content is bad. */
const ABOUT_ACCESS: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_NOT_FOUND',
  'SOURCE_ACCESS_DENIED',
  'SOURCE_READ_FAILED',
  'FILE_NOT_ALLOWED',
  'OUT_OF_MEMORY',
  'QUERY_CANCELLED',
]);

/** What opening one of these files threw, with the file's name: the one in the message, or else the first. */
export function sourceError(error: unknown, paths: readonly string[]): EngineError {
  const mapped = toEngineError(error, paths);
  const file = mapped.details['file'] ?? paths[0] ?? '';
  const code = ABOUT_ACCESS.has(mapped.code) ? mapped.code : 'SOURCE_CORRUPT';
  return new EngineError(code, `${file}: ${mapped.message}`, { details: { file }, cause: error });
}

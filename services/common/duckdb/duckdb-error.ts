/**
 * DuckDB's errors as EngineErrors. With `errors_as_json` on, an error is a JSON object of exception type,
 * message, subtype, position and more; the code follows from these, never from the message. Parser errors, and
 * those of texts that are taken apart, carry a prefix before the JSON.
 */
import { EngineError, type ErrorCode } from '../error.ts';

export interface DuckDBError {
  /** DuckDB's exception type, such as `Binder` or `Out of Range`. */
  readonly type: string;
  readonly message: string;
  /** Offset in the statement, in UTF-8 bytes. */
  readonly position: number | undefined;
  /** Everything else that DuckDB says: error_subtype, name, candidates, errno … */
  readonly details: Readonly<Record<string, string>>;
}

const JSON_ERROR = /^(?:[A-Za-z ]+: )*(\{.*\})\s*$/s;

/** Takes DuckDB's error apart; `undefined` if it is none, or not in JSON. */
export function parseDuckDBError(error: unknown): DuckDBError | undefined {
  const json = error instanceof Error ? JSON_ERROR.exec(error.message)?.[1] : undefined;
  const fields = json === undefined ? undefined : parseFields(json);
  if (fields?.['exception_type'] === undefined) return undefined;
  const { exception_type: type, exception_message: message, position, ...details } = fields;
  return {
    type,
    message: message ?? '',
    position: position === undefined ? undefined : Number(position),
    details,
  };
}

function parseFields(json: string): Record<string, string> | undefined {
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]));
  } catch {
    return undefined;
  }
}

/**
 * The EngineError for anything that a call of DuckDB threw. `files` are the files that the statement reads:
 * the one that the message names goes into the details, and bad input from it is SOURCE_CORRUPT.
 */
export function toEngineError(error: unknown, files: readonly string[] = []): EngineError {
  if (error instanceof EngineError) return error;
  const parsed = parseDuckDBError(error);
  if (parsed === undefined) {
    const message = error instanceof Error ? error.message : String(error);
    return new EngineError('INTERNAL_ERROR', firstLine(message), { cause: error });
  }
  const file = files.find((path) => parsed.message.includes(path));
  const code = file === undefined ? errorCode(parsed) : fileErrorCode(parsed);
  const message = code === 'INTERNAL_ERROR' ? firstLine(parsed.message) : parsed.message;
  return new EngineError(code, message, {
    position: parsed.position,
    details: file === undefined ? {} : { file },
    cause: error,
  });
}

/** Behind it, internal errors have the stack: the cause keeps it for the log. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  Parser: 'SYNTAX_ERROR',
  Syntax: 'SYNTAX_ERROR',
  Planner: 'BIND_ERROR',
  'Parameter Not Resolved': 'INVALID_PARAMETER',
  'Parameter Not Allowed': 'INVALID_PARAMETER',
  'Not implemented': 'STATEMENT_NOT_SUPPORTED',
  'Missing Extension': 'FUNCTION_NOT_FOUND',
  'Extension Autoloading': 'FUNCTION_NOT_FOUND',
  Permission: 'FILE_NOT_ALLOWED',
  Conversion: 'CONVERSION_ERROR',
  'Out of Range': 'OUT_OF_RANGE',
  Decimal: 'OUT_OF_RANGE',
  'Divide by Zero': 'OUT_OF_RANGE',
  'Object Size': 'OUT_OF_RANGE',
  'Invalid Input': 'INVALID_INPUT',
  'Invalid type': 'INVALID_INPUT',
  'Mismatch Type': 'INVALID_INPUT',
  'Unknown Type': 'INVALID_INPUT',
  Expression: 'INVALID_INPUT',
  Constraint: 'INVALID_INPUT',
  Sequence: 'INVALID_INPUT',
  Settings: 'INVALID_INPUT',
  'Invalid Configuration': 'INVALID_INPUT',
  'Out of Memory': 'OUT_OF_MEMORY',
  INTERRUPT: 'QUERY_CANCELLED',
};

function errorCode(error: DuckDBError): ErrorCode {
  switch (error.type) {
    case 'Binder':
      return binderCode(error.details['error_subtype']);
    case 'Catalog':
      return catalogCode(error.details);
    case 'IO':
    case 'HTTP':
      return inputOutputCode(error.details);
    default:
      return CODES[error.type] ?? 'INTERNAL_ERROR';
  }
}

function binderCode(subtype: string | undefined): ErrorCode {
  if (subtype === 'COLUMN_NOT_FOUND') return 'COLUMN_NOT_FOUND';
  return subtype === 'NO_MATCHING_FUNCTION' ? 'FUNCTION_NOT_FOUND' : 'BIND_ERROR';
}

/** `type` names the kind of entry that is missing: Table, Scalar Function, Type, Schema … */
function catalogCode(details: DuckDBError['details']): ErrorCode {
  if (details['error_subtype'] !== 'MISSING_ENTRY') return 'BIND_ERROR';
  const missing = details['type'] ?? '';
  if (missing === 'Table' || missing === 'View') return 'TABLE_NOT_FOUND';
  return missing.endsWith('Function') ? 'FUNCTION_NOT_FOUND' : 'BIND_ERROR';
}

/** errno of a file system call, or the status of an HTTP response. */
function inputOutputCode(details: DuckDBError['details']): ErrorCode {
  const [noSuchFile, noAccess, noSpace, quotaExceeded] = ['2', '13', '28', '122'];
  const { errno, status_code: status } = details;
  if (errno === noSuchFile || status === '404') return 'SOURCE_NOT_FOUND';
  if (errno === noAccess || status === '401' || status === '403') return 'SOURCE_ACCESS_DENIED';
  return errno === noSpace || errno === quotaExceeded ? 'OUT_OF_DISK' : 'SOURCE_READ_FAILED';
}

/** What DuckDB calls invalid input is, when it comes from a data file, the file's fault and not the user's. */
function fileErrorCode(error: DuckDBError): ErrorCode {
  return error.type === 'Invalid Input' || error.type === 'Serialization'
    ? 'SOURCE_CORRUPT'
    : errorCode(error);
}

import { EngineError } from '../../common/error.ts';
import { toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';

/** DuckDB's names of exception types; the serializing functions print them in lower case. */
const EXCEPTION_TYPES: ReadonlyMap<string, string> = new Map(
  [
    'Parser',
    'Syntax',
    'Planner',
    'Binder',
    'Catalog',
    'IO',
    'HTTP',
    'INTERRUPT',
    'Permission',
    'Out of Memory',
    'Not implemented',
    'Invalid Input',
    'Invalid type',
    'Mismatch Type',
    'Unknown Type',
    'Conversion',
    'Out of Range',
    'Decimal',
    'Divide by Zero',
    'Object Size',
    'Expression',
    'Constraint',
    'Sequence',
    'Settings',
    'Invalid Configuration',
    'Parameter Not Resolved',
    'Parameter Not Allowed',
    'Missing Extension',
    'Extension Autoloading',
    'Serialization',
  ].map((type) => [type.toLowerCase(), type]),
);

/** The error that a document of json_serialize_sql or json_serialize_plan is, instead of an answer. */
export interface SerializedError {
  /** Exception type in lower case, e.g. `binder`. */
  readonly type: string;
  readonly fields: JsonObject;
}

export function serializedError(document: Json): SerializedError | undefined {
  if (!isJsonObject(document) || document['error'] !== true) return undefined;
  return { type: String(document['error_type']), fields: document };
}

/** As if the statement itself had thrown it. */
export function serializedToEngineError({ type, fields }: SerializedError): EngineError {
  const { error: _, error_type: __, error_message: message, ...details } = fields;
  const thrown = JSON.stringify({
    ...details,
    exception_type: EXCEPTION_TYPES.get(type) ?? type,
    exception_message: message,
  });
  return toEngineError(new Error(thrown));
}

/** An error of a text that has `offset` bytes before the statement, placed in the statement. */
export function inStatement(error: unknown, offset: number): EngineError {
  const { code, message, position, details, cause } = toEngineError(error);
  const isInside = position !== undefined && position >= offset;
  return new EngineError(code, message, {
    position: isInside ? position - offset : undefined,
    details,
    cause,
  });
}

/**
 * What `_skein_bucketing.json` in a table's folder says: each file has the rows of one bucket, `hash(columns) %
 * bucket_count`. Every field is needed, no other is allowed.
 */
import { formatColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { EngineError } from '../../common/error.ts';
import { type ScanColumn } from '../logical/logical-plan.ts';

export const BUCKETING_FILE = '_skein_bucketing.json';

export interface TableBucketing {
  /** `type`: DuckDB's name of the type that the column is cast to before it is hashed. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly bucketCount: number;
  /** Of the DuckDB that hashed the rows (`hash-fingerprint.ts`). */
  readonly hashFingerprint: string;
  /** Of paths below the table's folder; its group `bucket` is the number. */
  readonly filePattern: RegExp;
}

const VERSION = 1;
const MAX_BUCKET_COUNT = 100_000;
const BUCKET_PLACE = '{bucket}';

/** @throws EngineError TABLE_METADATA_INVALID, naming file and field */
export function parseTableBucketing(text: string, file: string): TableBucketing {
  const fields = objectOf(text, file);
  const required = (field: string): unknown => {
    if (fields[field] === undefined) throw invalid(file, field, 'is missing');
    return fields[field];
  };
  if (required('version') !== VERSION) throw invalid(file, 'version', `is not ${VERSION}`);
  const unknown = Object.keys(fields).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw invalid(file, unknown, 'is unknown');
  const names = texts(required('columns'), file, 'columns');
  const types = texts(required('types'), file, 'types');
  if (types.length !== names.length) {
    throw invalid(file, 'types', `has ${types.length} entries for ${names.length} columns`);
  }
  return {
    columns: names.map((name, index) => ({ name, type: types[index] ?? '' })),
    bucketCount: bucketCountOf(required('bucket_count'), file),
    hashFingerprint: fingerprintOf(required('hash_fingerprint'), file),
    filePattern: patternOf(required('files'), file),
  };
}

const FIELDS = new Set([
  'version',
  'columns',
  'types',
  'bucket_count',
  'hash_fingerprint',
  'files',
]);

function objectOf(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('TABLE_METADATA_INVALID', `${file} is no JSON`, {
      details: { file },
      cause,
    });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new EngineError('TABLE_METADATA_INVALID', `${file} is no JSON object`, {
    details: { file },
  });
}

function texts(value: unknown, file: string, field: string): readonly string[] {
  const isList =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((each) => typeof each === 'string' && each !== '');
  if (!isList) throw invalid(file, field, 'is no list of texts');
  if (field === 'columns' && new Set(value).size < value.length) {
    throw invalid(file, field, 'names a column twice');
  }
  return value as readonly string[];
}

function bucketCountOf(value: unknown, file: string): number {
  const isCount = typeof value === 'number' && Number.isInteger(value);
  if (isCount && value >= 1 && value <= MAX_BUCKET_COUNT) return value;
  throw invalid(file, 'bucket_count', `is no whole number from 1 to ${MAX_BUCKET_COUNT}`);
}

function fingerprintOf(value: unknown, file: string): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value;
  throw invalid(file, 'hash_fingerprint', 'is no text of 32 hexadecimal digits');
}

/** `*` stands for any text without a slash, `{bucket}`, once, for the bucket's number, with zeros before it or without. */
function patternOf(value: unknown, file: string): RegExp {
  const [before, after, ...others] = typeof value === 'string' ? value.split(BUCKET_PLACE) : [];
  if (before === undefined || after === undefined || others.length > 0) {
    throw invalid(file, 'files', `is no pattern with one ${BUCKET_PLACE}`);
  }
  return new RegExp(`^${textPattern(before)}(?<bucket>[0-9]{1,9})${textPattern(after)}$`);
}

function textPattern(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*');
}

/**
 * The bucket of a file; `path` below the table's folder.
 * @throws EngineError TABLE_METADATA_INVALID when the pattern does not tell it
 */
export function bucketOfFile(
  { filePattern, bucketCount }: TableBucketing,
  path: string,
  file: string,
): number {
  const digits = filePattern.exec(path)?.groups?.['bucket'];
  if (digits === undefined) throw invalid(file, 'files', `does not match the file ${path}`);
  const bucket = Number(digits);
  if (bucket < bucketCount) return bucket;
  throw invalid(file, 'bucket_count', `is ${bucketCount}, and ${path} is bucket ${bucket}`);
}

const INTEGERS = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'] as const;

/**
 * The type that a bucketing column is hashed as: its own, or a wider integer.
 * @throws EngineError TABLE_METADATA_INVALID for any other
 */
export function hashTypeOf(
  { name, type }: TableBucketing['columns'][number],
  column: ScanColumn,
  file: string,
): ColumnType {
  const own = formatColumnType(column.type);
  if (type === own) return column.type;
  const wider = INTEGERS.find((id) => id === type);
  const narrower = INTEGERS.find((id) => id === own);
  if (wider !== undefined && narrower !== undefined) {
    if (INTEGERS.indexOf(wider) > INTEGERS.indexOf(narrower)) return { id: wider };
  }
  throw invalid(file, 'types', `says ${type} of column ${name}, which is ${own}`);
}

function invalid(file: string, field: string, what: string): EngineError {
  return new EngineError('TABLE_METADATA_INVALID', `${file}: ${field} ${what}`, {
    details: { file, field },
  });
}

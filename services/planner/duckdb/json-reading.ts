import { type DuckDBConnection } from '@duckdb/node-api';
import { type Column, type ColumnType, quoteString } from '../../common/plan/column-type.ts';
import { type FileReading } from '../../common/plan/file-reading.ts';
import { type ReaderCall, writeOptions } from '../catalog/reader-call.ts';
import { columnsOption } from './reader-options.ts';

/** Options that are given on as they are. */
const READ_OPTIONS: ReadonlySet<string> = new Set([
  'format',
  'records',
  'compression',
  'ignore_errors',
  'maximum_object_size',
  'dateformat',
  'date_format',
  'timestampformat',
  'timestamp_format',
]);

/** Options that decide what columns there are, which are known when the files are read one by one. */
const PLANNED_OPTIONS: ReadonlySet<string> = new Set([
  'auto_detect',
  'columns',
  'convert_strings_to_integers',
  'field_appearance_threshold',
  'map_inference_threshold',
  'maximum_depth',
  'maximum_sample_files',
  'sample_size',
  'union_by_name',
  'filename',
  'hive_partitioning',
  'hive_types_autocast',
  'hive_types',
]);

export function canPinJsonOption(name: string): boolean {
  return READ_OPTIONS.has(name) || PLANNED_OPTIONS.has(name);
}

/** Rows that are read to see whether dates are written as expected. */
const SAMPLE_ROWS = 2_048;

/** Ways to write dates that DuckDB's own detection knows, in its order; ISO, the usual one, is tried before. */
const DATE_FORMATS = ['%d-%m-%Y', '%d-%m-%y', '%m-%d-%Y', '%m-%d-%y', '%y-%m-%d'];
const TIMESTAMP_FORMATS = [
  '%d-%m-%Y %H:%M:%S',
  '%d-%m-%y %H:%M:%S',
  '%m-%d-%Y %I:%M:%S %p',
  '%m-%d-%y %I:%M:%S %p',
  '%y-%m-%d %H:%M:%S',
];

export interface JsonFile {
  readonly path: string;
  readonly call: ReaderCall;
  readonly columns: readonly Column[];
}

/** A file alone, with the columns of all. An object without one of them has NULL there, so none is missing. */
export async function jsonReading(
  connection: DuckDBConnection,
  { path, call, columns }: JsonFile,
): Promise<FileReading> {
  const given = [...call.options].filter(([name]) => READ_OPTIONS.has(name));
  const options = [columnsOption(columns), ...(given.length === 0 ? [] : [writeOptions(given)])];
  const dates = await dateOptions(connection, { path, call, columns }, options);
  return { options: [...options, ...dates].join(', '), missing: [] };
}

/** With the columns given DuckDB no longer finds out how dates are written. */
async function dateOptions(
  connection: DuckDBConnection,
  { path, call, columns }: JsonFile,
  options: readonly string[],
): Promise<readonly string[]> {
  const isGiven = (...names: readonly string[]): boolean =>
    names.some((name) => call.options.has(name));
  const dates =
    isGiven('dateformat', 'date_format') || !mentions(columns, 'DATE') ? [] : DATE_FORMATS;
  const times =
    isGiven('timestampformat', 'timestamp_format') || !mentions(columns, 'TIMESTAMP')
      ? []
      : TIMESTAMP_FORMATS;
  for (const date of [undefined, ...dates]) {
    for (const time of [undefined, ...times]) {
      const tried = [
        ...(date === undefined ? [] : [`dateformat = ${quoteString(date)}`]),
        ...(time === undefined ? [] : [`timestampformat = ${quoteString(time)}`]),
      ];
      if (dates.length + times.length === 0) return tried;
      const args = [quoteString(path), ...options, ...tried].join(', ');
      if (await canRead(connection, `read_json(${args})`)) return tried;
    }
  }
  // Not even its first rows are read: they fail when they are, with file and line.
  return [];
}

async function canRead(connection: DuckDBConnection, relation: string): Promise<boolean> {
  const sql = `SELECT max(hash(sampled)) FROM (FROM ${relation} LIMIT ${SAMPLE_ROWS}) AS sampled`;
  try {
    await connection.run(sql);
    return true;
  } catch {
    return false;
  }
}

function mentions(columns: readonly Column[], id: ColumnType['id']): boolean {
  return columns.some(({ type }) => holds(type, id));
}

function holds(type: ColumnType, id: ColumnType['id']): boolean {
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
      return holds(type.child, id);
    case 'STRUCT':
      return mentions(type.fields, id);
    case 'MAP':
      return holds(type.key, id) || holds(type.value, id);
    default:
      return type.id === id;
  }
}

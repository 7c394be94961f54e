/** What can be wrong with the files of a scan, told by their state and by reading them, never by message texts. */
import duckdb from '@duckdb/node-bindings';
import { statSync, type Stats } from 'node:fs';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { EngineError } from '../../common/error.ts';
import {
  formatColumnType,
  quoteIdentifier,
  quoteString,
  type Column,
} from '../../common/plan/column-type.ts';
import type { ScanInput } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type { SlotConnection } from './slot-connection.ts';
import { joinRanges, type RowRange } from './scan-relation.ts';

/** Times are doubles of milliseconds, whose last bits differ between ways to read them. */
const SAME_TIME_MS = 0.001;

/** @throws EngineError SOURCE_NOT_FOUND or SOURCE_CHANGED when a file is not the one that was planned. */
export function expectUnchanged(scan: ScanInput, splits: readonly FileSplit[]): void {
  for (const file of new Map(splits.map((split) => [split.path, split])).values()) {
    const fault = { scan, path: file.path };
    const found = statFile(fault);
    if (found === undefined) {
      throw sourceError('SOURCE_NOT_FOUND', `${file.path} does not exist any more`, fault);
    }
    const isSameTime = Math.abs(found.mtimeMs - file.modifiedAtMs) <= SAME_TIME_MS;
    if (!isSameTime || found.size !== file.sizeBytes) {
      throw sourceError(
        'SOURCE_CHANGED',
        `${file.path} changed after the query was planned`,
        fault,
      );
    }
  }
}

function statFile(fault: SourceFault): Stats | undefined {
  try {
    return statSync(fault.path, { throwIfNoEntry: false });
  } catch (cause) {
    throw sourceError('SOURCE_READ_FAILED', `${fault.path} cannot be read`, { ...fault, cause });
  }
}

export interface SourceCheck {
  readonly connection: SlotConnection;
  readonly scan: ScanInput;
  readonly splits: readonly FileSplit[];
}

/**
 * After a statement over these splits failed: the error of the first file that cannot be read as planned, or
 * `undefined` when all can, so that the fault is not theirs. Reads what the statement read.
 */
export async function findSourceError(check: SourceCheck): Promise<EngineError | undefined> {
  try {
    expectUnchanged(check.scan, check.splits);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  for (const range of joinRanges(check.splits)) {
    const found = await findRangeError(check, range);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findRangeError(
  { connection, scan }: SourceCheck,
  range: RowRange,
): Promise<EngineError | undefined> {
  const fault = { scan, path: range.path };
  const footer = await attempt(connection, `SELECT count(*) FROM ${fileRows(range)}`);
  if (footer.kind === 'failed') {
    const message = `${range.path} is no readable Parquet file`;
    return sourceError('SOURCE_CORRUPT', message, { ...fault, cause: footer.error });
  }
  for (const column of scan.columns) {
    const found = await findColumnError(connection, range, { ...fault, column });
    if (found !== undefined) return found;
  }
  return undefined;
}

async function findColumnError(
  connection: SlotConnection,
  range: RowRange,
  fault: SourceFault & { readonly column: Column },
): Promise<EngineError | undefined> {
  const { column, path } = fault;
  const name = quoteIdentifier(column.name);
  const type = formatColumnType(column.type);
  const bound = await attempt(connection, `SELECT ${name} FROM ${fileRows(range)} LIMIT 0`);
  if (bound.kind === 'failed') {
    const message = `${path} has no column ${column.name}`;
    return sourceError('SOURCE_SCHEMA_MISMATCH', message, { ...fault, cause: bound.error });
  }
  // A hash needs the values; counting them would be answered from statistics.
  const values = await attempt(connection, `SELECT max(hash(${name})) FROM ${rangeRows(range)}`);
  if (values.kind === 'failed') {
    const message = `column ${column.name} of ${path} is corrupt`;
    return sourceError('SOURCE_CORRUPT', message, { ...fault, cause: values.error });
  }
  const found = formatColumnType(fromLogicalType(duckdb.column_logical_type(bound.result, 0)));
  if (found === type) return undefined;
  const cast = `SELECT max(hash(CAST(${name} AS ${type}))) FROM ${rangeRows(range)}`;
  const converted = await attempt(connection, cast);
  if (converted.kind === 'done') return undefined;
  const message = `column ${column.name} of ${path} is ${found}, not ${type} as planned`;
  return sourceError('SOURCE_SCHEMA_MISMATCH', message, { ...fault, cause: converted.error });
}

const fileRows = (range: RowRange): string =>
  `read_parquet(${quoteString(range.path)}, file_row_number = true)`;

const rangeRows = (range: RowRange): string =>
  `${fileRows(range)} WHERE file_row_number BETWEEN ${range.firstRow} AND ${range.endRow - 1}`;

type Attempt =
  | { readonly kind: 'done'; readonly result: duckdb.Result }
  | { readonly kind: 'failed'; readonly error: unknown };

async function attempt(connection: SlotConnection, sql: string): Promise<Attempt> {
  try {
    return { kind: 'done', result: await connection.run(sql) };
  } catch (error) {
    return { kind: 'failed', error };
  }
}

interface SourceFault {
  readonly scan: ScanInput;
  readonly path: string;
  readonly column?: Column;
  readonly cause?: unknown;
}

type SourceErrorCode =
  | 'SOURCE_NOT_FOUND'
  | 'SOURCE_READ_FAILED'
  | 'SOURCE_CHANGED'
  | 'SOURCE_CORRUPT'
  | 'SOURCE_SCHEMA_MISMATCH';

function sourceError(code: SourceErrorCode, message: string, fault: SourceFault): EngineError {
  const { scan, path, column, cause } = fault;
  const ofColumn = column === undefined ? {} : { column: column.name };
  const details = { table: scan.table, file: path, ...ofColumn };
  return new EngineError(code, message, { details, cause });
}

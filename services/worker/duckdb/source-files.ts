/**
 * What can be wrong with the files of a scan, told by their state and by reading them. Reading again costs what
 * the statement did, so it is done only where the error may be a file's: by its code, and by the files that
 * DuckDB names.
 */
import duckdb from '@duckdb/node-bindings';
import { parseDuckDBError, toEngineError } from '../../common/duckdb/duckdb-error.ts';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { EngineError, type ErrorCode } from '../../common/error.ts';
import { formatColumnType, quoteIdentifier, type Column } from '../../common/plan/column-type.ts';
import { expectUnchanged, type SourceCheck } from './file-state.ts';
import {
  fileRows,
  isMissing,
  joinRanges,
  predicateOf,
  rangeRelation,
  rangeRows,
  type RowRange,
} from './scan-relation.ts';
import { readCount, type SlotConnection } from './slot-connection.ts';
import { sourceError, type SourceFault } from './source-error.ts';

/** What a broken file can look like to DuckDB. */
const MAYBE_SOURCE_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'CONVERSION_ERROR',
  'INVALID_INPUT',
  'OUT_OF_RANGE',
  'SOURCE_READ_FAILED',
  'SOURCE_ACCESS_DENIED',
  'SOURCE_NOT_FOUND',
  'SOURCE_CORRUPT',
  'BIND_ERROR',
  'COLUMN_NOT_FOUND',
  'INTERNAL_ERROR',
]);

/** What a value that does not fit is called: of a Parquet file only if its column is of another type than planned. */
const CAST_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'CONVERSION_ERROR',
  'OUT_OF_RANGE',
  'BIND_ERROR',
  'COLUMN_NOT_FOUND',
]);

/** What is no fault of a file's content. */
const ABOUT_ACCESS: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_NOT_FOUND',
  'SOURCE_ACCESS_DENIED',
  'SOURCE_READ_FAILED',
]);

/**
 * After a statement over these splits failed with `cause`: the error of the first file that cannot be read as
 * planned, or `undefined` when all can, so that the fault is not theirs.
 */
export async function findSourceError(
  check: SourceCheck,
  cause: EngineError,
): Promise<EngineError | undefined> {
  if (!MAYBE_SOURCE_ERRORS.has(cause.code)) return undefined;
  try {
    await expectUnchanged(check);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  const isParquet = check.scan.format === 'parquet';
  for (const range of joinRanges(check.splits)) {
    const found = isParquet
      ? await findRangeError(check, range, cause)
      : await findTextError(check, range, cause);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A reader of text always says which file it could not read, and in which line. */
async function findTextError(
  { connection, scan }: SourceCheck,
  range: RowRange,
  cause: EngineError,
): Promise<EngineError | undefined> {
  const { path } = range;
  if (!cause.message.includes(path)) return undefined;
  const columns = scan.columns.filter(({ name }) => !isMissing(name, range));
  for (const column of columns.length === 0 ? [undefined] : columns) {
    const value = column === undefined ? '1' : `hash(${quoteIdentifier(column.name)})`;
    const sql = `SELECT max(${value}) FROM ${rangeRows(scan.format, range)}`;
    const read = await attempt(connection, sql);
    if (read.kind === 'done') continue;
    const fault = { scan, path, cause: read.error, ...(column === undefined ? {} : { column }) };
    const message = parseDuckDBError(read.error)?.message ?? cause.message;
    return sourceError('SOURCE_CORRUPT', message, fault);
  }
  return undefined;
}

async function findRangeError(
  check: SourceCheck,
  range: RowRange,
  cause: EngineError,
): Promise<EngineError | undefined> {
  const { connection, scan } = check;
  const fault = { scan, path: range.path };
  const footer = await attempt(connection, `SELECT count(*) FROM ${fileRows('parquet', range)}`);
  if (footer.kind === 'failed') {
    const mapped = toEngineError(footer.error, [range.path]);
    if (ABOUT_ACCESS.has(mapped.code)) return mapped;
    const message = `${range.path} is no readable Parquet file`;
    return sourceError('SOURCE_CORRUPT', message, { ...fault, cause: footer.error });
  }
  const readsData = !CAST_ERRORS.has(cause.code);
  for (const column of scan.columns) {
    if (isMissing(column.name, range)) continue;
    const of = { ...fault, column };
    const found = await findColumnError(connection, range, { fault: of, readsData });
    if (found !== undefined) return found;
  }
  return await findPartitionError(check, range);
}

/** A row that a file of this partition may not have (`ScanPartitioning`). */
async function findPartitionError(
  { connection, scan, partition }: SourceCheck,
  range: RowRange,
): Promise<EngineError | undefined> {
  if (scan.partitioning?.mismatch !== 'fail') return undefined;
  const rows = rangeRelation(scan, range);
  const predicate = predicateOf(scan.partitioning, partition);
  const astray = `SELECT count(*) FROM (${rows}) WHERE (${predicate}) IS NOT TRUE`;
  if (readCount(await connection.run(astray)) === 0) return undefined;
  const message = `${range.path} has rows that belong into files of other buckets of ${scan.table}`;
  return sourceError('SOURCE_CORRUPT', message, { scan, path: range.path });
}

interface ColumnCheck {
  readonly fault: SourceFault & { readonly column: Column };
  readonly readsData: boolean;
}

async function findColumnError(
  connection: SlotConnection,
  range: RowRange,
  { fault, readsData }: ColumnCheck,
): Promise<EngineError | undefined> {
  const { column, path } = fault;
  const name = quoteIdentifier(column.name);
  const type = formatColumnType(column.type);
  const rows = rangeRows('parquet', range);
  const bound = await attempt(
    connection,
    `SELECT ${name} FROM ${fileRows('parquet', range)} LIMIT 0`,
  );
  if (bound.kind === 'failed') {
    const message = `${path} has no column ${column.name}`;
    return sourceError('SOURCE_SCHEMA_MISMATCH', message, { ...fault, cause: bound.error });
  }
  const found = formatColumnType(fromLogicalType(duckdb.column_logical_type(bound.result, 0)));
  if (readsData || found !== type) {
    // A hash needs the values; counting them would be answered from statistics.
    const values = await attempt(connection, `SELECT max(hash(${name})) FROM ${rows}`);
    if (values.kind === 'failed') {
      const message = `column ${column.name} of ${path} is corrupt`;
      return sourceError('SOURCE_CORRUPT', message, { ...fault, cause: values.error });
    }
  }
  if (found === type) return undefined;
  const cast = `SELECT max(hash(CAST(${name} AS ${type}))) FROM ${rows}`;
  const converted = await attempt(connection, cast);
  if (converted.kind === 'done') return undefined;
  const message = `column ${column.name} of ${path} is ${found}, not ${type} as planned`;
  return sourceError('SOURCE_SCHEMA_MISMATCH', message, { ...fault, cause: converted.error });
}

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

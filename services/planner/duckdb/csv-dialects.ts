/** How CSV files are written, as DuckDB's sniffer finds it out; kept by the state of the file. */
import { type DuckDBConnection } from '@duckdb/node-api';
import { type Column, type ColumnType, quoteString } from '../../common/plan/column-type.ts';
import { type FileReading } from '../../common/plan/file-reading.ts';
import { type ReaderCall, writeOptions } from '../catalog/reader-call.ts';
import { type FileIdentity } from '../catalog/table.ts';
import { columnsOption } from './reader-options.ts';

export interface CsvDialect {
  /** As options of read_csv. */
  readonly options: string;
  /** In the order of the file. */
  readonly columnNames: readonly string[];
  /** As the sniffer prints them, of the file alone. */
  readonly columnTypes: readonly string[];
}

/** Options that say how a file is written, or how to find it out. */
const SNIFFED_OPTIONS: ReadonlySet<string> = new Set([
  'delim',
  'sep',
  'quote',
  'escape',
  'new_line',
  'comment',
  'skip',
  'header',
  'dateformat',
  'timestampformat',
]);

/** Options that mean something to the sniffer, and again when the file is read. */
const READ_OPTIONS: ReadonlySet<string> = new Set([
  'nullstr',
  'compression',
  'encoding',
  'ignore_errors',
  'null_padding',
  'strict_mode',
  'decimal_separator',
  'thousands',
  'max_line_size',
  'maximum_line_size',
  'allow_quoted_nulls',
]);

/** Options that only the sniffer needs. */
const SNIFFER_OPTIONS: ReadonlySet<string> = new Set([
  'sample_size',
  'all_varchar',
  'normalize_names',
]);

/** Options of the files together, which the planner has followed when the files are read one by one. */
const TOGETHER_OPTIONS: ReadonlySet<string> = new Set([
  'union_by_name',
  'filename',
  'hive_partitioning',
  'hive_types_autocast',
  'hive_types',
  'files_to_sniff',
]);

/** Whether a call with this option can be pinned; otherwise DuckDB reads its files in one task, as one statement. */
export function canPinCsvOption(name: string): boolean {
  return [SNIFFED_OPTIONS, READ_OPTIONS, SNIFFER_OPTIONS, TOGETHER_OPTIONS].some((options) =>
    options.has(name),
  );
}

export class CsvDialects {
  readonly #maxCount: number;
  /** Ordered by use. */
  readonly #cache = new Map<string, CsvDialect>();

  constructor(maxCount: number) {
    this.#maxCount = maxCount;
  }

  /** @throws DuckDB's errors */
  async of(
    file: FileIdentity,
    call: ReaderCall,
    connection: DuckDBConnection,
  ): Promise<CsvDialect> {
    const options = [...call.options].filter(([name]) => !TOGETHER_OPTIONS.has(name));
    const { path, sizeBytes, modifiedAtMs } = file;
    const key = JSON.stringify([path, sizeBytes, modifiedAtMs, options]);
    const dialect = this.#cache.get(key) ?? (await sniff(connection, path, options));
    this.#cache.delete(key);
    this.#cache.set(key, dialect);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size > this.#maxCount && oldest !== undefined) this.#cache.delete(oldest);
    return dialect;
  }
}

const SNIFFED_COLUMNS =
  'Delimiter, Quote, Escape, NewLineDelimiter, Comment, SkipRows, HasHeader, DateFormat, TimestampFormat, ' +
  'to_json(list_transform(Columns, lambda c: c.name)), to_json(list_transform(Columns, lambda c: c.type))';

async function sniff(
  connection: DuckDBConnection,
  path: string,
  given: readonly (readonly [string, string])[],
): Promise<CsvDialect> {
  const args = [quoteString(path), writeOptions(given)].filter((arg) => arg !== '');
  const sql = `SELECT ${SNIFFED_COLUMNS} FROM sniff_csv(${args.join(', ')})`;
  const [row = []] = (await connection.runAndReadAll(sql)).getRows();
  const [delimiter, quote, escape, newLine, comment, skip, hasHeader, date, timestamp, ...columns] =
    row;
  const [names, types] = columns.map((texts) => JSON.parse(String(texts)) as string[]);
  const lines = LINE_ENDS.has(String(newLine)) ? [`new_line = '${String(newLine)}'`] : [];
  const sniffed = [
    'auto_detect = false',
    `delim = ${character(delimiter)}`,
    `quote = ${character(quote)}`,
    `escape = ${character(escape)}`,
    `comment = ${character(comment)}`,
    `skip = ${String(skip)}`,
    `header = ${String(hasHeader)}`,
    ...lines,
    ...(date === null ? [] : [`dateformat = ${quoteString(String(date))}`]),
    ...(timestamp === null ? [] : [`timestampformat = ${quoteString(String(timestamp))}`]),
  ];
  const kept = given.filter(([name]) => READ_OPTIONS.has(name));
  return {
    options: [...sniffed, ...(kept.length === 0 ? [] : [writeOptions(kept)])].join(', '),
    columnNames: names ?? [],
    columnTypes: types ?? [],
  };
}

/** As the sniffer prints them and the reader takes them. */
const LINE_ENDS: ReadonlySet<string> = new Set(['\\n', '\\r', '\\r\\n']);

/** The sniffer's word for no character. */
const NO_CHARACTER = '(empty)';

function character(value: unknown): string {
  return quoteString(value === NO_CHARACTER ? '' : String(value));
}

const VARCHAR: ColumnType = { id: 'VARCHAR' };

/** A file alone, its columns with the types of `columns`; one that is not among them is text that nobody reads. */
export function csvReading(
  { options, columnNames }: CsvDialect,
  columns: readonly Column[],
): FileReading {
  const byName = new Map(columns.map(({ name, type }) => [name.toLowerCase(), type]));
  const own = columnNames.map((name) => ({
    name,
    type: byName.get(name.toLowerCase()) ?? VARCHAR,
  }));
  const present = new Set(columnNames.map((name) => name.toLowerCase()));
  const missing = columns.filter(({ name }) => !present.has(name.toLowerCase()));
  return {
    options: `${options}, ${columnsOption(own)}`,
    missing: missing.map(({ name }) => name),
  };
}

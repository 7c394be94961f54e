/** Looks at files of CSV and JSON as DuckDB does, once, and pins what it finds. */
import { type DuckDBConnection } from '@duckdb/node-api';
import { fromLogicalType } from '../../common/duckdb/duckdb-type.ts';
import { assertNever } from '../../common/assert.ts';
import { type Column, quoteString } from '../../common/plan/column-type.ts';
import { hiveValues, isCompressed } from '../catalog/file-format.ts';
import { hiveOptions } from '../catalog/parquet-schema.ts';
import {
  type PinnedFile,
  type PinnedSource,
  type PinnedSourceId,
  type PinnedSources,
} from '../catalog/pinned-sources.ts';
import { type ReaderCall, writeOptions } from '../catalog/reader-call.ts';
import { type FileIdentity } from '../catalog/table.ts';
import { type CsvDialects, csvReading } from './csv-dialects.ts';
import { jsonReading } from './json-reading.ts';
import { type StatementLane } from './statement-lane.ts';

export interface SourceToPin {
  /** As the user knows it, for messages. */
  readonly table: string;
  readonly call: ReaderCall;
  /** The files of the call's paths, in the order in which DuckDB reads them. */
  readonly files: readonly FileIdentity[];
}

/** Columns of the result that come from elsewhere than the content of a file. */
export interface FileColumns {
  /** Those that are in the files, with the types that all of them are read with. */
  readonly content: readonly Column[];
  readonly isHivePartitioned: boolean;
}

const READERS = { csv: 'read_csv', json: 'read_json' } as const;
/** Of a value as text, with what stands around it. */
const BYTES_PER_VALUE = { csv: 8, json: 20 } as const;
const COMPRESSION_RATIO = 4;

export class SourcePinner {
  readonly #sources: PinnedSources;
  readonly #dialects: CsvDialects;

  constructor(sources: PinnedSources, dialects: CsvDialects) {
    this.#sources = sources;
    this.#dialects = dialects;
  }

  /** @throws DuckDB's errors */
  async pin(source: SourceToPin, lane: StatementLane): Promise<PinnedSourceId> {
    const { call, files } = source;
    const states = files.map(({ path, sizeBytes, modifiedAtMs }) => [
      path,
      sizeBytes,
      modifiedAtMs,
    ]);
    const key = JSON.stringify([call.format, call.paths, [...call.options], states]);
    const known = this.#sources.find(key);
    if (known !== undefined) return known;
    const pinned = await lane.run(async (connection) => await this.#look(source, connection));
    return this.#sources.add(key, pinned);
  }

  /**
   * Whether DuckDB reads the call's files together as it reads each alone. It matches files of CSV to the first one by
   * rules of its own, and refuses some; of files that are all alike, or united by name, there is no question.
   * @throws DuckDB's errors
   */
  async canPin({ call, files }: SourceToPin, lane: StatementLane): Promise<boolean> {
    if (call.format !== 'csv' || files.length === 1) return true;
    const union = call.options.get('union_by_name');
    if (union !== undefined && isTrue(union)) return true;
    return await lane.run(async (connection) => {
      const kinds = new Set<string>();
      for (const file of files) {
        kinds.add(JSON.stringify(await this.#dialects.of(file, call, connection)));
        if (kinds.size > 1) return false;
      }
      return true;
    });
  }

  async #look(source: SourceToPin, connection: DuckDBConnection): Promise<PinnedSource> {
    const { table, call, files } = source;
    const columns = await boundColumns(connection, call);
    const found = fileColumns(columns, source);
    const pinned: PinnedFile[] = [];
    for (const file of files) {
      const reading = await this.#reading(connection, { file, call, found });
      const hive = hiveOptions(found.isHivePartitioned);
      const options = [reading.options, hive, ...filenameOption(call)].filter(
        (text) => text !== '',
      );
      pinned.push({
        ...file,
        reading: { options: options.join(', '), missing: reading.missing },
        partition: found.isHivePartitioned ? hiveValues(file.path) : new Map(),
        estimatedRows: estimateRows(file, call.format, columns.length),
      });
    }
    return { format: call.format, table, columns, files: pinned };
  }

  async #reading(
    connection: DuckDBConnection,
    of: { readonly file: FileIdentity; readonly call: ReaderCall; readonly found: FileColumns },
  ): Promise<PinnedFile['reading']> {
    const { file, call, found } = of;
    switch (call.format) {
      case 'csv':
        return csvReading(await this.#dialects.of(file, call, connection), found.content);
      case 'json':
        return await jsonReading(connection, { path: file.path, call, columns: found.content });
      default:
        return assertNever(call.format);
    }
  }
}

async function boundColumns(
  connection: DuckDBConnection,
  { format, paths, options }: ReaderCall,
): Promise<readonly Column[]> {
  const args = [`[${paths.map(quoteString).join(', ')}]`, writeOptions(options)];
  const call = `${READERS[format]}(${args.filter((arg) => arg !== '').join(', ')})`;
  const prepared = await connection.prepare(`FROM ${call}`);
  try {
    return Array.from({ length: prepared.columnCount }, (_, i) => ({
      name: prepared.columnName(i),
      type: fromLogicalType(prepared.columnType(i).toLogicalType().logical_type),
    }));
  } finally {
    prepared.destroySync();
  }
}

/** DuckDB takes the folders of files for columns when all files have the same ones, unless it is told. */
function fileColumns(columns: readonly Column[], { call, files }: SourceToPin): FileColumns {
  const given = call.options.get('hive_partitioning');
  const keys = files.map(({ path }) => [...hiveValues(path).keys()].join('/'));
  const isUniform = keys.every((key) => key !== '' && key === keys[0]);
  const isHivePartitioned = given === undefined ? isUniform : isTrue(given);
  const folders = isHivePartitioned ? (keys[0] ?? '').toLowerCase().split('/') : [];
  const filename = filenameColumn(call);
  const content = columns.filter(
    ({ name }) => !folders.includes(name.toLowerCase()) && name !== filename,
  );
  return { content, isHivePartitioned };
}

function isTrue(sql: string): boolean {
  return /^(?:true|1|'t(?:rue)?'|CAST\('t'.*)$/i.test(sql.trim());
}

/** The option holds a name, or only that there is to be such a column. */
function filenameColumn({ options }: ReaderCall): string | undefined {
  const given = options.get('filename');
  if (given === undefined || /^(?:false|0)$/i.test(given)) return undefined;
  return given.startsWith("'") ? given.slice(1, -1).replaceAll("''", "'") : 'filename';
}

function filenameOption(call: ReaderCall): readonly string[] {
  const name = filenameColumn(call);
  return name === undefined ? [] : [`filename = ${quoteString(name)}`];
}

function estimateRows(
  { path, sizeBytes }: FileIdentity,
  format: ReaderCall['format'],
  columnCount: number,
): number {
  const textBytes = sizeBytes * (isCompressed(path) ? COMPRESSION_RATIO : 1);
  return Math.max(1, Math.ceil(textBytes / (columnCount * BYTES_PER_VALUE[format])));
}

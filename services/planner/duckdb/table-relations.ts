import { quoteIdentifier, quoteString } from '../../common/plan/column-type.ts';
import { haveSameColumns, textConflict } from '../catalog/parquet-schema.ts';
import { type PinnedSourceId } from '../catalog/pinned-sources.ts';
import { type ReaderCall } from '../catalog/reader-call.ts';
import { type ScanFiles } from '../catalog/scan-files.ts';
import { formatTableName, type Table } from '../catalog/table.ts';
import { PINNED_SCAN } from '../import/decode-scan.ts';
import { sourceError } from './source-error.ts';
import { type SourcePinner } from './source-pinner.ts';
import { type StatementLane } from './statement-lane.ts';

/** A table as its DuckDB reads it. */
export interface RelatedTable extends Table {
  /** What can stand in a FROM clause. */
  readonly relation: string;
  /** Of a table whose files are no Parquet. */
  readonly pinned?: PinnedSourceId;
  /** Files of several schemas, whose columns go together by their names. */
  readonly unionByName: boolean;
}

/**
 * Tables as DuckDB's `union_by_name` reads their files: a column that a file lacks is NULL there, types are
 * widened. Where all files of Parquet have the same columns, and all but the first need no look, it is not said.
 */
export class TableRelations {
  readonly #scanFiles: ScanFiles;
  readonly #pinner: SourcePinner;

  constructor(scanFiles: ScanFiles, pinner: SourcePinner) {
    this.#scanFiles = scanFiles;
    this.#pinner = pinner;
  }

  /** `lane` looks at files. @throws EngineError SOURCE_CORRUPT, SOURCE_READ_FAILED or FILE_NOT_ALLOWED, naming the file */
  async of(table: Table, lane: StatementLane): Promise<RelatedTable> {
    const { format } = table;
    if (format === 'parquet') return await this.#parquet(table);
    const call = readerCall(table, format);
    try {
      const source = { table: formatTableName(table.name), call, files: table.files };
      const pinned = await this.#pinner.pin(source, lane);
      return { ...table, relation: pinnedScanSql(pinned), pinned, unionByName: true };
    } catch (error) {
      throw sourceError(error, call.paths);
    }
  }

  async #parquet(table: Table): Promise<RelatedTable> {
    const { files, isHivePartitioned } = table;
    const paths = `[${files.map(({ path }) => quoteString(path)).join(', ')}]`;
    const hive = `hive_partitioning = ${isHivePartitioned}`;
    const footers = files.length === 1 ? [] : await this.#scanFiles.footersOf(files);
    if (haveSameColumns(footers)) {
      return { ...table, relation: `read_parquet(${paths}, ${hive})`, unionByName: false };
    }
    const described = files.flatMap(({ path }, i) => {
      const footer = footers[i];
      return footer === undefined ? [] : [{ path, footer }];
    });
    const names = new Set(footers.flatMap(({ columns }) => columns.map(({ name }) => name)));
    const kept = [...names].flatMap((name) => {
      const type = textConflict(described, name)?.usualType ?? '';
      return type === ''
        ? []
        : [`CAST(${quoteIdentifier(name)} AS ${type}) AS ${quoteIdentifier(name)}`];
    });
    const union = `read_parquet(${paths}, ${hive}, union_by_name = true)`;
    // A column that is text only in some files keeps its type: reading it is an error that names the file.
    const relation =
      kept.length === 0 ? union : `(SELECT * REPLACE (${kept.join(', ')}) FROM ${union})`;
    return { ...table, relation, unionByName: true };
  }
}

function readerCall({ files, isHivePartitioned }: Table, format: ReaderCall['format']): ReaderCall {
  return {
    format,
    paths: files.map(({ path }) => path),
    options: new Map([
      ...(files.length > 1 ? [['union_by_name', 'true'] as const] : []),
      ['hive_partitioning', String(isHivePartitioned)] as const,
    ]),
  };
}

export function pinnedScanSql(id: PinnedSourceId): string {
  return `${PINNED_SCAN}(${quoteString(id)})`;
}

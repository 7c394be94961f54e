/** Files that a statement reads by their names: `read_csv('…')`, `FROM 'dir/*.json'` … */
import { type ReaderCall } from '../catalog/reader-call.ts';
import { dataFileOf } from '../catalog/file-format.ts';
import { type FileTree } from '../catalog/ports.ts';
import { type FileIdentity } from '../catalog/table.ts';
import { type Json, type JsonObject } from '../import/json-reader.ts';
import { referenceOf, type TableReference } from '../import/parsed-statement.ts';
import {
  type LiteralCall,
  literalCalls,
  replaceCalls,
  type Replacement,
} from '../import/reader-calls.ts';
import { canPinCsvOption } from './csv-dialects.ts';
import { canPinJsonOption } from './json-reading.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { type SourcePinner } from './source-pinner.ts';
import { SYSTEM_MIRROR } from './system-catalog.ts';
import { pinnedScanSql, type RelatedTable } from './table-relations.ts';

export interface DirectRead {
  readonly reference: TableReference;
  readonly table: RelatedTable;
}

export interface PinnedStatement {
  /** The statement with tables in the place of the calls that are pinned. */
  readonly document: Json;
  readonly reads: readonly DirectRead[];
}

/** Where tables of such files stand: in no catalog that a statement reaches, and not shown. */
const PINNED_SCHEMA = 'pinned';
const CSV_READERS: ReadonlySet<string> = new Set(['read_csv', 'read_csv_auto']);
const NDJSON_READERS: ReadonlySet<string> = new Set(['read_ndjson', 'read_ndjson_auto']);
const JSON_READERS: ReadonlySet<string> = new Set(['read_json', 'read_json_auto']);
const GLOB = /[*?[]/;

export class DirectReads {
  readonly #pinner: SourcePinner;
  readonly #tree: FileTree;

  constructor(pinner: SourcePinner, tree: FileTree) {
    this.#pinner = pinner;
    this.#tree = tree;
  }

  /**
   * Pins the files of text that a statement reads by calls of which everything is known; `undefined` when there
   * is none. Names that `isTable` are left alone. @throws DuckDB's errors
   */
  async pin(
    document: Json,
    instance: PlanningInstance,
    isTable: (reference: TableReference) => boolean,
  ): Promise<PinnedStatement | undefined> {
    const replacements = new Map<JsonObject, Replacement>();
    const reads: DirectRead[] = [];
    for (const literal of literalCalls(document)) {
      const isCatalogs = literal.function === undefined && isTable(referenceOf(literal.node));
      const call = isCatalogs ? undefined : readerCall(literal);
      if (call === undefined) continue;
      const table = await this.#pinCall(call, instance);
      if (table === undefined) continue;
      const reference = table.name;
      reads.push({ reference, table });
      replacements.set(literal.node, { reference, alias: aliasOf(literal) });
    }
    if (reads.length === 0) return undefined;
    return { document: replaceCalls(document, replacements), reads };
  }

  async #pinCall(call: ReaderCall, instance: PlanningInstance): Promise<RelatedTable | undefined> {
    const files: FileIdentity[] = [];
    for (const path of call.paths) {
      for (const file of await instance.filesOf(path)) {
        const identity = await this.#tree.identityOf(file);
        if (identity === undefined) return undefined;
        files.push(identity);
      }
    }
    if (files.length === 0) return undefined;
    const table = call.paths.join(', ');
    const source = { table, call, files };
    if (!(await this.#pinner.canPin(source, instance.fileLane))) return undefined;
    const pinned = await this.#pinner.pin(source, instance.fileLane);
    return {
      name: { catalog: SYSTEM_MIRROR, schema: PINNED_SCHEMA, table: pinned },
      format: call.format,
      files,
      isHivePartitioned: false,
      relation: pinnedScanSql(pinned),
      pinned,
      unionByName: true,
    };
  }
}

function readerCall({ function: name, paths, options }: LiteralCall): ReaderCall | undefined {
  if (name === undefined) {
    const format = dataFileOf(paths[0] ?? '')?.format;
    return format === undefined || format === 'parquet' ? undefined : { format, paths, options };
  }
  const names = [...options.keys()];
  if (CSV_READERS.has(name)) {
    return names.every(canPinCsvOption) ? { format: 'csv', paths, options } : undefined;
  }
  if (!names.every(canPinJsonOption)) return undefined;
  if (JSON_READERS.has(name)) return { format: 'json', paths, options };
  if (!NDJSON_READERS.has(name)) return undefined;
  const lines = new Map([...options, ['format', `'newline_delimited'`] as const]);
  return { format: 'json', paths, options: lines };
}

/** What DuckDB calls the relation: the function, or the file without its path and ends. */
function aliasOf({ function: name, paths }: LiteralCall): string {
  if (name !== undefined) return name;
  const [path = ''] = paths;
  const isCsv = dataFileOf(path)?.format === 'csv';
  if (GLOB.test(path)) return isCsv ? 'read_csv_auto' : 'read_json_auto';
  return (path.split('/').at(-1) ?? '').split('.', 1)[0] ?? '';
}

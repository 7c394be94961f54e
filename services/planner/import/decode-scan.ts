import { type ColumnType } from '../../common/plan/column-type.ts';
import { parseFileFormat } from '../../common/plan/file-reading.ts';
import { findSystemTable, systemColumns } from '../../common/system/system-tables.ts';
import { type Expression } from '../logical/expression.ts';
import {
  type LogicalPlan,
  type ParquetOptions,
  type Scan,
  type ScanColumn,
  type ScanId,
} from '../logical/logical-plan.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeTableFilter } from './decode-table-filter.ts';
import { decodeType } from './decode-type.ts';
import { decodeConstant } from './decode-value.ts';
import { bigintOf, fieldSet, Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';
import { projectColumns } from './project-columns.ts';

const GET = fieldSet(
  'type children table_index returned_types names projection_ids table_filters name arguments ' +
    'original_arguments catalog_name schema_name has_serialize projected_input column_indexes extra_info ' +
    'ordinality_idx row_group_order_options',
);
const PARQUET_GET = fieldSet('function_data', GET);
/** A call of a table function that reads no files. */
export const GENERATOR_GET = fieldSet(
  'parameters named_parameters input_table_types input_table_names',
  GET,
);
const PARAMETER = fieldSet('type is_null value');
const COLUMN_INDEX = fieldSet('index child_indexes index_type type field has_index');
const EXTRA_INFO = fieldSet('file_filters total_files filtered_files sample_options');
const FILTER_SET = fieldSet('filters');
const KEY_VALUE = fieldSet('key value');
const SCAN_DATA = fieldSet('files types names parquet_options');
const PARQUET_OPTIONS = fieldSet(
  'binary_as_string file_row_number file_options schema encryption_config explicit_cardinality can_have_nan',
);
const FILE_OPTIONS = fieldSet(
  'filename hive_partitioning auto_detect_hive_partitioning union_by_name hive_types_autocast ' +
    'hive_types_schema filename_column',
);

/** DuckDB's INVALID_INDEX: an optional index that is not set. */
const NO_INDEX = 0xffff_ffff_ffff_ffffn;

const FILE_ROW_NUMBER: ScanColumn = {
  name: 'file_row_number',
  type: { id: 'BIGINT' },
  origin: 'virtual',
};

/** Columns that are not in the file's schema (MultiFileReader's and the generic ones), by identifier. */
const VIRTUAL_COLUMNS: ReadonlyMap<bigint, ScanColumn> = new Map([
  [0x8000_0000_0000_0000n, { name: 'filename', type: { id: 'VARCHAR' }, origin: 'virtual' }],
  [0x8000_0000_0000_0001n, FILE_ROW_NUMBER],
  [0xffff_ffff_ffff_fffen, { name: '', type: { id: 'BOOLEAN' }, origin: 'none' }],
]);

/** The planner's own table function: `pinned_scan(id)` has the columns of a pinned source, and no rows. */
export const PINNED_SCAN = 'pinned_scan';

/** The planner's own function: what views of the catalog `system` are over. */
export const SYSTEM_ROWS = 'skein_system_rows';

/** Table functions whose rows follow from their constant arguments alone. */
const GENERATORS: ReadonlySet<string> = new Set([
  'range',
  'generate_series',
  'repeat',
  'repeat_row',
]);

/**
 * A LOGICAL_GET. The files are those of its function_data, after hive and filename filters; the filters that
 * were pushed into it become a filter above the scan.
 */
export function decodeGet(value: Json, nextScanId: () => ScanId): LogicalPlan {
  const name = isJsonObject(value) ? value['name'] : undefined;
  if (name === 'read_parquet' || name === 'parquet_scan') {
    return decodeParquetScan(new Fields(value, 'LOGICAL_GET', PARQUET_GET), nextScanId());
  }
  if (name === PINNED_SCAN) {
    return decodePinnedScan(new Fields(value, 'LOGICAL_GET', GENERATOR_GET), nextScanId());
  }
  if (name === SYSTEM_ROWS) {
    return decodeSystemScan(new Fields(value, 'LOGICAL_GET', GENERATOR_GET), nextScanId());
  }
  if (typeof name === 'string' && GENERATORS.has(name)) {
    return decodeGenerator(new Fields(value, 'LOGICAL_GET', GENERATOR_GET), name);
  }
  throw new UnsupportedError(`table function ${String(name)}`);
}

function decodeParquetScan(fields: Fields, scanId: ScanId): LogicalPlan {
  expectPlainGet(fields);
  const data = new Fields(fields.json('function_data'), 'read_parquet data', SCAN_DATA);
  const options = decodeOptions(data.json('parquet_options'));
  const fileColumns = decodeColumns(fields).map((column) => withRowNumber(column, options));
  const scan: LogicalPlan = {
    kind: 'scan',
    scanId,
    format: 'parquet',
    files: data.texts('files'),
    fileColumns: fileColumns.map((column) => column.scanned),
    options,
    columns: fileColumns.map((column) => column.scanned.type),
  };
  const predicates = decodeFilters(fields.json('table_filters'), fileColumns);
  const filtered: LogicalPlan =
    predicates.length === 0
      ? scan
      : { kind: 'filter', child: scan, predicates, columns: scan.columns };
  const projection = fields.indexes('projection_ids');
  return projection.length === 0 ? filtered : projectColumns(filtered, projection);
}

/** The option adds the virtual column to those of the files, and no file may have one of that name. */
function withRowNumber(column: IndexedColumn, { fileRowNumber }: ParquetOptions): IndexedColumn {
  const isVirtual = fileRowNumber && column.scanned.name === FILE_ROW_NUMBER.name;
  return isVirtual ? { ...column, scanned: FILE_ROW_NUMBER } : column;
}

/** What pinned files have to say is in their own readings. */
const NO_OPTIONS: ParquetOptions = {
  binaryAsString: false,
  fileRowNumber: false,
  hivePartitioning: false,
  hiveTypesAutocast: false,
  hiveTypes: [],
  unionByName: false,
};

/** The scan of the source that the planner pinned under this id. */
export function pinnedScan(id: string, scanId: ScanId, fileColumns: readonly ScanColumn[]): Scan {
  const format = parseFileFormat(id.replace(/_\d+$/, ''));
  if (format === undefined) throw new UnsupportedError(`the pinned source ${id}`);
  const columns = fileColumns.map(({ type }) => type);
  const own = { kind: 'scan', scanId, format, files: [], pinned: id } as const;
  return { ...own, fileColumns, options: NO_OPTIONS, columns };
}

/** Filters stay above a function of our own, so the scan has none. */
function decodePinnedScan(fields: Fields, scanId: ScanId): LogicalPlan {
  expectPlainGet(fields);
  if (fields.flag('has_serialize')) throw new UnsupportedError('function_data of a pinned scan');
  new Fields(fields.json('table_filters'), 'table_filters', FILTER_SET).expectEmpty('filters');
  const [parameter, ...others] = fields.list('parameters');
  const id = new Fields(parameter, 'a parameter', PARAMETER).text('value');
  if (others.length > 0) throw new UnsupportedError('parameters of a pinned scan');
  const columns = decodeColumns(fields).map(({ scanned }) => scanned);
  const scan = pinnedScan(id, scanId, columns);
  const projection = fields.indexes('projection_ids');
  return projection.length === 0 ? scan : projectColumns(scan, projection);
}

/** What no operator above could make up for must not be there. */
export function expectPlainGet(fields: Fields): void {
  for (const name of ['children', 'projected_input']) fields.expectEmpty(name);
  if (fields.json('ordinality_idx') !== NO_INDEX) throw new UnsupportedError('WITH ORDINALITY');
  const extra = new Fields(fields.json('extra_info'), 'extra_info', EXTRA_INFO);
  if (!extra.isNull('sample_options')) throw new UnsupportedError('sample_options of LOGICAL_GET');
}

export interface IndexedColumn {
  readonly identifier: bigint;
  readonly scanned: ScanColumn;
}

/** The columns that are read. `child_indexes` only say which fields of a struct are needed. */
export function decodeColumns(fields: Fields): readonly IndexedColumn[] {
  const names = fields.texts('names');
  const types = fields.list('returned_types');
  return fields.list('column_indexes').map((value) => {
    const column = new Fields(value, 'a column index', COLUMN_INDEX);
    if (column.text('index_type') !== 'FULL_READ' || !column.flag('has_index')) {
      throw new UnsupportedError('field extraction pushed into LOGICAL_GET');
    }
    const identifier = bigintOf(column.json('index'), 'a column index');
    const virtual = VIRTUAL_COLUMNS.get(identifier);
    if (virtual !== undefined) return { identifier, scanned: virtual };
    const name = names[Number(identifier)];
    const type = types[Number(identifier)];
    if (name === undefined || type === undefined) {
      throw new UnsupportedError(`column ${identifier} of LOGICAL_GET`);
    }
    return { identifier, scanned: { name, type: decodeType(type), origin: 'file' } };
  });
}

/** Keys of the set are column identifiers, not positions in the output. */
export function decodeFilters(
  value: Json,
  columns: readonly IndexedColumn[],
): readonly Expression[] {
  const predicates: Expression[] = [];
  for (const entry of new Fields(value, 'table_filters', FILTER_SET).list('filters')) {
    const { key, filter } = keyValue(entry, 'table_filters');
    const index = columns.findIndex(
      (column) => column.identifier === bigintOf(key, 'table_filters'),
    );
    const column = columns[index];
    if (column === undefined) throw new UnsupportedError('table filter on an unread column');
    const predicate = decodeTableFilter(filter, {
      kind: 'column',
      type: column.scanned.type,
      index,
    });
    if (predicate === undefined) continue;
    const isAnd = predicate.kind === 'conjunction' && predicate.operator === 'AND';
    predicates.push(...(isAnd ? predicate.children : [predicate]));
  }
  return predicates;
}

function decodeOptions(value: Json): ParquetOptions {
  const options = new Fields(value, 'parquet_options', PARQUET_OPTIONS);
  options.expectEmpty('schema');
  options.expectEmpty('encryption_config');
  const files = new Fields(options.json('file_options'), 'file_options', FILE_OPTIONS);
  const hiveTypes = files.list('hive_types_schema').map((entry) => {
    const { key, filter } = keyValue(entry, 'hive_types_schema');
    if (typeof key !== 'string') throw new UnsupportedError('hive_types_schema');
    return { name: key, type: decodeType(filter) };
  });
  return {
    binaryAsString: options.flag('binary_as_string'),
    fileRowNumber: options.flag('file_row_number'),
    ...(files.flag('filename') ? { filenameColumn: files.text('filename_column') } : {}),
    hivePartitioning: files.flag('hive_partitioning'),
    hiveTypesAutocast: files.flag('hive_types_autocast'),
    hiveTypes,
    unionByName: files.flag('union_by_name'),
  };
}

function keyValue(entry: Json, where: string): { readonly key: Json; readonly filter: Json } {
  const fields = new Fields(entry, where, KEY_VALUE);
  return { key: fields.json('key'), filter: fields.json('value') };
}

function decodeGenerator(fields: Fields, name: string): LogicalPlan {
  expectPlainGet(fields);
  if (fields.flag('has_serialize')) throw new UnsupportedError(`function_data of ${name}`);
  fields.expectEmpty('named_parameters');
  const names = fields.texts('names');
  const columns = decodeColumns(fields);
  const predicates = decodeFilters(fields.json('table_filters'), columns);
  const projected = columns.map(({ identifier, scanned }) => {
    if (scanned.origin !== 'file') throw new UnsupportedError(`hidden column of ${name}`);
    return Number(identifier);
  });
  const types: readonly ColumnType[] = columns.map((column) => column.scanned.type);
  const generator: LogicalPlan = {
    kind: 'table-function',
    name,
    args: fields.list('parameters').map(decodeConstant),
    names,
    projected,
    columns: types,
  };
  const filtered: LogicalPlan =
    predicates.length === 0
      ? generator
      : { kind: 'filter', child: generator, predicates, columns: types };
  const projection = fields.indexes('projection_ids');
  return projection.length === 0 ? filtered : projectColumns(filtered, projection);
}

/** The function gives all columns of the table that its one argument names. */
function decodeSystemScan(fields: Fields, scanId: ScanId): LogicalPlan {
  expectPlainGet(fields);
  fields.expectEmpty('named_parameters');
  const [argument, ...others] = fields.list('parameters').map(decodeConstant);
  const table = typeof argument?.value === 'string' ? findSystemTable(argument.value) : undefined;
  if (table === undefined || others.length > 0)
    throw new UnsupportedError(`a call of ${SYSTEM_ROWS}`);
  const scan: LogicalPlan = {
    kind: 'system-scan',
    scanId,
    table,
    columns: systemColumns(table).map(({ type }) => type),
  };
  const columns = decodeColumns(fields);
  const positions = columns.map(({ identifier, scanned }) => {
    if (scanned.origin !== 'file') throw new UnsupportedError(`hidden column of ${SYSTEM_ROWS}`);
    return Number(identifier);
  });
  const read = projectColumns(scan, positions);
  const predicates = decodeFilters(fields.json('table_filters'), columns);
  const filtered: LogicalPlan =
    predicates.length === 0
      ? read
      : { kind: 'filter', child: read, predicates, columns: read.columns };
  const projection = fields.indexes('projection_ids');
  return projection.length === 0 ? filtered : projectColumns(filtered, projection);
}

import { assert } from '../../common/assert.ts';
import {
  type Column,
  type ColumnType,
  formatColumnType,
  quoteIdentifier,
} from '../../common/plan/column-type.ts';
import { systemColumns, type SystemTableName } from '../../common/system/system-tables.ts';
import { pinnedScan } from '../import/decode-scan.ts';
import { isJsonArray, type Json, type JsonObject } from '../import/json-reader.ts';
import { rewriteStatement, type TableReference } from '../import/parsed-statement.ts';
import { statementsOf } from '../import/show-reference.ts';
import { hasTypeText } from '../fragment/sql/write-type.ts';
import { type Scan, type SystemScan } from '../logical/logical-plan.ts';
import { type ParsedView, type SessionSetup, viewNamed } from './session-setup.ts';
import { systemTableOf } from './system-catalog.ts';
import { type RelatedTable } from './table-relations.ts';

/** A statement whose tables are read under names of our choice. */
export interface RenamedStatement {
  readonly document: Json;
  /** Position i is read as `table_<i>`. */
  readonly tables: readonly WholeTable[];
}

/** A table of files, or the name of one of the catalog `system`. */
export type WholeTable = RelatedTable | SystemTableName;

/** What inlining needs to know of the session. */
export interface Inlining extends Pick<SessionSetup, 'views' | 'home'> {
  readonly isTable: (reference: TableReference) => boolean;
}

/** Replaces each view of the session by its query. */
export function inlineViews(document: Json, inlining: Inlining): Json {
  if (inlining.views.size === 0) return document;
  return rewriteStatement(document, {
    table: (reference, node) => {
      const found = viewNamed(inlining.views, reference);
      return found === undefined ? node : subquery(found, node, inlining);
    },
  });
}

function subquery(
  { view, document }: ParsedView,
  node: JsonObject,
  inlining: Inlining,
): JsonObject {
  const [statement] = statementsOf(inlineViews(qualified(document, inlining), inlining));
  const { alias, column_name_alias: aliases, sample, query_location: location } = node;
  const names = isJsonArray(aliases) ? aliases : [];
  return {
    type: 'SUBQUERY',
    alias: alias === '' || alias === undefined ? view.name : alias,
    sample: sample ?? null,
    query_location: location ?? 0n,
    subquery: statement ?? null,
    column_name_alias: [...names, ...view.columnNames.slice(names.length)],
  };
}

/** So that no common table expression around the view is taken for a table that the view means. */
function qualified(document: Json, { views, home, isTable }: Inlining): Json {
  return rewriteStatement(document, {
    table: (reference, node) => {
      const isFree = reference.catalog === '' && reference.schema === '';
      const isMeant = viewNamed(views, reference) === undefined && isTable(reference);
      return isFree && isMeant
        ? { ...node, catalog_name: home.catalog, schema_name: home.schema }
        : node;
    },
  });
}

/**
 * Replaces each table by one of our choice; a table keeps the name that the statement's columns know it by.
 * References that are no table of the catalog (files, system views) are left as they are.
 */
export function renameTables(
  document: Json,
  tableOf: (reference: TableReference) => RelatedTable | undefined,
): RenamedStatement {
  const tables: WholeTable[] = [];
  const renamed = rewriteStatement(document, {
    table: (reference, node) => {
      const table = systemTableOf(reference) ?? tableOf(reference);
      if (table === undefined) return node;
      if (!tables.includes(table)) tables.push(table);
      return renamedNode(node, tables.indexOf(table));
    },
  });
  return { document: renamed, tables };
}

function renamedNode(node: JsonObject, index: number): JsonObject {
  const alias = node['alias'] === '' ? (node['table_name'] ?? '') : (node['alias'] ?? '');
  return { ...node, alias, catalog_name: '', schema_name: '', table_name: tableAlias(index) };
}

function tableAlias(index: number): string {
  return `table_${index}`;
}

/** The scan of all that a table has. */
export function wholeScan(table: RelatedTable, scanId: number, columns: readonly Column[]): Scan {
  const fileColumns = columns.map(({ name, type }) => ({ name, type, origin: 'file' as const }));
  if (table.pinned !== undefined) return pinnedScan(table.pinned, scanId, fileColumns);
  return {
    kind: 'scan',
    scanId,
    format: table.format,
    files: table.files.map(({ path }) => path),
    fileColumns,
    options: {
      binaryAsString: false,
      fileRowNumber: false,
      hivePartitioning: table.isHivePartitioned,
      hiveTypesAutocast: true,
      hiveTypes: [],
      unionByName: table.unionByName,
    },
    columns: columns.map(({ type }) => type),
  };
}

export function wholeSystemScan(table: SystemTableName, scanId: number): SystemScan {
  const columns = systemColumns(table).map(({ type }) => type);
  return { kind: 'system-scan', scanId, table, columns };
}

/**
 * The printed statement over `scan_<id>` and `remote_<id>` relations, its columns called c0…cn. DuckDB keeps the order of
 * an ordered subquery that nothing stands above.
 */
export function wholeSql(
  printed: string,
  scans: readonly (Scan | SystemScan)[],
  result: readonly Column[],
): string {
  const tables = scans.map(wholeRelation);
  assert(result.length > 0, 'a result has a column');
  const names = result.map((_, i) => `c${i}`).join(', ');
  const values = result.map(({ type }, i) => resultValue(`c${i}`, type)).join(', ');
  const body = `SELECT ${values} FROM (${printed}) AS whole(${names})`;
  return tables.length === 0 ? body : `WITH ${tables.join(', ')}\n${body}`;
}

/** DuckDB gives a NULL without a type its INTEGER in the columns of a statement only, not in those of a subquery. */
function resultValue(column: string, type: ColumnType): string {
  const text = formatColumnType(type);
  const mayBeUntyped = text.includes('INTEGER') && hasTypeText(type);
  return mayBeUntyped ? `CAST(${column} AS ${text}) AS ${column}` : column;
}

/** The coordinator's rows come once, and a recursive query reads them each time. */
function wholeRelation(scan: Scan | SystemScan): string {
  const { scanId } = scan;
  const isServed = scan.kind === 'system-scan';
  const read = isServed ? systemColumns(scan.table) : scan.fileColumns;
  const columns = read.map(({ name }, i) => `c${i} AS ${quoteIdentifier(name)}`);
  const rows = `SELECT ${columns.join(', ')} FROM ${isServed ? 'remote' : 'scan'}_${scanId}`;
  return `${tableAlias(scanId)} AS ${isServed ? 'MATERIALIZED ' : ''}(${rows})`;
}

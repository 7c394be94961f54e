import { assert } from '../../common/assert.ts';
import { type Column, quoteIdentifier } from '../../common/plan/column-type.ts';
import { pinnedScan } from '../import/decode-scan.ts';
import { type Json, type JsonObject } from '../import/json-reader.ts';
import { rewriteStatement, type TableReference } from '../import/parsed-statement.ts';
import { type Scan } from '../logical/logical-plan.ts';
import { type RelatedTable } from './table-relations.ts';

/** A statement whose tables are read under names of our choice. */
export interface RenamedStatement {
  readonly document: Json;
  /** Position i is read as `table_<i>`. */
  readonly tables: readonly RelatedTable[];
}

/**
 * Replaces each table by one of our choice; a table keeps the name that the statement's columns know it by.
 * References that are no table of the catalog (files, system views) are left as they are.
 */
export function renameTables(
  document: Json,
  tableOf: (reference: TableReference) => RelatedTable | undefined,
): RenamedStatement {
  const tables: RelatedTable[] = [];
  const renamed = rewriteStatement(document, {
    table: (reference, node) => {
      const table = tableOf(reference);
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

/**
 * The printed statement over `scan_<id>` relations, its columns called c0…cn. DuckDB keeps the order of an
 * ordered subquery that nothing stands above.
 */
export function wholeSql(printed: string, scans: readonly Scan[], width: number): string {
  const tables = scans.map(({ scanId, fileColumns }) => {
    const columns = fileColumns.map(({ name }, i) => `c${i} AS ${quoteIdentifier(name)}`);
    return `${tableAlias(scanId)} AS (SELECT ${columns.join(', ')} FROM scan_${scanId})`;
  });
  assert(width > 0, 'a result has a column');
  const names = Array.from({ length: width }, (_, i) => `c${i}`).join(', ');
  const body = `SELECT * FROM (${printed}) AS whole(${names})`;
  return tables.length === 0 ? body : `WITH ${tables.join(', ')}\n${body}`;
}

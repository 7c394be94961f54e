/** Relations in which DuckDB tells of itself: which of them a parsed statement names. */
import { type Json, type JsonObject } from './json-reader.ts';
import { rewriteStatement, type TableReference } from './parsed-statement.ts';

/** Table functions that tell of tables, types and functions. Those that tell of the process are not among them. */
export const METADATA_FUNCTIONS: ReadonlySet<string> = new Set([
  'duckdb_columns',
  'duckdb_constraints',
  'duckdb_databases',
  'duckdb_functions',
  'duckdb_indexes',
  'duckdb_keywords',
  'duckdb_schemas',
  'duckdb_sequences',
  'duckdb_settings',
  'duckdb_tables',
  'duckdb_types',
  'duckdb_views',
]);

/** DuckDB's own views over them, by schema. */
export const METADATA_VIEWS: Readonly<Record<string, readonly string[]>> = {
  information_schema: (
    'character_sets check_constraints columns constraint_column_usage constraint_table_usage ' +
    'key_column_usage referential_constraints schemata table_constraints tables views'
  ).split(' '),
  main: (
    'duckdb_columns duckdb_constraints duckdb_databases duckdb_indexes duckdb_schemas duckdb_tables ' +
    'duckdb_types duckdb_views pragma_database_list sqlite_master sqlite_schema sqlite_temp_master sqlite_temp_schema'
  ).split(' '),
  pg_catalog: (
    'pg_am pg_attrdef pg_attribute pg_class pg_collation pg_constraint pg_database pg_depend pg_description pg_enum ' +
    'pg_index pg_indexes pg_namespace pg_prepared_statements pg_proc pg_sequence pg_sequences pg_settings pg_tables ' +
    'pg_tablespace pg_type pg_views'
  ).split(' '),
};

/** A relation of DuckDB's, as any connection finds it. */
export interface MetadataRelation {
  readonly sql: string;
  /** What a statement calls it that gives it no name. */
  readonly name: string;
  /** It tells of settings. */
  readonly isOfSettings: boolean;
}

/** The view that a reference means where no table of ours has its name. */
export function metadataView(reference: TableReference): MetadataRelation | undefined {
  const [catalog, schema, name] = [reference.catalog, reference.schema, reference.table].map(
    (part) => part.toLowerCase(),
  );
  if (name === undefined || schema === undefined || !['', 'system'].includes(catalog ?? '')) {
    return undefined;
  }
  // Names without a schema are looked up in these two.
  const schemas = schema === '' ? ['main', 'pg_catalog'] : [schema];
  const found = schemas.find((each) => METADATA_VIEWS[each]?.includes(name));
  if (found === undefined) return undefined;
  const isOfSettings = name === 'pg_settings';
  return { sql: `system.${found}.${name}`, name: reference.table, isOfSettings };
}

/** The function that a table function's node calls. */
export function metadataCall(name: string): MetadataRelation | undefined {
  if (!METADATA_FUNCTIONS.has(name)) return undefined;
  return { sql: `system.main.${name}()`, name, isOfSettings: name === 'duckdb_settings' };
}

/** `replace` gives what stands in the place of each relation. */
export function rewriteMetadata(
  document: Json,
  replace: (relation: MetadataRelation, node: JsonObject, reference?: TableReference) => Json,
): Json {
  return rewriteStatement(document, {
    table: (reference, node) => {
      const view = metadataView(reference);
      return view === undefined ? node : replace(view, node, reference);
    },
    tableCall: (name, node) => {
      const called = metadataCall(name);
      return called === undefined ? node : replace(called, node);
    },
  });
}

/** Whether the statement may name one. */
export function namesMetadata(document: Json): boolean {
  let isNamed = false;
  rewriteMetadata(document, (_relation, node) => {
    isNamed = true;
    return node;
  });
  return isNamed;
}

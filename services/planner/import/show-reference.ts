import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';

/** What a `SHOW_REF` of a parsed statement shows. `query`: the query node of what is described. */
export type ShowReference =
  | { readonly kind: 'describe'; readonly query: JsonObject }
  | { readonly kind: 'summarize'; readonly query: JsonObject }
  /** Both empty: those of the session's own schema. */
  | { readonly kind: 'tables'; readonly catalog: string; readonly schema: string }
  | { readonly kind: 'all-tables' | 'databases' | 'schemas' | 'variables' }
  /** One that this version of DuckDB has and that nobody has looked at. */
  | { readonly kind: 'other'; readonly name: string };

export function showReference(node: JsonObject): ShowReference {
  const { query } = node;
  switch (node['show_type']) {
    case 'DESCRIBE':
      if (isJsonObject(query)) return { kind: 'describe', query };
      break;
    case 'SUMMARY':
      if (isJsonObject(query)) return { kind: 'summarize', query };
      break;
    case 'SHOW_FROM':
      return {
        kind: 'tables',
        catalog: text(node['catalog_name']),
        schema: text(node['schema_name']),
      };
    case 'SHOW_UNQUALIFIED':
      return unqualified(text(node['table_name']).replaceAll('"', ''));
    default:
  }
  return { kind: 'other', name: `SHOW ${text(node['table_name'])}`.trim() };
}

function unqualified(name: string): ShowReference {
  switch (name) {
    case 'tables':
      return { kind: 'tables', catalog: '', schema: '' };
    case '__show_tables_expanded':
      return { kind: 'all-tables' };
    case 'databases':
    case 'schemas':
    case 'variables':
      return { kind: name };
    default:
      return { kind: 'other', name: `SHOW ${name.toUpperCase()}` };
  }
}

/** What a statement shows, where it is nothing but that. */
export function shownBy(statement: Json): JsonObject | undefined {
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  const from = isJsonObject(node) ? node['from_table'] : undefined;
  return isJsonObject(from) && from['type'] === 'SHOW_REF' ? from : undefined;
}

/** The statements of a document of `json_serialize_sql`. */
export function statementsOf(document: Json): readonly Json[] {
  const statements = isJsonObject(document) ? document['statements'] : undefined;
  return isJsonArray(statements) ? statements : [];
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** Calls of DuckDB's readers of text in a parsed statement, and what to read in their place. */
import { quoteString } from '../../common/plan/column-type.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';
import { pathOf, referenceOf, type TableReference } from './parsed-statement.ts';

/** A reader's call whose arguments are all literals; `FROM 'file'` is one too. */
export interface LiteralCall {
  /** The node of the statement, by which it is replaced. */
  readonly node: JsonObject;
  /** In lower case; `FROM 'file'` has none. */
  readonly function: string | undefined;
  readonly paths: readonly string[];
  /** As SQL, by their names in lower case. */
  readonly options: ReadonlyMap<string, string>;
}

/** All of them, wherever they stand. */
export function literalCalls(value: Json): readonly LiteralCall[] {
  if (isJsonArray(value)) return value.flatMap(literalCalls);
  if (!isJsonObject(value)) return [];
  const own = value['type'] === 'TABLE_FUNCTION' ? tableFunction(value) : baseTable(value);
  return [...(own === undefined ? [] : [own]), ...Object.values(value).flatMap(literalCalls)];
}

function tableFunction(node: JsonObject): LiteralCall | undefined {
  const call = node['function'];
  if (!isJsonObject(call) || node['with_ordinality'] !== 'WITHOUT_ORDINALITY') return undefined;
  const [first, ...others] = isJsonArray(call['children']) ? call['children'] : [];
  const paths = first === undefined ? undefined : textList(first);
  const options = new Map<string, string>();
  for (const other of others) {
    const option = namedLiteral(other);
    if (option === undefined) return undefined;
    options.set(...option);
  }
  if (paths === undefined) return undefined;
  return { node, function: text(call['function_name']).toLowerCase(), paths, options };
}

function baseTable(node: JsonObject): LiteralCall | undefined {
  if (node['type'] !== 'BASE_TABLE' || node['at_clause'] !== null) return undefined;
  const paths = [pathOf(referenceOf(node))];
  return { node, function: undefined, paths, options: new Map() };
}

/** The files of a call as far as they are literals; `undefined` when one is computed. */
export function literalPaths(call: JsonObject): readonly string[] | undefined {
  const [first] = isJsonArray(call['children']) ? call['children'] : [];
  return first === undefined ? undefined : textList(first);
}

/** Names of the options that a call gives, in lower case. */
export function optionNames(call: JsonObject): readonly string[] {
  const [, ...others] = isJsonArray(call['children']) ? call['children'] : [];
  return others.flatMap((option) => {
    const name = isJsonObject(option) ? optionName(option) : undefined;
    return name === undefined ? [] : [name];
  });
}

/** Of `name = value`, or of `name := value`, which the parser gives the name as an alias. */
function optionName({ type, left, alias }: JsonObject): string | undefined {
  if (type !== 'COMPARE_EQUAL') return text(alias) === '' ? undefined : text(alias).toLowerCase();
  const names = isJsonObject(left) ? left['column_names'] : undefined;
  const [name, ...others] = isJsonArray(names) ? names : [];
  return typeof name === 'string' && others.length === 0 ? name.toLowerCase() : undefined;
}

function textList(expression: Json): readonly string[] | undefined {
  if (!isJsonObject(expression)) return undefined;
  if (expression['class'] === 'CONSTANT') {
    const constant = constantOf(expression);
    return typeof constant === 'string' ? [constant] : undefined;
  }
  const items = listItems(expression)?.map(constantOf) ?? [];
  return items.length > 0 && items.every((item) => typeof item === 'string') ? items : undefined;
}

function namedLiteral(expression: Json): readonly [string, string] | undefined {
  if (!isJsonObject(expression)) return undefined;
  const name = optionName(expression);
  const isComparison = expression['type'] === 'COMPARE_EQUAL';
  const value = literalSql(isComparison ? (expression['right'] ?? null) : expression);
  return name === undefined || value === undefined ? undefined : [name, value];
}

/** A text, number or flag, or a list of them, as SQL. */
function literalSql(expression: Json): string | undefined {
  if (!isJsonObject(expression)) return undefined;
  if (expression['class'] === 'CAST') return castSql(expression);
  const items = listItems(expression)?.map(literalSql);
  if (items !== undefined) {
    return items.every((item) => item !== undefined) ? `[${items.join(', ')}]` : undefined;
  }
  const constant = expression['class'] === 'CONSTANT' ? constantOf(expression) : undefined;
  switch (typeof constant) {
    case 'string':
      return quoteString(constant);
    case 'bigint':
    case 'number':
    case 'boolean':
      return String(constant);
    default:
      return undefined;
  }
}

/** The parser writes `true` and `false` as casts from text. */
function castSql({ child, cast_type: type }: JsonObject): string | undefined {
  if (!isJsonObject(child) || !isJsonObject(type) || type['id'] !== 'BOOLEAN') return undefined;
  const constant = constantOf(child);
  return constant === 't' ? 'true' : constant === 'f' ? 'false' : undefined;
}

/** `undefined` for NULL and for what is no plain value, such as a decimal. */
function constantOf(expression: Json | undefined): Json | undefined {
  const value = isJsonObject(expression) ? expression['value'] : undefined;
  const type = isJsonObject(value) ? value['type'] : undefined;
  if (!isJsonObject(value) || !isJsonObject(type) || value['is_null'] === true) return undefined;
  return PLAIN_TYPES.has(text(type['id'])) ? value['value'] : undefined;
}

const PLAIN_TYPES: ReadonlySet<string> = new Set(['VARCHAR', 'INTEGER', 'BIGINT', 'BOOLEAN']);

function listItems(expression: JsonObject): readonly Json[] | undefined {
  const isList = expression['function_name'] === 'list_value';
  return isList && isJsonArray(expression['children']) ? expression['children'] : undefined;
}

export interface Replacement {
  readonly reference: TableReference;
  readonly alias: string;
}

/** The statement with tables in the place of calls; each keeps its alias, which is the function's name unless given. */
export function replaceCalls(value: Json, tables: ReadonlyMap<JsonObject, Replacement>): Json {
  if (isJsonArray(value)) return value.map((item) => replaceCalls(item, tables));
  if (!isJsonObject(value)) return value;
  const found = tables.get(value);
  if (found === undefined) {
    const copy: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value)) copy[key] = replaceCalls(item, tables);
    return copy;
  }
  return {
    type: 'BASE_TABLE',
    alias: text(value['alias']) === '' ? found.alias : (value['alias'] ?? ''),
    sample: value['sample'] ?? null,
    query_location: value['query_location'] ?? 0n,
    schema_name: found.reference.schema,
    table_name: found.reference.table,
    column_name_alias: value['column_name_alias'] ?? [],
    catalog_name: found.reference.catalog,
    at_clause: null,
  };
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

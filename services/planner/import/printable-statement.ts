/**
 * What DuckDB's printer makes of a parsed statement is not always the statement: a DOUBLE of few digits comes out
 * as a decimal. Here are the form that it prints faithfully, and the shape by which to see that it did.
 */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';
import { writeJson } from './json-writer.ts';

/** The statement with casts from text for the constants whose type the printer would lose. */
export function printable(value: Json): Json {
  if (isJsonArray(value)) return value.map(printable);
  if (!isJsonObject(value)) return value;
  return value['class'] === 'CONSTANT' ? printableConstant(value) : mapFields(value, printable);
}

function printableConstant(node: JsonObject): JsonObject {
  const constant = node['value'];
  const type = isJsonObject(constant) ? constant['type'] : undefined;
  if (!isJsonObject(constant) || !isJsonObject(type) || constant['is_null'] === true) return node;
  const value = constant['value'];
  switch (type['id']) {
    case 'DOUBLE':
      return castFromText(node, type, Object.is(value, -0) ? '-0' : String(value));
    case 'BOOLEAN':
      return castFromText(node, type, value === true ? 't' : 'f');
    default:
      return node;
  }
}

function castFromText(node: JsonObject, type: JsonObject, text: string): JsonObject {
  const child = {
    ...node,
    alias: '',
    value: { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: text },
  };
  return {
    class: 'CAST',
    type: 'OPERATOR_CAST',
    alias: node['alias'] ?? '',
    query_location: node['query_location'] ?? 0n,
    child,
    cast_type: type,
    try_cast: false,
  };
}

/**
 * Statements of the same shape mean the same: all of a statement but where in its text something stands, and how
 * its parameters are numbered.
 */
export function statementShape(statement: Json): string {
  return writeJson(shapeOf(statement));
}

function shapeOf(value: Json): Json {
  if (isJsonArray(value)) return value.map(shapeOf);
  if (!isJsonObject(value)) return value;
  const { query_location: _, named_param_map: __, ...others } = value;
  // A rewritten node has its fields in another order.
  const entries = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
  const shape = mapFields(Object.fromEntries(entries), shapeOf);
  return listedValues(shape) ?? shape;
}

/** VALUES are printed as `(SELECT * FROM (VALUES …) AS valueslist)`: the list comes back in a subquery. */
function listedValues(node: JsonObject): JsonObject | undefined {
  const subquery = node['type'] === 'SUBQUERY' ? node['subquery'] : undefined;
  const select = isJsonObject(subquery) ? subquery['node'] : undefined;
  const from = isJsonObject(select) ? select['from_table'] : undefined;
  if (!isJsonObject(from) || from['type'] !== 'EXPRESSION_LIST') return undefined;
  return node['alias'] === from['alias'] ? from : undefined;
}

function mapFields(node: JsonObject, map: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, map(item)]));
}

import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';

/** A table as a statement names it. `''` where it names no catalog or schema. */
export interface TableReference {
  readonly catalog: string;
  readonly schema: string;
  readonly table: string;
}

/** The file that the reference names where it is no table: DuckDB joins the parts, so `"a/b".csv` is one too. */
export function pathOf({ catalog, schema, table }: TableReference): string {
  return [catalog, schema, table].filter((part) => part !== '').join('.');
}

/** The table that a node of type BASE_TABLE names. */
export function referenceOf(node: JsonObject): TableReference {
  return {
    catalog: textField(node, 'catalog_name'),
    schema: textField(node, 'schema_name'),
    table: textField(node, 'table_name'),
  };
}

/**
 * What is done with the parts of a parsed statement (`json_serialize_sql`). Names of
 * functions are in lower case; names that mean a common table expression in scope are no tables.
 */
export interface StatementVisitor {
  /** The table's node, or another one in its place. */
  readonly table?: (reference: TableReference, node: JsonObject) => Json;
  readonly parameter?: (name: string, node: JsonObject) => Json;
  /** Scalar, aggregate, window and macro calls. */
  readonly call?: (name: string, node: JsonObject) => void;
  readonly tableFunction?: (name: string, call: JsonObject) => void;
  /** The node of a table function's call, or another one in its place. */
  readonly tableCall?: (name: string, node: JsonObject) => Json;
  /** DESCRIBE, SHOW and SUMMARIZE, which are relations; what they are of is not visited then. */
  readonly show?: (node: JsonObject) => Json;
}

/** A parsed statement, or any part of one, copied where the visitor changes it. */
export function rewriteStatement(value: Json, visitor: StatementVisitor): Json {
  return rewrite(value, visitor, new Set());
}

type Scope = ReadonlySet<string>;

function rewrite(value: Json, visitor: StatementVisitor, scope: Scope): Json {
  if (isJsonArray(value)) return rewriteItems(value, visitor, scope);
  // Of constants there may be hundreds of thousands, and nothing is in them.
  if (!isJsonObject(value) || value['class'] === 'CONSTANT') return value;
  if (value['type'] === 'BASE_TABLE') return rewriteTable(value, visitor, scope);
  if (value['class'] === 'PARAMETER' && visitor.parameter !== undefined) {
    return visitor.parameter(textField(value, 'identifier'), value);
  }
  if (value['type'] === 'SHOW_REF' && visitor.show !== undefined) return visitor.show(value);
  const name = value['function_name'];
  if (typeof name === 'string') visitor.call?.(name.toLowerCase(), value);
  if (value['type'] === 'TABLE_FUNCTION') return rewriteTableFunction(value, visitor, scope);
  return isJsonObject(value['cte_map'])
    ? rewriteQueryNode(value, value['cte_map'], { visitor, scope })
    : rewriteFields(value, visitor, scope);
}

function rewriteItems(
  items: readonly Json[],
  visitor: StatementVisitor,
  scope: Scope,
): readonly Json[] {
  const copy = items.map((item) => rewrite(item, visitor, scope));
  return copy.every((item, i) => item === items[i]) ? items : copy;
}

function rewriteFields(value: JsonObject, visitor: StatementVisitor, scope: Scope): JsonObject {
  const copy: Record<string, Json> = {};
  let isChanged = false;
  for (const [key, item] of Object.entries(value)) {
    const rewritten = rewrite(item, visitor, scope);
    copy[key] = rewritten;
    isChanged ||= rewritten !== item;
  }
  return isChanged ? copy : value;
}

function rewriteTable(node: JsonObject, visitor: StatementVisitor, scope: Scope): Json {
  const reference = referenceOf(node);
  const isUnqualified = reference.catalog === '' && reference.schema === '';
  if (isUnqualified && scope.has(reference.table.toLowerCase())) return node;
  return visitor.table?.(reference, node) ?? node;
}

function rewriteTableFunction(node: JsonObject, visitor: StatementVisitor, scope: Scope): Json {
  const call = node['function'];
  if (!isJsonObject(call)) return rewriteFields(node, visitor, scope);
  const name = textField(call, 'function_name').toLowerCase();
  visitor.tableFunction?.(name, call);
  const other = visitor.tableCall?.(name, node) ?? node;
  if (other !== node) return other;
  const { function: _, ...others } = node;
  return {
    ...rewriteFields(others, visitor, scope),
    function: rewriteFields(call, visitor, scope),
  };
}

/** A common table expression is seen by those after it and by the query; a recursive one also by its own right side. */
function rewriteQueryNode(
  node: JsonObject,
  cteMap: JsonObject,
  { visitor, scope }: { readonly visitor: StatementVisitor; readonly scope: Scope },
): JsonObject {
  const entries = isJsonArray(cteMap['map']) ? cteMap['map'] : [];
  let visible: Scope = scope;
  const map = entries.map((entry) => {
    const name = isJsonObject(entry) ? textField(entry, 'key').toLowerCase() : '';
    const copy = rewrite(entry, visitor, visible);
    visible = new Set([...visible, name]);
    return copy;
  });
  const { cte_map: _, ...others } = node;
  const fields =
    node['type'] === 'RECURSIVE_CTE_NODE'
      ? rewriteRecursive(others, visitor, visible)
      : rewriteFields(others, visitor, visible);
  return { ...fields, cte_map: { ...cteMap, map } };
}

/** Its left side, where it begins, knows nothing of the expression: its name there is another table's. */
function rewriteRecursive(
  { left = null, ...others }: JsonObject,
  visitor: StatementVisitor,
  scope: Scope,
): JsonObject {
  const withItself: Scope = new Set([...scope, textField(others, 'cte_name').toLowerCase()]);
  return {
    ...rewriteFields(others, visitor, withItself),
    left: rewrite(left, visitor, scope),
  };
}

function textField(node: JsonObject, name: string): string {
  const value = node[name];
  return typeof value === 'string' ? value : '';
}

/**
 * The statement under `integer_division`, which is one of DuckDB's parser: `/` means `//`. The functions that give and
 * take parsed statements do not heed it.
 */
export function withIntegerDivision(value: Json): Json {
  if (isJsonArray(value)) return value.map(withIntegerDivision);
  if (!isJsonObject(value)) return value;
  const copy: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = withIntegerDivision(item);
  const isDivision = value['function_name'] === '/' && value['is_operator'] === true;
  return isDivision ? { ...copy, function_name: '//' } : copy;
}

/** Texts that a call has in its first argument: one, or those of a list. */
export function* textsInFirstArgument(call: JsonObject): Generator<string> {
  const { children } = call;
  if (isJsonArray(children) && children[0] !== undefined) yield* textsIn(children[0]);
}

function* textsIn(expression: Json): Generator<string> {
  if (!isJsonObject(expression)) return;
  const { children, value } = expression;
  const text = isJsonObject(value) ? value['value'] : undefined;
  if (expression['class'] === 'CONSTANT' && typeof text === 'string') yield text;
  if (isJsonArray(children)) for (const child of children) yield* textsIn(child);
}

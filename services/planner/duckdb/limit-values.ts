/** Subqueries as the LIMIT and OFFSET of a statement: first the query that computes them, then the statement with them. */
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { statementsOf } from '../import/show-reference.ts';
import { readParameters } from '../parameters/read-parameters.ts';
import { type PlanningInstance } from './planning-instance.ts';
import { valueSql } from './statement-parameters.ts';

const FIELDS = ['limit', 'offset'] as const;

/** Of the statement's own LIMIT: what stands further in may be asked more than once, and set operations have none. */
export function hasLimitSubquery(document: Json): boolean {
  const isSelect = queryNode(document)['type'] === 'SELECT_NODE';
  return isSelect && subqueriesOf(limitOf(document)).length > 0;
}

/** One row with a column for each. */
export async function limitQuestion(document: Json, instance: PlanningInstance): Promise<string> {
  const [template] = statementsOf(await instance.parse('SELECT 1'));
  const node = queryNode(document);
  if (!isJsonObject(template) || !isJsonObject(template['node'])) throw new Error('no template');
  const select_list = subqueriesOf(limitOf(document)).map(([field, subquery]) => {
    return { ...subquery, alias: field };
  });
  const asking = { ...template['node'], select_list, cte_map: node['cte_map'] ?? { map: [] } };
  return await instance.print({ error: false, statements: [{ ...template, node: asking }] });
}

/** The statement with the values that were found in place of the subqueries. */
export async function withLimitValues(
  document: Json,
  answer: Uint8Array,
  instance: PlanningInstance,
): Promise<Json> {
  const found = [...readParameters(answer)];
  const values = found.map(([name, constant]) => valueSql(name, constant));
  const [parsed] = statementsOf(await instance.parse(`SELECT ${values.join(', ')}`));
  const list = queryNode({ statements: [parsed ?? null] })['select_list'];
  const constants = isJsonArray(list) ? list : [];
  const fields = found.map(([name], i) => [name, constants[i] ?? null] as const);
  const limit = { ...limitOf(document), ...Object.fromEntries(fields) };
  const [statement] = statementsOf(document);
  const node = queryNode(document);
  const modifiers = modifiersOf(node).map((modifier) => (isLimit(modifier) ? limit : modifier));
  const changed = { ...(isJsonObject(statement) ? statement : {}), node: { ...node, modifiers } };
  return { error: false, statements: [changed] };
}

function subqueriesOf(limit: JsonObject | undefined): readonly (readonly [string, JsonObject])[] {
  return FIELDS.flatMap((field) => {
    const expression = limit?.[field];
    const isSubquery = isJsonObject(expression) && expression['class'] === 'SUBQUERY';
    return isSubquery ? [[field, expression] as const] : [];
  });
}

function limitOf(document: Json): JsonObject | undefined {
  return modifiersOf(queryNode(document)).find(isLimit);
}

function isLimit(modifier: Json): modifier is JsonObject {
  return isJsonObject(modifier) && modifier['type'] === 'LIMIT_MODIFIER';
}

function modifiersOf({ modifiers }: JsonObject): readonly Json[] {
  return isJsonArray(modifiers) ? modifiers : [];
}

function queryNode(document: Json): JsonObject {
  const [statement] = statementsOf(document);
  const node = isJsonObject(statement) ? statement['node'] : undefined;
  return isJsonObject(node) ? node : {};
}

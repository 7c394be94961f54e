/** What a statement orders its result by, evaluated by DuckDB over the rows of an answer. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Answer } from '../tpch/answer.ts';

/** A node of the document that json_serialize_sql gives. */
type Node = { readonly [field: string]: unknown };

/**
 * One column for each key, in order, as far as the keys follow from the answer's columns: the first that does
 * not, and those behind it, are left out. Undefined when the statement orders by nothing.
 */
export async function orderKeys(
  connection: DuckDBConnection,
  sql: string,
  answer: Answer,
): Promise<Answer | undefined> {
  const query = queryNode(await parse(connection, sql));
  const orders = nodes(query['modifiers']).find(({ type }) => type === 'ORDER_MODIFIER')?.[
    'orders'
  ];
  if (orders === undefined) return undefined;
  const output = { names: answer.columns.map(({ name }) => name), items: selectItems(query) };
  const keys: Node[] = [];
  for (const { expression } of nodes(orders)) {
    const key = overOutput(expression as Node, output);
    if (key === undefined) break;
    keys.push(key);
  }
  return await evaluate(connection, keys, answer);
}

interface Output {
  readonly names: readonly string[];
  /** The expressions of the SELECT list, one for each name; empty when it has a star. */
  readonly items: readonly string[];
}

function selectItems(query: Node): readonly string[] {
  const items = nodes((query['left'] as Node | undefined)?.['select_list'] ?? query['select_list']);
  return items.some(({ class: kind }) => kind === 'STAR') ? [] : items.map(canonical);
}

/** An ORDER BY expression as one over the output's columns; undefined when it reads anything else. */
function overOutput(expression: Node, output: Output): Node | undefined {
  const position = constantPosition(expression) ?? output.items.indexOf(canonical(expression));
  const name = output.names[position] ?? outputName(expression, output);
  if (name !== undefined) return { ...expression, ...columnReference(name) };
  // An aggregate would be one of the input's rows, not of the output's.
  const isFunction = expression['class'] === 'FUNCTION' && expression['is_operator'] !== true;
  if (isFunction || expression['class'] === 'COLUMN_REF') return undefined;
  return overOutputInside(expression, output);
}

function overOutputInside(node: Node, output: Output): Node | undefined {
  const fields: [string, unknown][] = [];
  for (const [field, value] of Object.entries(node)) {
    const inside = Array.isArray(value)
      ? value.map((item) => inner(item, output))
      : inner(value, output);
    if (inside === undefined || (Array.isArray(inside) && inside.includes(undefined)))
      return undefined;
    fields.push([field, inside]);
  }
  return Object.fromEntries(fields);
}

function inner(value: unknown, output: Output): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const node = value as Node;
  const isExpression = node['class'] !== undefined && node['class'] !== 'CONSTANT';
  return isExpression ? overOutput(node, output) : overOutputInside(node, output);
}

/** `ORDER BY 2` means the second column. */
function constantPosition(expression: Node): number | undefined {
  if (expression['class'] !== 'CONSTANT') return undefined;
  const { value } = expression['value'] as Node;
  return typeof value === 'number' ? value - 1 : undefined;
}

function outputName(expression: Node, { names }: Output): string | undefined {
  if (expression['class'] !== 'COLUMN_REF') return undefined;
  const last = (expression['column_names'] as readonly string[]).at(-1)?.toLowerCase();
  return names.find((name) => name.toLowerCase() === last);
}

function columnReference(name: string): Node {
  return { class: 'COLUMN_REF', type: 'COLUMN_REF', alias: '', column_names: [name] };
}

async function evaluate(
  connection: DuckDBConnection,
  keys: readonly Node[],
  { columns, rows }: Answer,
): Promise<Answer> {
  if (keys.length === 0) return { columns: [], rows: rows.map(() => []) };
  const document = await parse(connection, 'SELECT 1 FROM answer');
  const query = { ...queryNode(document), select_list: keys };
  const text = await scalar(connection, 'SELECT json_deserialize_sql($1::JSON)', [
    JSON.stringify({ error: false, statements: [{ node: query, named_param_map: [] }] }),
  ]);
  const casts = columns.map(
    ({ name, type }, i) => `row[${i + 1}]::${type} AS "${name.replaceAll('"', '""')}"`,
  );
  const read = await connection.runAndReadAll(
    `WITH answer AS MATERIALIZED (
       SELECT ${casts.join(', ')} FROM (SELECT unnest(from_json($1::JSON, '[["VARCHAR"]]')) AS row)
     ) ${text}`,
    [JSON.stringify(rows)],
  );
  const types = read.columnTypes();
  return {
    columns: types.map((type, i) => ({ name: `key ${i + 1}`, type: String(type) })),
    rows: read.getRows().map((row) => row.map((cell) => (cell === null ? null : String(cell)))),
  };
}

async function parse(connection: DuckDBConnection, sql: string): Promise<Node> {
  const text = await scalar(connection, 'SELECT json_serialize_sql($1::VARCHAR)', [sql]);
  return JSON.parse(text, (field, value: unknown) =>
    field === 'query_location' ? undefined : value,
  ) as Node;
}

async function scalar(
  connection: DuckDBConnection,
  sql: string,
  values: readonly string[],
): Promise<string> {
  return String((await connection.runAndReadAll(sql, [...values])).getRows()[0]?.[0]);
}

function queryNode(document: Node): Node {
  const [statement] = nodes(document['statements']);
  if (statement === undefined) throw new Error('DuckDB does not parse the statement');
  return statement['node'] as Node;
}

function nodes(value: unknown): readonly Node[] {
  return Array.isArray(value) ? (value as readonly Node[]) : [];
}

/** The same text for the same expression, wherever it stands and whatever it is called. */
function canonical(expression: Node): string {
  return JSON.stringify(expression, (field, value: unknown) =>
    field === 'alias' ? undefined : value,
  );
}

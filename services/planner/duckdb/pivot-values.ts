/** The values of PIVOTs that give none: first the query that finds them, then the statement with them. */
import { NO_PIVOT_VALUES } from '../../common/duckdb/no-pivot-values.ts';
import { EngineError } from '../../common/error.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../import/json-reader.ts';
import { statementsOf } from '../import/show-reference.ts';
import { type Constant } from '../logical/expression.ts';
import { readParameters } from '../parameters/read-parameters.ts';
import { pivotMarker } from '../statement/pivot-markers.ts';
import { notSupported } from '../statement/statement-name.ts';
import { type PlanningInstance } from './planning-instance.ts';

/** A column of a PIVOT whose values are to be found. */
interface OpenColumn {
  /** Number of its marker. */
  readonly index: number;
  readonly expression: Json;
  readonly source: Json;
  /** Common table expressions in scope, outer ones first. */
  readonly ctes: readonly Json[];
}

/** Finds what a column holds, as DuckDB does: the texts of its values, sorted, whatever the session's default order. */
const TEMPLATE =
  'SELECT list(v ORDER BY v ASC NULLS LAST) FROM (SELECT DISTINCT CAST(skein_value AS VARCHAR) AS v FROM skein_source WHERE skein_value IS NOT NULL)';

/** One row with a list of texts for each marker, by its number. @throws EngineError STATEMENT_NOT_SUPPORTED */
export async function pivotQuestion(document: Json, instance: PlanningInstance): Promise<string> {
  const columns: OpenColumn[] = [];
  collect(document, [], columns);
  const [template] = statementsOf(await instance.parse(TEMPLATE));
  if (!isJsonObject(template) || !isJsonObject(template['node'])) throw new Error('no template');
  const questions: string[] = [];
  for (const column of columns) {
    if (hasMarker(column.source)) {
      throw notSupported('PIVOT of a PIVOT', 'give the values of the inner one: ON … IN (…)');
    }
    const node = fill(template['node'], column) as JsonObject;
    const statement = { ...template, node: { ...node, cte_map: { map: column.ctes } } };
    const sql = await instance.print({ error: false, statements: [statement] });
    questions.push(`(${sql}) AS "${column.index}"`);
  }
  return `SELECT ${questions.join(', ')}`;
}

/** The statement with the values that were found in place of its markers. */
export function withPivotValues(document: Json, answer: Uint8Array): Json {
  const found = readParameters(answer);
  return replaceEntries(document, (index) => {
    return textsOf(found.get(String(index))).map((text) => entry(text));
  });
}

function collect(value: Json, ctes: readonly Json[], columns: OpenColumn[]): void {
  if (isJsonArray(value)) {
    for (const item of value) collect(item, ctes, columns);
    return;
  }
  if (!isJsonObject(value)) return;
  const own = isJsonObject(value['cte_map']) ? value['cte_map']['map'] : undefined;
  let visible = ctes;
  for (const cte of isJsonArray(own) ? own : []) {
    collect(cte, visible, columns);
    visible = [...visible, cte];
  }
  for (const pivot of pivotsOf(value)) {
    const { pivot_expressions: expressions } = pivot;
    const marker = markerOf(pivot);
    if (marker === undefined) continue;
    const expression = isJsonArray(expressions) ? expressions[0] : undefined;
    columns.push({
      index: indexOf(marker),
      expression: expression ?? null,
      source: value['source'] ?? null,
      ctes: visible,
    });
  }
  for (const [key, item] of Object.entries(value)) {
    if (key !== 'cte_map') collect(item, visible, columns);
  }
}

function pivotsOf(value: JsonObject): readonly JsonObject[] {
  const pivots = value['type'] === 'PIVOT' ? value['pivots'] : undefined;
  return isJsonArray(pivots) ? pivots.filter(isJsonObject) : [];
}

/** The text of the only value, if it is a marker. */
function markerOf(pivot: JsonObject): string | undefined {
  const [first] = isJsonArray(pivot['entries']) ? pivot['entries'] : [];
  const values = isJsonObject(first) ? first['values'] : undefined;
  const value = isJsonArray(values) ? values[0] : undefined;
  const text = isJsonObject(value) ? value['value'] : undefined;
  return typeof text === 'string' && text.startsWith(MARKER_PREFIX) ? text : undefined;
}

const MARKER_PREFIX = pivotMarker(0).slice(0, -1);

function indexOf(marker: string): number {
  return Number(marker.slice(MARKER_PREFIX.length));
}

function hasMarker(value: Json): boolean {
  if (isJsonArray(value)) return value.some(hasMarker);
  if (!isJsonObject(value)) return false;
  return (
    pivotsOf(value).some((pivot) => markerOf(pivot) !== undefined) ||
    Object.values(value).some(hasMarker)
  );
}

/** The template over the column's own expression and source. */
function fill(value: Json, column: OpenColumn): Json {
  if (isJsonArray(value)) return value.map((item) => fill(item, column));
  if (!isJsonObject(value)) return value;
  if (value['table_name'] === 'skein_source') return column.source;
  const names = value['column_names'];
  if (isJsonArray(names) && names[0] === 'skein_value') return column.expression;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, column)]));
}

function replaceEntries(value: Json, entriesOf: (index: number) => readonly Json[]): Json {
  if (isJsonArray(value)) return value.map((item) => replaceEntries(item, entriesOf));
  if (!isJsonObject(value)) return value;
  const copy: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = replaceEntries(item, entriesOf);
  const pivots = pivotsOf(value);
  if (pivots.length === 0) return copy;
  return {
    ...copy,
    pivots: pivots.map((pivot) => {
      const marker = markerOf(pivot);
      if (marker === undefined) return pivot;
      const entries = entriesOf(indexOf(marker));
      return entries.length === 0
        ? { ...pivot, entries, pivot_enum: NO_PIVOT_VALUES }
        : { ...pivot, entries };
    }),
  };
}

function entry(text: string): Json {
  const value = { type: { id: 'VARCHAR', type_info: null }, is_null: false, value: text };
  return { values: [value], star_expr: null, alias: '' };
}

function textsOf(constant: Constant | undefined): readonly string[] {
  const list = constant?.value;
  if (list === null || list === undefined) return [];
  if (typeof list !== 'object' || list.kind !== 'nested') {
    throw new EngineError('INTERNAL_ERROR', 'the values of a PIVOT are no list');
  }
  return list.children.map((item) => String(item));
}

/** Table functions of the columns of another relation, as in `FROM t, range(t.k)`: one list for each of its rows. */
import { type ColumnType, sameColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeExpressions } from './decode-expression.ts';
import { decodeTypes } from './decode-type.ts';
import { bigintOf, fieldSet, Fields } from './fields.ts';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from './json-reader.ts';
import { columnScope } from './scope.ts';

const GET = fieldSet(
  'type children table_index returned_types names projection_ids table_filters name arguments ' +
    'original_arguments catalog_name schema_name has_serialize projected_input column_indexes extra_info ' +
    'ordinality_idx row_group_order_options parameters named_parameters input_table_types input_table_names',
);
const PROJECTION = fieldSet('type children table_index expressions');
const COLUMN_INDEX = fieldSet('index child_indexes index_type type field has_index');
const FILTER_SET = fieldSet('filters');
const BIGINT: ColumnType = { id: 'BIGINT' };

const LISTED_FUNCTIONS = new Set(['range', 'generate_series', 'unnest']);

/** Whether a LOGICAL_GET has an input. */
export function isLateral(value: Json): boolean {
  const children = isJsonObject(value) ? value['children'] : undefined;
  return isJsonArray(children) && children.length > 0;
}

/**
 * `decodeInput` decodes what the function's arguments are computed from: the rows of a correlated relation. Its output
 * is the function's columns, then those of the input that are passed on.
 */
export function decodeLateral(value: Json, decodeInput: (input: Json) => LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_GET', GET);
  const name = fields.text('name');
  if (!LISTED_FUNCTIONS.has(name)) throw new UnsupportedError(`table function ${name} of columns`);
  expectPlain(fields);
  const [child] = fields.list('children');
  const projection = new Fields(child, 'input of a table function', PROJECTION);
  const [inputJson] = projection.list('children');
  if (inputJson === undefined || !isJsonObject(inputJson))
    throw new UnsupportedError('LOGICAL_GET');
  const input = decodeInput(inputJson);
  const expressions = decodeExpressions(
    projection.list('expressions').map((item) => withReferences(item, inputJson['table_index'])),
    columnScope(input.columns),
  );
  const types = decodeTypes(fields.list('input_table_types'));
  const args = types.map((type, index) => castTo(present(expressions[index]), type));
  const passed = fields.indexes('projected_input').map((index) => present(expressions[index]));
  return unnested({ fields, input, list: listOf(name, args), passed });
}

interface Lateral {
  readonly fields: Fields;
  readonly input: LogicalPlan;
  /** The function's values for a row. */
  readonly list: Expression;
  readonly passed: readonly Expression[];
}

function unnested({ fields, input, list, passed }: Lateral): LogicalPlan {
  const ordinality = fields.json('ordinality_idx');
  const lists = fields.list('column_indexes').map((value): Expression => {
    const column = new Fields(value, 'a column index', COLUMN_INDEX);
    const index = bigintOf(column.json('index'), 'a column index');
    if (index === ordinality) return unnest(positionsOf(list), BIGINT);
    if (index !== 0n) throw new UnsupportedError(`column ${index} of a table function`);
    return unnest(list, list.type.id === 'LIST' ? list.type.child : list.type);
  });
  const width = input.columns.length;
  const unnesting: LogicalPlan = {
    kind: 'unnesting',
    child: input,
    lists,
    columns: [...input.columns, ...lists.map(({ type }) => type)],
  };
  const columns: readonly Expression[] = [
    ...lists.map(({ type }, index): Expression => ({ kind: 'column', type, index: width + index })),
    ...passed,
  ];
  const output = fields.indexes('projection_ids');
  const kept = output.length === 0 ? columns : output.map((index) => present(columns[index]));
  return {
    kind: 'project',
    child: unnesting,
    expressions: kept,
    columns: kept.map(({ type }) => type),
  };
}

function expectPlain(fields: Fields): void {
  fields.expectEmpty('parameters');
  fields.expectEmpty('named_parameters');
  new Fields(fields.json('table_filters'), 'table_filters', FILTER_SET).expectEmpty('filters');
  if (fields.flag('has_serialize')) throw new UnsupportedError('function_data of a table function');
}

/** References by table become references by position: there is one table. */
function withReferences(value: Json, tableIndex: Json | undefined): Json {
  if (isJsonArray(value)) return value.map((item) => withReferences(item, tableIndex));
  if (!isJsonObject(value)) return value;
  if (value['expression_class'] === 'BOUND_COLUMN_REF') return reference(value, tableIndex);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, withReferences(item, tableIndex)]),
  );
}

function reference(value: JsonObject, tableIndex: Json | undefined): Json {
  const { binding, depth, ...rest } = value;
  const isOwn =
    isJsonObject(binding) && binding['table_index'] === tableIndex && (depth ?? 0n) === 0n;
  if (!isOwn) throw new UnsupportedError('reference of a table function');
  const index = binding['column_index'] ?? null;
  return { ...rest, expression_class: 'BOUND_REF', type: 'BOUND_REF', index };
}

function listOf(name: string, args: readonly Expression[]): Expression {
  const [first] = args;
  if (name === 'unnest') return present(first);
  const type: ColumnType = { id: 'LIST', child: present(first).type };
  return { kind: 'function', type, name, args, isVolatile: false };
}

/** 1 … as many as there are. */
function positionsOf(list: Expression): Expression {
  const one: Expression = { kind: 'constant', type: BIGINT, value: 1n };
  const length: Expression = call('len', [list], BIGINT);
  return call('generate_series', [one, length], { id: 'LIST', child: BIGINT });
}

function call(name: string, args: readonly Expression[], type: ColumnType): Expression {
  return { kind: 'function', type, name, args, isVolatile: false };
}

function unnest(child: Expression, type: ColumnType): Expression {
  return { kind: 'unnest', type, child };
}

function castTo(child: Expression, type: ColumnType): Expression {
  return sameColumnType(child.type, type) ? child : { kind: 'cast', type, child, isTry: false };
}

function present(expression: Expression | undefined): Expression {
  if (expression === undefined) throw new UnsupportedError('column of a table function');
  return expression;
}

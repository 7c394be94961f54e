import { type ColumnType } from '../../common/plan/column-type.ts';
import { type LimitValue, type LogicalPlan } from '../logical/logical-plan.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeAggregate } from './decode-aggregate.ts';
import { decodeExpression, decodeExpressions, decodeSortKeys, oneOf } from './decode-expression.ts';
import { decodeTypes } from './decode-type.ts';
import { decodeConstant } from './decode-value.ts';
import { decodeWindow } from './decode-window.ts';
import { bigintOf, fieldSet, Fields } from './fields.ts';
import { isJsonArray, type Json } from './json-reader.ts';
import { projectColumns } from './project-columns.ts';
import { columnScope } from './scope.ts';

/** Operators with one child or none; `child` is decoded already. */

const OPERATOR = fieldSet('type children');
const PROJECTION = fieldSet('table_index expressions', OPERATOR);
const FILTER = fieldSet('expressions projection_map', OPERATOR);
const AGGREGATE = fieldSet(
  'expressions group_index aggregate_index groupings_index groups grouping_sets grouping_functions distinct_validity',
  OPERATOR,
);
const WINDOW = fieldSet('window_index expressions', OPERATOR);
const UNNEST = fieldSet('unnest_index expressions', OPERATOR);
const ORDER = fieldSet('orders projections', OPERATOR);
const TOP_N = fieldSet('orders limit offset', OPERATOR);
const LIMIT = fieldSet('limit_val offset_val', OPERATOR);
const LIMIT_NODE = fieldSet('type constant_integer constant_percentage expression');
const SAMPLE = fieldSet('sample_options', OPERATOR);
const SAMPLE_OPTIONS = fieldSet('sample_size is_percentage method seed');
const SAMPLE_METHODS = {
  System: 'system',
  Bernoulli: 'bernoulli',
  Reservoir: 'reservoir',
} as const;
const DISTINCT = fieldSet('distinct_type distinct_targets order_by', OPERATOR);
const ORDER_MODIFIER = fieldSet('type orders');
const EXPRESSION_GET = fieldSet('table_index expr_types expressions', OPERATOR);
const CHUNK_GET = fieldSet('table_index chunk_types collection', OPERATOR);
const COLLECTION = fieldSet('types values');
const EMPTY_RESULT = fieldSet('return_types bindings', OPERATOR);

const BIGINT: ColumnType = { id: 'BIGINT' };

export function decodeProjection(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_PROJECTION', PROJECTION);
  const expressions = decodeExpressions(fields.list('expressions'), columnScope(child.columns));
  return { kind: 'project', child, expressions, columns: expressions.map(({ type }) => type) };
}

export function decodeFilter(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_FILTER', FILTER);
  const predicates = decodeExpressions(fields.list('expressions'), columnScope(child.columns));
  const filtered: LogicalPlan =
    predicates.length === 0 ? child : { kind: 'filter', child, predicates, columns: child.columns };
  const projection = fields.indexes('projection_map');
  return projection.length === 0 ? filtered : projectColumns(filtered, projection);
}

export function decodeAggregation(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_AGGREGATE_AND_GROUP_BY', AGGREGATE);
  const scope = columnScope(child.columns);
  const groups = decodeExpressions(fields.list('groups'), scope);
  const aggregates = fields.list('expressions').map((call) => decodeAggregate(call, scope));
  const groupingSets = positionLists(fields.list('grouping_sets'), groups.length);
  const groupingFunctions = positionLists(fields.list('grouping_functions'), groups.length);
  const columns = [
    ...groups.map((group) => group.type),
    ...aggregates.map((aggregate) => aggregate.type),
    ...groupingFunctions.map(() => BIGINT),
  ];
  return { kind: 'aggregate', child, groups, groupingSets, aggregates, groupingFunctions, columns };
}

function positionLists(values: readonly Json[], limit: number): readonly (readonly number[])[] {
  return values.map((list) => {
    if (!isJsonArray(list)) throw new UnsupportedError('shape of grouping sets');
    return list.map((value) => {
      const position = Number(bigintOf(value, 'grouping sets'));
      if (position < 0 || position >= limit)
        throw new UnsupportedError('position of grouping sets');
      return position;
    });
  });
}

export function decodeWindows(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_WINDOW', WINDOW);
  const scope = columnScope(child.columns);
  const calls = fields.list('expressions').map((call) => decodeWindow(call, scope));
  const columns = [...child.columns, ...calls.map((call) => call.type)];
  return { kind: 'window', child, calls, columns };
}

export function decodeUnnest(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_UNNEST', UNNEST);
  const lists = decodeExpressions(fields.list('expressions'), columnScope(child.columns));
  if (lists.some((list) => list.kind !== 'unnest')) throw new UnsupportedError('LOGICAL_UNNEST');
  const columns = [...child.columns, ...lists.map((list) => list.type)];
  return { kind: 'unnesting', child, lists, columns };
}

export function decodeOrder(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_ORDER_BY', ORDER);
  const keys = decodeSortKeys(fields.list('orders'), columnScope(child.columns));
  const ordered: LogicalPlan = { kind: 'order', child, keys, columns: child.columns };
  const projection = fields.indexes('projections');
  return projection.length === 0 ? ordered : projectColumns(ordered, projection);
}

export function decodeTopN(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_TOP_N', TOP_N);
  return {
    kind: 'top-n',
    child,
    keys: decodeSortKeys(fields.list('orders'), columnScope(child.columns)),
    limit: bigintOf(fields.json('limit'), 'limit'),
    offset: bigintOf(fields.json('offset'), 'offset'),
    columns: child.columns,
  };
}

export function decodeLimit(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_LIMIT', LIMIT);
  const limit = decodeLimitValue(fields.json('limit_val'));
  const offset = decodeLimitValue(fields.json('offset_val'));
  return {
    kind: 'limit',
    child,
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
    columns: child.columns,
  };
}

export function decodeSample(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_SAMPLE', SAMPLE);
  const options = new Fields(fields.json('sample_options'), 'LOGICAL_SAMPLE', SAMPLE_OPTIONS);
  const size = decodeConstant(options.json('sample_size')).value;
  const seed = bigintOf(options.json('seed'), 'LOGICAL_SAMPLE');
  const isPercentage = options.flag('is_percentage');
  if (typeof size !== (isPercentage ? 'number' : 'bigint'))
    throw new UnsupportedError('sample size');
  return {
    kind: 'sample',
    child,
    size: isPercentage
      ? { kind: 'percentage', percentage: Number(size) }
      : { kind: 'rows', rows: BigInt(Number(size)) },
    method: oneOf(options, 'method', SAMPLE_METHODS),
    ...(seed < 0n ? {} : { seed }),
    columns: child.columns,
  };
}

function decodeLimitValue(value: Json): LimitValue | undefined {
  const fields = new Fields(value, 'a limit', LIMIT_NODE);
  fields.expectEmpty('expression');
  switch (fields.text('type')) {
    case 'UNSET':
      return undefined;
    case 'CONSTANT_VALUE':
      return { kind: 'rows', rows: bigintOf(fields.json('constant_integer'), 'limit') };
    case 'CONSTANT_PERCENTAGE':
      return { kind: 'percentage', percentage: Number(fields.json('constant_percentage')) };
    default:
      throw new UnsupportedError(`limit ${fields.text('type')}`);
  }
}

export function decodeDistinct(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_DISTINCT', DISTINCT);
  const scope = columnScope(child.columns);
  const targets = decodeExpressions(fields.list('distinct_targets'), scope);
  const isOn = oneOf(fields, 'distinct_type', { DISTINCT: false, DISTINCT_ON: true });
  const modifier = fields.json('order_by');
  const orderBy =
    modifier === null
      ? []
      : decodeSortKeys(
          new Fields(modifier, 'LOGICAL_DISTINCT', ORDER_MODIFIER).list('orders'),
          scope,
        );
  const positions = new Set(
    targets.map((target) => (target.kind === 'column' ? target.index : -1)),
  );
  const isWhole = child.columns.every((_, position) => positions.has(position));
  if (!isOn && isWhole) {
    return isDistinctAlready(child)
      ? child
      : { kind: 'distinct', child, on: [], orderBy: [], columns: child.columns };
  }
  return { kind: 'distinct', child, on: targets, orderBy, columns: child.columns };
}

/** UNION puts a DISTINCT above a union that was made distinct when it was decoded. */
function isDistinctAlready(plan: LogicalPlan): boolean {
  return plan.kind === 'distinct' && plan.on.length === 0;
}

export function decodeExpressionGet(value: Json, child: LogicalPlan): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_EXPRESSION_GET', EXPRESSION_GET);
  if (child.kind !== 'dummy-scan') throw new UnsupportedError('VALUES over another relation');
  const scope = columnScope([]);
  const rows = fields.list('expressions').map((row) => {
    if (!isJsonArray(row)) throw new UnsupportedError('shape of VALUES');
    return row.map((cell) => decodeExpression(cell, scope));
  });
  return { kind: 'values', rows, columns: decodeTypes(fields.list('expr_types')) };
}

/** Rows that the optimizer made, column by column. */
export function decodeChunkGet(value: Json): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_CHUNK_GET', CHUNK_GET);
  fields.expectEmpty('children');
  const collection = new Fields(fields.json('collection'), 'LOGICAL_CHUNK_GET', COLLECTION);
  const columns = collection.list('values').map((column) => {
    if (!isJsonArray(column)) throw new UnsupportedError('shape of LOGICAL_CHUNK_GET');
    return column.map(decodeConstant);
  });
  const [first = []] = columns;
  if (columns.some((column) => column.length !== first.length)) {
    throw new UnsupportedError('shape of LOGICAL_CHUNK_GET');
  }
  const rows = first.map((_, row) => columns.flatMap((column) => column[row] ?? []));
  return { kind: 'values', rows, columns: decodeTypes(fields.list('chunk_types')) };
}

export function decodeEmptyResult(value: Json): LogicalPlan {
  const fields = new Fields(value, 'LOGICAL_EMPTY_RESULT', EMPTY_RESULT);
  fields.expectEmpty('children');
  return { kind: 'empty', columns: decodeTypes(fields.list('return_types')) };
}

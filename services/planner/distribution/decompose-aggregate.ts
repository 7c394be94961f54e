/**
 * How an aggregate is computed from parts: partial aggregates in every task, aggregates that merge them, and an
 * expression over the merged values. Only forms that give DuckDB's own type and value (doubles within rounding).
 */
import { assert } from '../../common/assert.ts';
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { type AggregateCall, type Expression } from '../logical/expression.ts';
import { isVolatile } from '../logical/expression-tree.ts';
import { AGGREGATE_METHODS } from './aggregate-table.ts';
import { castTo } from './columns.ts';

export interface Decomposition {
  /** Over the input of the aggregate; their results are the state columns. */
  readonly partial: readonly AggregateCall[];
  /** Over the state columns, one for each; of the same types, so that states can be merged again. */
  merge(state: readonly Expression[]): readonly AggregateCall[];
  /** Over the merged state columns. */
  finish(merged: readonly Expression[]): Expression;
}

const BLOB: ColumnType = { id: 'BLOB' };
const BOOLEAN: ColumnType = { id: 'BOOLEAN' };
const BIGINT: ColumnType = { id: 'BIGINT' };
const HUGEINT: ColumnType = { id: 'HUGEINT' };
const DOUBLE: ColumnType = { id: 'DOUBLE' };

/** The merged value is the same aggregate of the parts, and equal rows do not count twice. */
const IDEMPOTENT = new Set(['min', 'max', 'bool_and', 'bool_or', 'bit_and', 'bit_or', 'any_value']);
const EXTREMES = new Map([
  ...['arg_max', 'argmax', 'max_by', 'arg_max_null'].map((name) => [name, 'max'] as const),
  ...['arg_min', 'argmin', 'min_by', 'arg_min_null'].map((name) => [name, 'min'] as const),
]);

/** Undefined for what its rows have to be gathered for. */
export function decomposeAggregate(call: AggregateCall): Decomposition | undefined {
  if (IDEMPOTENT.has(call.name) && call.args.length === 1) {
    return selfMerging({ ...call, distinct: false, orderBy: [] });
  }
  if (EXTREMES.has(call.name)) return extremeDecomposition(call);
  if (call.distinct) return undefined;
  switch (AGGREGATE_METHODS.get(call.name)) {
    case 'state':
      return stateDecomposition(call);
    case 're-aggregate':
      return reAggregated({ ...call, orderBy: [] });
    default:
      return undefined;
  }
}

function reAggregated(call: AggregateCall): Decomposition | undefined {
  switch (call.name) {
    case 'count':
    case 'count_star':
    case 'regr_count':
      return countDecomposition(call);
    // NULL, not 0, of no rows.
    case 'count_if':
    case 'countif':
      return mergingBy('sum', call);
    case 'sum':
      return sumDecomposition(call);
    case 'avg':
    case 'mean':
      return averageDecomposition(call);
    case 'bitstring_agg':
      return mergingBy('bit_or', call);
    default:
      return call.args.length === 1 ? selfMerging(call) : undefined;
  }
}

/** All of them, or undefined when one cannot be computed from parts. */
export function decomposeAll(
  calls: readonly AggregateCall[],
): readonly Decomposition[] | undefined {
  const decompositions: Decomposition[] = [];
  for (const call of calls) {
    const decomposition = decomposeAggregate(call);
    if (decomposition === undefined) return undefined;
    decompositions.push(decomposition);
  }
  return decompositions;
}

/** The states of all decompositions stand side by side in `columns`. */
export function mergeAll(
  decompositions: readonly Decomposition[],
  columns: readonly Expression[],
): readonly AggregateCall[] {
  return perDecomposition(decompositions, columns).flatMap(([decomposition, state]) =>
    decomposition.merge(state),
  );
}

/** The aggregates' values, from merged states side by side in `columns`. */
export function finishAll(
  decompositions: readonly Decomposition[],
  columns: readonly Expression[],
): readonly Expression[] {
  return perDecomposition(decompositions, columns).map(([decomposition, state]) =>
    decomposition.finish(state),
  );
}

function perDecomposition(
  decompositions: readonly Decomposition[],
  columns: readonly Expression[],
): readonly (readonly [Decomposition, readonly Expression[]])[] {
  let next = 0;
  return decompositions.map((decomposition) => {
    const state = columns.slice(next, next + decomposition.partial.length);
    next += decomposition.partial.length;
    return [decomposition, state];
  });
}

function selfMerging(call: AggregateCall): Decomposition | undefined {
  const [argument] = call.args;
  // The states of product and the sums are DOUBLE, which is their only argument type; the others keep theirs.
  if (argument === undefined || !sameColumnType(argument.type, call.type)) return undefined;
  return mergingBy(call.name, call);
}

/** Parts of the aggregate's own type, merged by an aggregate of that type. */
function mergingBy(name: string, call: AggregateCall): Decomposition {
  return {
    partial: [call],
    merge: (state) => state.map((column) => aggregateOf(name, column, call.type)),
    finish: onlyColumn,
  };
}

function countDecomposition(call: AggregateCall): Decomposition {
  return {
    partial: [call],
    merge: (state) => state.map(addCounts),
    finish: (merged) => countOf(onlyColumn(merged), call.type),
  };
}

/** DuckDB's own state; the empty one, of no rows, is a state as well. */
function stateDecomposition(call: AggregateCall): Decomposition {
  const aggregate = { name: call.name, argTypes: call.args.map(({ type }) => type) };
  return {
    partial: [{ ...call, type: BLOB, orderBy: [], state: { kind: 'export' } }],
    merge: (states) =>
      states.map((column) => ({
        ...aggregateOf(call.name, column, BLOB),
        state: { kind: 'merge', aggregate },
      })),
    finish: (merged) => ({
      kind: 'finalized-state',
      type: call.type,
      aggregate,
      child: onlyColumn(merged),
    }),
  };
}

/**
 * The value beside the greatest or least key, and that key; which of several equal keys' values is free. An order
 * among them is one of all rows.
 */
function extremeDecomposition(call: AggregateCall): Decomposition | undefined {
  const [value, key, ...others] = call.args;
  const extreme = EXTREMES.get(call.name);
  if (value === undefined || key === undefined || extreme === undefined) return undefined;
  if (others.length > 0 || call.orderBy.length > 0 || call.args.some(isVolatile)) return undefined;
  const keyOf: AggregateCall = {
    ...aggregateOf(extreme, key, key.type),
    ...keyFilter(call, value),
  };
  return {
    partial: [{ ...call, distinct: false }, keyOf],
    merge: ([values, keys]) => [
      {
        ...aggregateOf(call.name, present(values), call.type),
        args: [present(values), present(keys)],
      },
      aggregateOf(extreme, present(keys), key.type),
    ],
    finish: ([merged]) => present(merged),
  };
}

/** Rows whose value is NULL do not count, but to `…_null`. */
function keyFilter(call: AggregateCall, value: Expression): Pick<AggregateCall, 'filter'> {
  const filters: Expression[] = call.filter === undefined ? [] : [call.filter];
  if (!call.name.endsWith('_null')) {
    filters.push({ kind: 'null-test', type: BOOLEAN, child: value, isNegated: true });
  }
  const [filter, other] = filters;
  if (filter === undefined) return {};
  if (other === undefined) return { filter };
  return { filter: { kind: 'conjunction', type: BOOLEAN, operator: 'AND', children: filters } };
}

function sumDecomposition(call: AggregateCall): Decomposition | undefined {
  const total = sumOf(call);
  if (total === undefined || !sameColumnType(total.type, call.type)) return undefined;
  return {
    partial: [total],
    merge: (state) => state.map((column) => aggregateOf('sum', column, total.type)),
    finish: onlyColumn,
  };
}

/** DuckDB's avg is the exact sum divided, as doubles, by the count. */
function averageDecomposition(call: AggregateCall): Decomposition | undefined {
  const total = sumOf(call);
  if (total === undefined || call.type.id !== 'DOUBLE') return undefined;
  const count: AggregateCall = { ...call, name: 'count', type: BIGINT, orderBy: [] };
  return {
    partial: [total, count],
    merge: (state) =>
      state.map((column, index) =>
        index === 0 ? aggregateOf('sum', column, total.type) : addCounts(column),
      ),
    finish: ([sum, rows]) => divide(present(sum), present(rows)),
  };
}

/**
 * DuckDB divides the unscaled integer of a decimal sum by `count × 10^scale`, which rounds once. Rounding the
 * product gives that integer back, as long as a double can hold it.
 */
function divide(sum: Expression, rows: Expression): Expression {
  const [total, count] = [castTo(sum, DOUBLE), castTo(rows, DOUBLE)];
  const scale = sum.type.id === 'DECIMAL' ? sum.type.scale : 0;
  if (scale === 0) return doubleCall('/', [total, count]);
  const factor: Expression = { kind: 'constant', type: DOUBLE, value: 10 ** scale };
  const unscaled = doubleCall('round', [doubleCall('*', [total, factor])]);
  return doubleCall('/', [unscaled, doubleCall('*', [count, factor])]);
}

function doubleCall(name: string, args: readonly Expression[]): Expression {
  return { kind: 'function', type: DOUBLE, name, args, isVolatile: false };
}

/** sum over the same rows; undefined for types that DuckDB does not add up exactly, or not as sums of sums. */
function sumOf(call: AggregateCall): AggregateCall | undefined {
  const [argument] = call.args;
  const type = argument === undefined ? undefined : sumType(argument.type);
  if (type === undefined || call.args.length !== 1) return undefined;
  return { ...call, name: 'sum', type, orderBy: [] };
}

function sumType(argument: ColumnType): ColumnType | undefined {
  switch (argument.id) {
    case 'BOOLEAN':
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
    case 'HUGEINT':
      return HUGEINT;
    case 'BIGNUM':
      return argument;
    case 'DECIMAL':
      return { id: 'DECIMAL', width: 38, scale: argument.scale };
    case 'FLOAT':
    case 'DOUBLE':
      return DOUBLE;
    default:
      return undefined;
  }
}

/** Counts are added up as BIGINT: an overflow there would be one of rows. */
function addCounts(column: Expression): AggregateCall {
  return aggregateOf('sum', column, HUGEINT);
}

function countOf(sum: Expression, type: ColumnType): Expression {
  const zero: Expression = { kind: 'constant', type: HUGEINT, value: 0n };
  const total: Expression = { kind: 'coalesce', type: HUGEINT, children: [sum, zero] };
  return castTo(total, type);
}

function aggregateOf(name: string, column: Expression, type: ColumnType): AggregateCall {
  return {
    kind: 'aggregate',
    type,
    name,
    args: [column],
    distinct: false,
    orderBy: [],
  };
}

function onlyColumn([column]: readonly Expression[]): Expression {
  return present(column);
}

function present(column: Expression | undefined): Expression {
  assert(column !== undefined, 'an aggregate has all of its state');
  return column;
}

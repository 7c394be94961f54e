import { sameColumnType } from '../../common/plan/column-type.ts';
import {
  type Expression,
  type FrameBound,
  type SortKey,
  type WindowCall,
  type WindowFrame,
} from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeAggregateFunction } from './decode-aggregate.ts';
import { decodeExpression, decodeExpressions, decodeSortKeys, oneOf } from './decode-expression.ts';
import { CALL } from './decode-function.ts';
import { decodeType } from './decode-type.ts';
import { fieldSet, Fields } from './fields.ts';
import { type Json } from './json-reader.ts';
import { type Scope } from './scope.ts';

const WINDOW = fieldSet(
  'partitions orders filters ignore_nulls start end start_expr end_expr offset_expr default_expr ' +
    'exclude_clause distinct arg_orders',
  CALL,
);

const WINDOW_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['WINDOW_RANK', 'rank'],
  ['WINDOW_RANK_DENSE', 'dense_rank'],
  ['WINDOW_NTILE', 'ntile'],
  ['WINDOW_PERCENT_RANK', 'percent_rank'],
  ['WINDOW_CUME_DIST', 'cume_dist'],
  ['WINDOW_ROW_NUMBER', 'row_number'],
  ['WINDOW_FIRST_VALUE', 'first_value'],
  ['WINDOW_LAST_VALUE', 'last_value'],
  ['WINDOW_LEAD', 'lead'],
  ['WINDOW_LAG', 'lag'],
  ['WINDOW_NTH_VALUE', 'nth_value'],
  ['WINDOW_FILL', 'fill'],
]);

const EXCLUSIONS: Readonly<Record<string, WindowFrame['exclude']>> = {
  NO_OTHER: 'NO OTHERS',
  CURRENT_ROW: 'CURRENT ROW',
  GROUP: 'GROUP',
  TIES: 'TIES',
};

/** A BOUND_WINDOW. */
export function decodeWindow(value: Json, scope: Scope): WindowCall {
  const fields = new Fields(value, 'BOUND_WINDOW', WINDOW);
  const orderBy = decodeSortKeys(fields.list('orders'), scope);
  const filter = fields.json('filters');
  return {
    kind: 'window',
    ...decodeCall(fields, scope),
    partitionBy: decodeExpressions(fields.list('partitions'), scope),
    orderBy,
    frame: decodeFrame(fields, orderBy, scope),
    ignoreNulls: fields.flag('ignore_nulls'),
    distinct: fields.flag('distinct'),
    ...(filter === null ? {} : { filter: decodeExpression(filter, scope) }),
    argOrderBy: decodeSortKeys(fields.list('arg_orders'), scope),
  };
}

function decodeCall(
  fields: Fields,
  scope: Scope,
): Pick<WindowCall, 'name' | 'isAggregate' | 'args' | 'type'> {
  const windowType = fields.text('type');
  if (windowType === 'WINDOW_AGGREGATE') {
    fields.expectEmpty('offset_expr');
    fields.expectEmpty('default_expr');
    return { isAggregate: true, ...decodeAggregateFunction(fields, scope) };
  }
  const name = WINDOW_FUNCTIONS.get(windowType);
  if (name === undefined) throw new UnsupportedError(`window function ${windowType}`);
  const args = [...decodeExpressions(fields.list('children'), scope)];
  const offset = fields.json('offset_expr');
  const otherwise = fields.json('default_expr');
  if (offset !== null) args.push(decodeExpression(offset, scope));
  if (otherwise !== null) {
    if (offset === null) throw new UnsupportedError(`default of ${name} without an offset`);
    args.push(decodeExpression(otherwise, scope));
  }
  return { name, isAggregate: false, args, type: decodeType(fields.json('return_type')) };
}

function decodeFrame(fields: Fields, orderBy: readonly SortKey[], scope: Scope): WindowFrame {
  const bounds = (['start', 'end'] as const).map((side) => {
    const { kind, unit } = oneOf(fields, side, BOUNDARIES);
    const value = fields.json(`${side}_expr`);
    if (kind !== 'preceding' && kind !== 'following') {
      fields.expectEmpty(`${side}_expr`);
      return { unit, bound: { kind } };
    }
    if (value === null) throw new UnsupportedError(`${side} of a window frame`);
    const offset = decodeExpression(value, scope);
    const bound: FrameBound = {
      kind,
      offset: unit === 'RANGE' ? rangeOffset(offset, kind, orderBy[0]) : offset,
    };
    return { unit, bound };
  });
  const [start, end] = bounds;
  if (start === undefined || end === undefined) throw new UnsupportedError('window frame');
  if (start.unit !== undefined && end.unit !== undefined && start.unit !== end.unit) {
    throw new UnsupportedError('window frame of two units');
  }
  return {
    unit: start.unit ?? end.unit ?? 'ROWS',
    start: start.bound,
    end: end.bound,
    exclude: oneOf(fields, 'exclude_clause', EXCLUSIONS),
  };
}

/** Bounds as DuckDB names them; an unbounded one has no unit of its own. */
const BOUNDARIES: Readonly<
  Record<
    string,
    { readonly kind: FrameBound['kind']; readonly unit: WindowFrame['unit'] | undefined }
  >
> = {
  UNBOUNDED_PRECEDING: { kind: 'unbounded-preceding', unit: undefined },
  UNBOUNDED_FOLLOWING: { kind: 'unbounded-following', unit: undefined },
  CURRENT_ROW_RANGE: { kind: 'current-row', unit: 'RANGE' },
  CURRENT_ROW_ROWS: { kind: 'current-row', unit: 'ROWS' },
  CURRENT_ROW_GROUPS: { kind: 'current-row', unit: 'GROUPS' },
  EXPR_PRECEDING_ROWS: { kind: 'preceding', unit: 'ROWS' },
  EXPR_FOLLOWING_ROWS: { kind: 'following', unit: 'ROWS' },
  EXPR_PRECEDING_RANGE: { kind: 'preceding', unit: 'RANGE' },
  EXPR_FOLLOWING_RANGE: { kind: 'following', unit: 'RANGE' },
  EXPR_PRECEDING_GROUPS: { kind: 'preceding', unit: 'GROUPS' },
  EXPR_FOLLOWING_GROUPS: { kind: 'following', unit: 'GROUPS' },
};

/**
 * The binder turns `RANGE n PRECEDING` into the bound itself, `key - n` (`key + n` where the order descends);
 * SQL wants the n back. Casts between key, sum and n are the binder's and come again when it is rebound.
 */
function rangeOffset(
  bound: Expression,
  kind: 'preceding' | 'following',
  key: SortKey | undefined,
): Expression {
  const sum = bound.kind === 'cast' ? bound.child : bound;
  const subtracts = key !== undefined && (kind === 'preceding') !== key.descending;
  if (sum.kind !== 'function' || sum.name !== (subtracts ? '-' : '+')) {
    throw new UnsupportedError('RANGE frame with a computed bound');
  }
  const [base, offset] = sum.args;
  if (base === undefined || offset === undefined || !isKey(base, key)) {
    throw new UnsupportedError('RANGE frame with a computed bound');
  }
  return offset;
}

function isKey(base: Expression, key: SortKey | undefined): boolean {
  const [column, keyColumn] = [stripCast(base), key && stripCast(key.expression)];
  return (
    column.kind === 'column' &&
    keyColumn?.kind === 'column' &&
    column.index === keyColumn.index &&
    sameColumnType(column.type, keyColumn.type)
  );
}

function stripCast(expression: Expression): Expression {
  return expression.kind === 'cast' && !expression.isTry ? expression.child : expression;
}

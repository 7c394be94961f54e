import { type ColumnType } from '../../common/plan/column-type.ts';
import { type AggregateCall, type Expression } from '../logical/expression.ts';
import { decodeExpression, decodeExpressions, decodeSortKeys, oneOf } from './decode-expression.ts';
import { AGGREGATE, decodeCatalogName } from './decode-function.ts';
import { decodeHiddenArguments } from './decode-hidden-arguments.ts';
import { decodeType } from './decode-type.ts';
import { fieldSet, Fields } from './fields.ts';
import { type Json } from './json-reader.ts';
import { type Scope } from './scope.ts';

const ORDER_MODIFIER = fieldSet('type orders');

/** A BOUND_AGGREGATE. */
export function decodeAggregate(value: Json, scope: Scope): AggregateCall {
  const fields = new Fields(value, 'BOUND_AGGREGATE', AGGREGATE);
  const filter = fields.json('filter');
  return {
    kind: 'aggregate',
    ...decodeAggregateFunction(fields, scope),
    distinct: oneOf(fields, 'aggregate_type', { DISTINCT: true, NON_DISTINCT: false }),
    ...(filter === null ? {} : { filter: decodeExpression(filter, scope) }),
    orderBy: decodeOrderModifier(fields.json('order_bys'), scope),
  };
}

/** Function, arguments and type of an aggregate, also where it is called as a window function. */
export function decodeAggregateFunction(
  fields: Fields,
  scope: Scope,
): { readonly name: string; readonly args: readonly Expression[]; readonly type: ColumnType } {
  const name = decodeCatalogName(fields);
  const args = decodeExpressions(fields.list('children'), scope);
  const type = decodeType(fields.json('return_type'));
  if (!fields.flag('has_serialize')) return { name, args, type };
  return { name, args: [...args, ...decodeHiddenArguments(name, fields)], type };
}

function decodeOrderModifier(value: Json, scope: Scope): AggregateCall['orderBy'] {
  if (value === null) return [];
  return decodeSortKeys(
    new Fields(value, 'ORDER BY of an aggregate', ORDER_MODIFIER).list('orders'),
    scope,
  );
}

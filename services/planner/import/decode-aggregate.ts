import { type ColumnType } from '../../common/plan/column-type.ts';
import { type AggregateCall, type Constant, type Expression } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeExpression, decodeExpressions, decodeSortKeys, oneOf } from './decode-expression.ts';
import { CALL, decodeCatalogName } from './decode-function.ts';
import { decodeType } from './decode-type.ts';
import { decodeConstant } from './decode-value.ts';
import { fieldSet, Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';
import { type Scope } from './scope.ts';

const AGGREGATE = fieldSet('aggregate_type filter order_bys', CALL);
const ORDER_MODIFIER = fieldSet('type orders');
const SEPARATOR_DATA = fieldSet('separator');
const QUANTILE_DATA = fieldSet('quantiles order desc');
const APPROX_QUANTILE_DATA = fieldSet('quantiles');
const BITSTRING_DATA = fieldSet('min max');
const NO_DATA = new Set<string>();

/**
 * Arguments that the binder moved into function_data, as constants again. Keyed by the function's name; other
 * aggregates with function_data are unsupported.
 */
const HIDDEN_ARGS: ReadonlyMap<string, (data: Json, fields: Fields) => readonly Constant[]> =
  new Map([
    ['string_agg', decodeSeparator],
    ['group_concat', decodeSeparator],
    ['listagg', decodeSeparator],
    ['quantile_cont', decodeQuantiles],
    ['quantile_disc', decodeQuantiles],
    ['approx_quantile', decodeApproxQuantiles],
    ['median', decodeMedian],
    ['bitstring_agg', decodeBitRange],
    ['sum', decodeNothing],
  ]);

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
  const decodeHidden = HIDDEN_ARGS.get(name);
  if (decodeHidden === undefined) throw new UnsupportedError(`function_data of ${name}`);
  return { name, args: [...args, ...decodeHidden(fields.json('function_data'), fields)], type };
}

function decodeOrderModifier(value: Json, scope: Scope): AggregateCall['orderBy'] {
  if (value === null) return [];
  return decodeSortKeys(
    new Fields(value, 'ORDER BY of an aggregate', ORDER_MODIFIER).list('orders'),
    scope,
  );
}

function decodeSeparator(data: Json): readonly Constant[] {
  const separator = new Fields(data, 'string_agg data', SEPARATOR_DATA).text('separator');
  return [{ kind: 'constant', type: { id: 'VARCHAR' }, value: separator }];
}

function decodeQuantiles(data: Json, fields: Fields): readonly Constant[] {
  const quantiles = new Fields(data, `${fields.where} data`, QUANTILE_DATA);
  const values = quantiles.list('quantiles').map(decodeConstant);
  const signed = quantiles.flag('desc') ? values.map(negate) : values;
  return [asListed(signed, fields)];
}

/** Its one fraction, 0.5, is in the name. */
function decodeMedian(data: Json): readonly Constant[] {
  void new Fields(data, 'median data', QUANTILE_DATA);
  return [];
}

/** DuckDB stores a descending quantile (WITHIN GROUP … DESC) as its magnitude; SQL writes it as a negative one. */
function negate(constant: Constant): Constant {
  const { value } = constant;
  if (typeof value === 'bigint' && value > 0n) return { ...constant, value: -value };
  if (typeof value === 'number' && value > 0) return { ...constant, value: -value };
  throw new UnsupportedError('descending quantile of 0');
}

function decodeApproxQuantiles(data: Json, fields: Fields): readonly Constant[] {
  const quantiles = new Fields(data, `${fields.where} data`, APPROX_QUANTILE_DATA).list(
    'quantiles',
  );
  const values = quantiles.map((value): Constant => {
    if (typeof value !== 'number') throw new UnsupportedError('function_data of approx_quantile');
    return { kind: 'constant', type: { id: 'FLOAT' }, value };
  });
  return [asListed(values, fields)];
}

/** One fraction, or a list of them where the call was made with a list. */
function asListed(values: readonly Constant[], fields: Fields): Constant {
  const [first] = values;
  if (first === undefined) throw new UnsupportedError(`function_data of ${fields.text('name')}`);
  if (!takesList(fields)) {
    if (values.length > 1) throw new UnsupportedError(`function_data of ${fields.text('name')}`);
    return first;
  }
  const children = values.map((value) => value.value);
  return {
    kind: 'constant',
    type: { id: 'LIST', child: first.type },
    value: { kind: 'nested', children },
  };
}

function takesList(fields: Fields): boolean {
  const fraction = fields.list('original_arguments')[1];
  return isJsonObject(fraction) && (fraction['id'] === 'LIST' || fraction['id'] === 'ARRAY');
}

function decodeBitRange(data: Json): readonly Constant[] {
  const range = new Fields(data, 'bitstring_agg data', BITSTRING_DATA);
  const bounds = [decodeConstant(range.json('min')), decodeConstant(range.json('max'))];
  return bounds.every((bound) => bound.value === null) ? [] : bounds;
}

function decodeNothing(data: Json): readonly Constant[] {
  void new Fields(data, 'sum data', NO_DATA);
  return [];
}

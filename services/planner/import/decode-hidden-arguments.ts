import { type Constant } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeConstant } from './decode-value.ts';
import { bigintOf, fieldSet, Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';

const SEPARATOR_DATA = fieldSet('separator');
const QUANTILE_DATA = fieldSet('quantiles order desc');
const APPROX_QUANTILE_DATA = fieldSet('quantiles');
const RESERVOIR_DATA = fieldSet('quantiles sample_size');
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
    ['reservoir_quantile', decodeReservoirQuantiles],
    ['median', decodeMedian],
    ['bitstring_agg', decodeBitRange],
    ['sum', decodeNothing],
  ]);

/** The arguments of an aggregate, whose fields are given, that only its function_data holds. */
export function decodeHiddenArguments(name: string, fields: Fields): readonly Constant[] {
  const decode = HIDDEN_ARGS.get(name);
  if (decode === undefined) throw new UnsupportedError(`function_data of ${name}`);
  return decode(fields.json('function_data'), fields);
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

function decodeReservoirQuantiles(data: Json, fields: Fields): readonly Constant[] {
  const reservoir = new Fields(data, `${fields.where} data`, RESERVOIR_DATA);
  const values = reservoir.list('quantiles').map((value): Constant => {
    const fraction = typeof value === 'bigint' ? Number(value) : value;
    if (typeof fraction !== 'number')
      throw new UnsupportedError('function_data of reservoir_quantile');
    return { kind: 'constant', type: { id: 'DOUBLE' }, value: fraction };
  });
  const size = bigintOf(reservoir.json('sample_size'), 'reservoir_quantile data');
  return [asListed(values, fields), { kind: 'constant', type: { id: 'INTEGER' }, value: size }];
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

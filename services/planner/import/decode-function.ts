import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeHiddenArguments } from './decode-hidden-arguments.ts';
import { decodeLambdaArgs, LAMBDA_FUNCTIONS } from './decode-lambda.ts';
import { decodeType } from './decode-type.ts';
import { fieldSet, Fields } from './fields.ts';
import { publicName, VOLATILE_FUNCTIONS } from './function-names.ts';
import { type Json } from './json-reader.ts';
import { type ExpressionDecoder, type Scope } from './scope.ts';

/** Fields of every expression. Aliases name result columns, which come from the binder; locations are for errors. */
export const EXPRESSION = fieldSet('expression_class type alias query_location');

/** Fields of everything that calls a function of the catalog. */
export const CALL = fieldSet(
  'return_type children name arguments original_arguments catalog_name schema_name has_serialize function_data',
  EXPRESSION,
);
/** Fields of an aggregate, where it stands by itself. */
export const AGGREGATE = fieldSet('aggregate_type filter order_bys', CALL);
const FUNCTION = fieldSet('is_operator', CALL);
const DECIMAL_DATA = fieldSet('check_overflow return_type arguments');
const RETURN_TYPE_DATA = fieldSet('variable_return_type');
const DATE_PART_DATA = fieldSet('stype part_codes');
const LIST_AGGREGATE_DATA = fieldSet('bind_data');
const LIST_AGGREGATE_BIND = fieldSet('stype aggr_expr');
const COLLATION_DATA = fieldSet('language country tag');
const COLLATION = /^icu_collate_/;
const NO_DATA = new Set<string>();

const LIST_AGGREGATES: ReadonlySet<string> = new Set([
  'list_aggregate',
  'list_aggr',
  'array_aggregate',
  'array_aggr',
  'aggregate',
  'list_distinct',
  'array_distinct',
  'list_unique',
  'array_unique',
]);

/**
 * Functions whose function_data says nothing that their arguments and result type do not say too; what there
 * is is checked, so that a new field is noticed.
 */
const REDUNDANT_DATA: ReadonlyMap<string, (data: Json) => void> = new Map([
  ...['+', 'add', '-', 'subtract', '*', 'multiply'].map(
    (name) => [name, (data: Json) => void new Fields(data, `${name} data`, DECIMAL_DATA)] as const,
  ),
  ...['struct_pack', 'row', 'struct_insert', 'union_value'].map(
    (name) =>
      [name, (data: Json) => void new Fields(data, `${name} data`, RETURN_TYPE_DATA)] as const,
  ),
  ['equi_width_bins', (data: Json) => void new Fields(data, 'equi_width_bins data', NO_DATA)],
]);

/** A BOUND_FUNCTION; `decode` decodes its arguments. */
export function decodeFunction(value: Json, scope: Scope, decode: ExpressionDecoder): Expression {
  const fields = new Fields(value, 'BOUND_FUNCTION', FUNCTION);
  const name = decodeCatalogName(fields);
  const type = decodeType(fields.json('return_type'));
  const args = fields.list('children').map((child) => decode(child, scope));
  const isVolatile = VOLATILE_FUNCTIONS.has(name);
  if (!fields.flag('has_serialize')) return { kind: 'function', type, name, args, isVolatile };

  const data = fields.json('function_data');
  if (LAMBDA_FUNCTIONS.has(name)) {
    const lambdaArgs = decodeLambdaArgs({ name, data, args }, decode);
    return { kind: 'function', type, name, args: lambdaArgs, isVolatile };
  }
  if (LIST_AGGREGATES.has(name)) {
    return {
      kind: 'function',
      type,
      name,
      args: [...args, ...hiddenInListAggregate(data)],
      isVolatile,
    };
  }
  if (name === 'date_part' || name === 'datepart') {
    void new Fields(data, 'date_part data', DATE_PART_DATA);
    return { kind: 'function', type, name, args: [datePartNames(type), ...args], isVolatile };
  }
  const check = COLLATION.test(name) ? checkCollation : REDUNDANT_DATA.get(name);
  if (check === undefined) throw new UnsupportedError(`function_data of ${name}`);
  check(data);
  return { kind: 'function', type, name, args, isVolatile };
}

/** The public name of a built-in function. */
export function decodeCatalogName(fields: Fields): string {
  fields.expectEmpty('catalog_name', ['system']);
  fields.expectEmpty('schema_name', ['main']);
  return publicName(fields.text('name'));
}

/** Language and country are in the function's name. */
function checkCollation(data: Json): void {
  new Fields(data, 'collation data', COLLATION_DATA).expectEmpty('tag');
}

/** What the aggregate inside hides, such as a separator: further arguments of the call. */
function hiddenInListAggregate(data: Json): readonly Expression[] {
  const bind = new Fields(data, 'list aggregate data', LIST_AGGREGATE_DATA).json('bind_data');
  const aggregate = new Fields(bind, 'list aggregate data', LIST_AGGREGATE_BIND).json('aggr_expr');
  const fields = new Fields(aggregate, 'a list aggregate', AGGREGATE);
  if (!fields.flag('has_serialize')) return [];
  return decodeHiddenArguments(decodeCatalogName(fields), fields);
}

/** `date_part` of a list of parts: they are the names of its result's fields. */
function datePartNames(type: ColumnType): Expression {
  if (type.id !== 'STRUCT') throw new UnsupportedError('function_data of date_part');
  return {
    kind: 'constant',
    type: { id: 'LIST', child: { id: 'VARCHAR' } },
    value: { kind: 'nested', children: type.fields.map(({ name }) => name) },
  };
}

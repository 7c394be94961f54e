import { type ColumnType } from '../../common/plan/column-type.ts';
import { type ComparisonOperator, type Expression, type SortKey } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeFunction, EXPRESSION } from './decode-function.ts';
import { decodeType } from './decode-type.ts';
import { decodeConstant } from './decode-value.ts';
import { fieldSet, Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';
import { type Scope } from './scope.ts';

export const BOOLEAN: ColumnType = { id: 'BOOLEAN' };

const REF = fieldSet('return_type index', EXPRESSION);
const CONSTANT = fieldSet('value', EXPRESSION);
const CAST = fieldSet('child return_type try_cast', EXPRESSION);
const COMPARISON = fieldSet('left right', EXPRESSION);
const CONJUNCTION = fieldSet('children', EXPRESSION);
const OPERATOR = fieldSet('return_type children', EXPRESSION);
const BETWEEN = fieldSet('input lower upper lower_inclusive upper_inclusive', EXPRESSION);
const CASE = fieldSet('return_type case_checks else_expr', EXPRESSION);
const CASE_CHECK = fieldSet('when_expr then_expr');
const UNNEST = fieldSet('return_type child', EXPRESSION);
const ORDER = fieldSet('type null_order expression');

const COMPARISONS: ReadonlyMap<string, ComparisonOperator> = new Map([
  ['COMPARE_EQUAL', '='],
  ['COMPARE_NOTEQUAL', '<>'],
  ['COMPARE_LESSTHAN', '<'],
  ['COMPARE_LESSTHANOREQUALTO', '<='],
  ['COMPARE_GREATERTHAN', '>'],
  ['COMPARE_GREATERTHANOREQUALTO', '>='],
  ['COMPARE_DISTINCT_FROM', 'IS DISTINCT FROM'],
  ['COMPARE_NOT_DISTINCT_FROM', 'IS NOT DISTINCT FROM'],
]);

export function decodeExpression(value: Json, scope: Scope): Expression {
  const expressionClass = isJsonObject(value) ? value['expression_class'] : undefined;
  switch (expressionClass) {
    case 'BOUND_REF': {
      const fields = new Fields(value, expressionClass, REF);
      return scope(fields.index('index'), decodeType(fields.json('return_type')));
    }
    case 'BOUND_CONSTANT':
      return decodeConstant(new Fields(value, expressionClass, CONSTANT).json('value'));
    case 'BOUND_FUNCTION':
      return decodeFunction(value, scope, decodeExpression);
    case 'BOUND_CAST': {
      const fields = new Fields(value, expressionClass, CAST);
      const type = decodeType(fields.json('return_type'));
      const child = decodeExpression(fields.json('child'), scope);
      return { kind: 'cast', type, child, isTry: fields.flag('try_cast') };
    }
    case 'BOUND_COMPARISON':
      return decodeComparison(new Fields(value, expressionClass, COMPARISON), scope);
    case 'BOUND_CONJUNCTION':
      return decodeConjunction(new Fields(value, expressionClass, CONJUNCTION), scope);
    case 'BOUND_OPERATOR':
      return decodeOperator(new Fields(value, expressionClass, OPERATOR), scope);
    case 'BOUND_BETWEEN':
      return decodeBetween(new Fields(value, expressionClass, BETWEEN), scope);
    case 'BOUND_CASE':
      return decodeCase(new Fields(value, expressionClass, CASE), scope);
    case 'BOUND_UNNEST': {
      const fields = new Fields(value, expressionClass, UNNEST);
      const type = decodeType(fields.json('return_type'));
      return { kind: 'unnest', type, child: decodeExpression(fields.json('child'), scope) };
    }
    default:
      throw new UnsupportedError(`expression ${String(expressionClass)}`);
  }
}

export function decodeExpressions(values: readonly Json[], scope: Scope): readonly Expression[] {
  return values.map((value) => decodeExpression(value, scope));
}

export function decodeComparisonOperator(name: string): ComparisonOperator {
  const operator = COMPARISONS.get(name);
  if (operator === undefined) throw new UnsupportedError(`comparison ${name}`);
  return operator;
}

export function decodeSortKeys(values: readonly Json[], scope: Scope): readonly SortKey[] {
  return values.map((value) => {
    const fields = new Fields(value, 'a sort key', ORDER);
    return {
      expression: decodeExpression(fields.json('expression'), scope),
      descending: oneOf(fields, 'type', { ASCENDING: false, DESCENDING: true }),
      nullsFirst: oneOf(fields, 'null_order', { 'NULLS FIRST': true, 'NULLS LAST': false }),
    };
  });
}

/** The meaning of an enumerated field; a value without one is unsupported. */
export function oneOf<T>(fields: Fields, name: string, meanings: Readonly<Record<string, T>>): T {
  const value = fields.text(name);
  const meaning = Object.hasOwn(meanings, value) ? meanings[value] : undefined;
  if (meaning === undefined) throw new UnsupportedError(`${name} ${value} of ${fields.where}`);
  return meaning;
}

function decodeComparison(fields: Fields, scope: Scope): Expression {
  return {
    kind: 'comparison',
    type: BOOLEAN,
    operator: decodeComparisonOperator(fields.text('type')),
    left: decodeExpression(fields.json('left'), scope),
    right: decodeExpression(fields.json('right'), scope),
  };
}

function decodeConjunction(fields: Fields, scope: Scope): Expression {
  return {
    kind: 'conjunction',
    type: BOOLEAN,
    operator: oneOf(fields, 'type', { CONJUNCTION_AND: 'AND', CONJUNCTION_OR: 'OR' }),
    children: decodeExpressions(fields.list('children'), scope),
  };
}

function decodeOperator(fields: Fields, scope: Scope): Expression {
  const type = decodeType(fields.json('return_type'));
  const children = decodeExpressions(fields.list('children'), scope);
  const [child, ...others] = children;
  const operator = fields.text('type');
  if (child === undefined) throw new UnsupportedError(`operator ${operator} without operands`);
  switch (operator) {
    case 'OPERATOR_NOT':
      return { kind: 'not', type, child };
    case 'OPERATOR_IS_NULL':
    case 'OPERATOR_IS_NOT_NULL':
      return { kind: 'null-test', type, child, isNegated: operator === 'OPERATOR_IS_NOT_NULL' };
    case 'COMPARE_IN':
    case 'COMPARE_NOT_IN':
      return {
        kind: 'in-list',
        type,
        child,
        values: others,
        isNegated: operator === 'COMPARE_NOT_IN',
      };
    case 'OPERATOR_COALESCE':
      return { kind: 'coalesce', type, children };
    case 'OPERATOR_TRY':
      return { kind: 'try', type, child };
    default:
      throw new UnsupportedError(`operator ${operator}`);
  }
}

function decodeBetween(fields: Fields, scope: Scope): Expression {
  return {
    kind: 'between',
    type: BOOLEAN,
    child: decodeExpression(fields.json('input'), scope),
    lower: decodeExpression(fields.json('lower'), scope),
    upper: decodeExpression(fields.json('upper'), scope),
    lowerInclusive: fields.flag('lower_inclusive'),
    upperInclusive: fields.flag('upper_inclusive'),
  };
}

function decodeCase(fields: Fields, scope: Scope): Expression {
  const branches = fields.list('case_checks').map((value) => {
    const check = new Fields(value, 'BOUND_CASE', CASE_CHECK);
    return {
      when: decodeExpression(check.json('when_expr'), scope),
      then: decodeExpression(check.json('then_expr'), scope),
    };
  });
  const otherwise = decodeExpression(fields.json('else_expr'), scope);
  return { kind: 'case', type: decodeType(fields.json('return_type')), branches, otherwise };
}

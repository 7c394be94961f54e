import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { BOOLEAN, decodeComparisonOperator, decodeExpression } from './decode-expression.ts';
import { decodeConstant } from './decode-value.ts';
import { fieldSet, Fields } from './fields.ts';
import { isJsonObject, type Json } from './json-reader.ts';

const NULL_TEST = fieldSet('filter_type');
const COMPARISON = fieldSet('filter_type comparison_type constant');
const CONJUNCTION = fieldSet('filter_type child_filters');
const IN_LIST = fieldSet('filter_type values');
const STRUCT = fieldSet('filter_type child_idx child_name child_filter');
const EXPRESSION = fieldSet('filter_type expr');

/**
 * A filter that the optimizer pushed into a scan, as a predicate on `column`. `undefined` = carries no meaning
 * of its own: OPTIONAL_FILTER repeats in cheaper form what a filter or join above decides, DYNAMIC_FILTER is
 * filled while the query runs.
 */
export function decodeTableFilter(value: Json, column: Expression): Expression | undefined {
  const filterType = isJsonObject(value) ? value['filter_type'] : undefined;
  switch (filterType) {
    case 'OPTIONAL_FILTER':
    case 'DYNAMIC_FILTER':
      return undefined;
    case 'IS_NULL':
    case 'IS_NOT_NULL':
      void new Fields(value, filterType, NULL_TEST);
      return {
        kind: 'null-test',
        type: BOOLEAN,
        child: column,
        isNegated: filterType === 'IS_NOT_NULL',
      };
    case 'CONSTANT_COMPARISON':
      return decodeComparison(new Fields(value, filterType, COMPARISON), column);
    case 'CONJUNCTION_AND':
    case 'CONJUNCTION_OR':
      return decodeConjunction(new Fields(value, filterType, CONJUNCTION), column);
    case 'IN_FILTER': {
      const values = new Fields(value, filterType, IN_LIST).list('values').map(decodeConstant);
      return { kind: 'in-list', type: BOOLEAN, child: column, values, isNegated: false };
    }
    case 'STRUCT_EXTRACT':
      return decodeStructFilter(new Fields(value, filterType, STRUCT), column);
    case 'EXPRESSION_FILTER':
      return decodeExpression(new Fields(value, filterType, EXPRESSION).json('expr'), (index) => {
        if (index !== 0) throw new UnsupportedError('column reference of EXPRESSION_FILTER');
        return column;
      });
    default:
      throw new UnsupportedError(`table filter ${String(filterType)}`);
  }
}

function decodeComparison(fields: Fields, column: Expression): Expression {
  return {
    kind: 'comparison',
    type: BOOLEAN,
    operator: decodeComparisonOperator(fields.text('comparison_type')),
    left: column,
    right: decodeConstant(fields.json('constant')),
  };
}

function decodeConjunction(fields: Fields, column: Expression): Expression | undefined {
  const children = fields.list('child_filters').map((child) => decodeTableFilter(child, column));
  const present = children.filter((child) => child !== undefined);
  const isAnd = fields.text('filter_type') === 'CONJUNCTION_AND';
  // A filter without meaning lets every row pass: it falls out of an AND and makes an OR meaningless.
  if (!isAnd && present.length < children.length) return undefined;
  if (present.length <= 1) return present[0];
  return { kind: 'conjunction', type: BOOLEAN, operator: isAnd ? 'AND' : 'OR', children: present };
}

function decodeStructFilter(fields: Fields, column: Expression): Expression | undefined {
  const member = memberOf(column.type, fields.index('child_idx'));
  const field: Expression = {
    kind: 'function',
    type: member,
    name: 'struct_extract',
    args: [column, { kind: 'constant', type: { id: 'VARCHAR' }, value: fields.text('child_name') }],
    isVolatile: false,
  };
  return decodeTableFilter(fields.json('child_filter'), field);
}

function memberOf(type: ColumnType, position: number): ColumnType {
  const member = type.id === 'STRUCT' ? type.fields[position] : undefined;
  if (member === undefined) throw new UnsupportedError('STRUCT_EXTRACT of another type');
  return member.type;
}

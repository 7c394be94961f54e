/** Partial aggregates of single rows, without aggregating: what a merge makes of them is the same. */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type AggregateCall, type Expression } from '../logical/expression.ts';
import { castTo } from './columns.ts';

const BOOLEAN: ColumnType = { id: 'BOOLEAN' };
const BIGINT: ColumnType = { id: 'BIGINT' };

/** Of one row: its argument, as the type of the aggregate. */
const OF_ARGUMENT = new Set(
  (
    'sum fsum sumkahan kahan_sum product count_if countif min max any_value bool_and bool_or bit_and bit_or bit_xor ' +
    'arg_max argmax max_by arg_max_null arg_min argmin min_by arg_min_null'
  ).split(' '),
);

/** Undefined for states that only DuckDB itself can make. */
export function rowState(call: AggregateCall): Expression | undefined {
  const { args, filter, type } = call;
  if (call.state !== undefined || call.distinct || call.orderBy.length > 0) return undefined;
  const [argument] = args;
  switch (call.name) {
    case 'count_star':
      return castTo(oneIf(filter === undefined ? [] : [filter]), type);
    case 'count':
    case 'regr_count':
      return castTo(
        oneIf([...(filter === undefined ? [] : [filter]), ...args.map(isPresent)]),
        type,
      );
    default:
      if (argument === undefined || !OF_ARGUMENT.has(call.name)) return undefined;
      return onlyIf(filter, castTo(argument, type));
  }
}

function oneIf(conditions: readonly Expression[]): Expression {
  const [first, ...others] = conditions;
  if (first === undefined) return count(1n);
  const when: Expression =
    others.length === 0
      ? first
      : { kind: 'conjunction', type: BOOLEAN, operator: 'AND', children: conditions };
  return {
    kind: 'case',
    type: BIGINT,
    branches: [{ when, then: count(1n) }],
    otherwise: count(0n),
  };
}

function onlyIf(filter: Expression | undefined, then: Expression): Expression {
  if (filter === undefined) return then;
  const otherwise: Expression = { kind: 'constant', type: then.type, value: null };
  return { kind: 'case', type: then.type, branches: [{ when: filter, then }], otherwise };
}

function isPresent(child: Expression): Expression {
  return { kind: 'null-test', type: BOOLEAN, child, isNegated: true };
}

function count(value: bigint): Expression {
  return { kind: 'constant', type: BIGINT, value };
}

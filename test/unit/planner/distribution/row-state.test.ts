import { describe, expect, it } from 'vitest';
import { rowState } from '../../../../services/planner/distribution/row-state.ts';
import type { AggregateCall, Expression } from '../../../../services/planner/logical/expression.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  DOUBLE,
  VARCHAR,
} from '../../../support/logical-plan-builders.ts';

const BOOLEAN = { id: 'BOOLEAN' } as const;
const filter: Expression = column(5, BOOLEAN);
const isPresent = { kind: 'null-test', child: column(0), isNegated: true };

describe('the state of one row', () => {
  it('counts the row, or the value that is there', () => {
    expect(rowState(aggregateCall('count_star', []))).toMatchObject({ value: 1n, type: BIGINT });
    expect(rowState(aggregateCall('count', [column(0)]))).toMatchObject({
      branches: [{ when: isPresent, then: { value: 1n } }],
      otherwise: { value: 0n },
    });
  });

  it('is the value, in the type of the sum', () => {
    const total = aggregateCall('sum', [column(0)], { type: { id: 'HUGEINT' } });
    expect(rowState(total)).toMatchObject({
      kind: 'cast',
      type: { id: 'HUGEINT' },
      child: column(0),
    });
    expect(rowState(aggregateCall('max', [column(0)]))).toEqual(column(0));
  });

  it('is that of no row where the filter is not true', () => {
    expect(rowState(aggregateCall('count_star', [], { filter }))).toMatchObject({
      branches: [{ when: filter, then: { value: 1n } }],
      otherwise: { value: 0n },
    });
    expect(rowState(aggregateCall('count', [column(0)], { filter }))).toMatchObject({
      branches: [{ when: { operator: 'AND', children: [filter, isPresent] } }],
    });
    expect(rowState(aggregateCall('max', [column(0)], { filter }))).toMatchObject({
      branches: [{ when: filter, then: column(0) }],
      otherwise: { value: null, type: BIGINT },
    });
  });

  it.each<[string, AggregateCall]>([
    ['a state of DuckDB', aggregateCall('stddev', [column(0)], { state: { kind: 'export' } })],
    ['DISTINCT', aggregateCall('count', [column(0)], { distinct: true })],
    ['a list', aggregateCall('list', [column(0)])],
    ['text of all rows', aggregateCall('string_agg', [column(0, VARCHAR)], { type: VARCHAR })],
    ['a quantile', aggregateCall('median', [column(0, DOUBLE)], { type: DOUBLE })],
    ['bits of a range', aggregateCall('bitstring_agg', [column(0)], { type: { id: 'BIT' } })],
  ])('is none of %s', (_what, call) => {
    expect(rowState(call)).toBeUndefined();
  });
});

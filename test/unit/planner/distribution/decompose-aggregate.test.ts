import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import {
  decomposeAggregate,
  decomposeAll,
  finishAll,
  mergeAll,
} from '../../../../services/planner/distribution/decompose-aggregate.ts';
import type { AggregateCall } from '../../../../services/planner/logical/expression.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  DOUBLE,
  VARCHAR,
} from '../../../support/logical-plan-builders.ts';

const HUGEINT: ColumnType = { id: 'HUGEINT' };
const DECIMAL_15_2: ColumnType = { id: 'DECIMAL', width: 15, scale: 2 };
const DECIMAL_38_2: ColumnType = { id: 'DECIMAL', width: 38, scale: 2 };

const partialNames = (call: AggregateCall): readonly string[] | undefined =>
  decomposeAggregate(call)?.partial.map(({ name, type }) => `${name} ${type.id}`);

describe('decomposeAggregate', () => {
  it('adds up sums in the exact type of the sum', () => {
    expect(partialNames(aggregateCall('sum', [column(0)], { type: HUGEINT }))).toEqual([
      'sum HUGEINT',
    ]);
    const decimal = aggregateCall('sum', [column(0, DECIMAL_15_2)], { type: DECIMAL_38_2 });
    expect(decomposeAggregate(decimal)?.merge([column(3, DECIMAL_38_2)])).toMatchObject([
      { name: 'sum', type: DECIMAL_38_2 },
    ]);
  });

  it('makes avg from a sum and a count', () => {
    const avg = aggregateCall('avg', [column(0)], { type: DOUBLE });
    expect(partialNames(avg)).toEqual(['sum HUGEINT', 'count BIGINT']);
  });

  it('divides a decimal sum as DuckDB does: its unscaled integer by the scaled count', () => {
    const avg = aggregateCall('avg', [column(0, DECIMAL_15_2)], { type: DOUBLE });
    const finished = decomposeAggregate(avg)?.finish([column(0, DECIMAL_38_2), column(1, HUGEINT)]);
    expect(finished).toMatchObject({
      name: '/',
      args: [
        { name: 'round', args: [{ name: '*', args: [{ kind: 'cast' }, { value: 100 }] }] },
        { name: '*', args: [{ kind: 'cast' }, { value: 100 }] },
      ],
    });
  });

  it('makes 0, not NULL, of counts that nobody made', () => {
    const finished = decomposeAggregate(aggregateCall('count_star', []))?.finish([
      column(0, HUGEINT),
    ]);
    expect(finished).toMatchObject({ kind: 'cast', type: BIGINT, child: { kind: 'coalesce' } });
  });

  it('takes DISTINCT away where it changes nothing, and keeps it elsewhere', () => {
    const distinct = { distinct: true };
    expect(partialNames(aggregateCall('max', [column(0)], distinct))).toEqual(['max BIGINT']);
    expect(partialNames(aggregateCall('count', [column(0)], distinct))).toBeUndefined();
  });

  it.each([
    ['median', [column(0)], BIGINT],
    ['string_agg', [column(0, VARCHAR)], VARCHAR],
    ['first', [column(0)], BIGINT],
    ['max', [column(0), column(1)], { id: 'LIST', child: BIGINT }],
    ['avg', [column(0, { id: 'DATE' })], { id: 'TIMESTAMP' }],
  ] as const)('leaves %s to DuckDB over all rows of a group', (name, args, type) => {
    expect(decomposeAggregate(aggregateCall(name, args, { type }))).toBeUndefined();
  });

  it('keeps the states of several aggregates apart', () => {
    const all = decomposeAll([
      aggregateCall('avg', [column(0)], { type: DOUBLE }),
      aggregateCall('max', [column(1)]),
    ]);
    const states = [column(1, HUGEINT), column(2), column(3)];
    expect(mergeAll(all ?? [], states).map(({ name, args }) => [name, args])).toEqual([
      ['sum', [states[0]]],
      ['sum', [states[1]]],
      ['max', [states[2]]],
    ]);
    expect(finishAll(all ?? [], states).at(1)).toEqual(states[2]);
  });
});

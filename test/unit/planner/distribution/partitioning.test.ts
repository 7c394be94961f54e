import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import {
  hashKeysOf,
  matchJoinKeys,
  mergeHashKeys,
  remapHashKeys,
  satisfiesGrouping,
} from '../../../../services/planner/distribution/partitioning.ts';
import type { Expression } from '../../../../services/planner/logical/expression.ts';
import { BIGINT, column, DOUBLE, VARCHAR } from '../../../support/logical-plan-builders.ts';

const INTEGER: ColumnType = { id: 'INTEGER' };

function cast(child: Expression, type: ColumnType): Expression {
  return { kind: 'cast', child, type, isTry: false };
}

describe('delivered hash keys', () => {
  it('put rows with equal groups together when each key is one of the groups', () => {
    const keys = hashKeysOf([column(2)]);
    expect(satisfiesGrouping(keys, [column(1), column(2)])).toBe(true);
    expect(satisfiesGrouping(hashKeysOf([column(1), column(2)]), [column(2)])).toBe(false);
    expect(satisfiesGrouping([], [column(2)])).toBe(false);
  });

  it('see through a cast between integers only: equal doubles may have different texts', () => {
    const wide = hashKeysOf([cast(column(0, INTEGER), BIGINT)]);
    expect(satisfiesGrouping(wide, [column(0, INTEGER)])).toBe(true);
    const text = hashKeysOf([cast(column(0, DOUBLE), VARCHAR)]);
    expect(satisfiesGrouping(text, [column(0, DOUBLE)])).toBe(false);
  });

  it('match a join only in the type that was hashed, since hash() differs by type', () => {
    const keys = hashKeysOf([column(0, INTEGER)]);
    const same = [{ left: column(0, INTEGER), right: column(4, INTEGER) }];
    expect(matchJoinKeys(keys, same, 'left')).toEqual(same);
    const wider = [{ left: cast(column(0, INTEGER), BIGINT), right: column(4) }];
    expect(matchJoinKeys(keys, wider, 'left')).toBeUndefined();
  });

  it('name the pairs of a join in the order in which they were hashed', () => {
    const keys = hashKeysOf([column(1), column(0)]);
    const pairs = [
      { left: column(0), right: column(5) },
      { left: column(1), right: column(6) },
    ];
    expect(matchJoinKeys(keys, pairs, 'left')).toEqual([pairs[1], pairs[0]]);
  });

  it('are lost with their column, and then satisfy nothing', () => {
    const dropped = remapHashKeys(hashKeysOf([column(0)]), () => []);
    expect(satisfiesGrouping(dropped, [column(0)])).toBe(false);
  });

  it('may be read from either side of an inner join', () => {
    const merged = mergeHashKeys(hashKeysOf([column(0)]), hashKeysOf([column(3)]));
    expect(satisfiesGrouping(merged, [column(3)])).toBe(true);
    expect(satisfiesGrouping(merged, [column(0)])).toBe(true);
  });
});

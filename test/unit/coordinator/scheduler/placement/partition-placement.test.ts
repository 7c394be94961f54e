import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../../services/common/ids.ts';
import { placeByPartition } from '../../../../../services/coordinator/scheduler/placement/partition-placement.ts';
import { someSplits } from '../../../../support/plan-builders.ts';

function place(partitions: readonly number[], room: readonly number[]) {
  const splits = someSplits(1, partitions.length).map((split, index) => ({
    ...split,
    partition: partitions[index] as PartitionId,
  }));
  return placeByPartition({ splits, room, standardSplitBytes: 1_000 });
}

describe('placement by partition (T28)', () => {
  it('lets a full task hold up its own splits only, in order', () => {
    const { placed, waiting } = place([0, 0, 1, 0, 1], [1, 2]);
    expect(placed.map(({ split, lane }) => [split.firstRow, lane])).toEqual([
      [0, 0],
      [200, 1],
      [400, 1],
    ]);
    expect(waiting.map(({ firstRow }) => firstRow)).toEqual([100, 300]);
  });

  it('never gives a split to another task, nor more than it has room for, nor loses one', () => {
    const rooms = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 20 }), rooms, (partitions, room) => {
        const { placed, waiting } = place(partitions, room);
        expect(placed.every(({ split, lane }) => split.partition === lane)).toBe(true);
        room.forEach((most, lane) => {
          const count = placed.filter((each) => each.lane === lane).length;
          expect(count).toBeLessThanOrEqual(most);
        });
        expect(placed.length + waiting.length).toBe(partitions.length);
      }),
    );
  });
});

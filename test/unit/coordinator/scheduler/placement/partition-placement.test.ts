import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId } from '../../../../../services/common/ids.ts';
import { placeByPartition } from '../../../../../services/coordinator/scheduler/placement/partition-placement.ts';
import type { Lane } from '../../../../../services/coordinator/scheduler/placement/split-placement.ts';
import { someSplits } from '../../../../support/plan-builders.ts';

const CAP = 10;
const aLane = (task: number, changes: Partial<Lane> = {}): Lane => ({
  node: 0,
  task,
  queuedWeight: 0,
  unacknowledgedSplits: 0,
  unfinishedSplits: 0,
  queueLimit: 200,
  ...changes,
});

/** Splits of weight 100 for the tasks of these partitions. */
function place(
  partitions: readonly number[],
  lanes: readonly Lane[],
  { isLimited = false, nodeWeights = [0] } = {},
) {
  const splits = someSplits(1, partitions.length, 1_000).map((split, index) => ({
    ...split,
    partition: partitions[index] as PartitionId,
  }));
  return placeByPartition({
    splits,
    lanes,
    laneOfPartition: lanes.map((_, index) => index),
    nodeWeights,
    limits: {
      maxNodeWeight: 300,
      minTaskWeight: 200,
      maxTaskWeight: 200,
      maxUnacknowledgedSplits: CAP,
    },
    isLimited,
    standardSplitBytes: 1_000,
  });
}

/** Tasks with room for so many more splits. */
const withRoom = (...room: readonly number[]): readonly Lane[] =>
  room.map((more, task) => aLane(task, { unacknowledgedSplits: CAP - more }));

describe('placement by partition (T28)', () => {
  it('lets a full task hold up its own splits only, in order', () => {
    const { placed, waiting } = place([0, 0, 1, 0, 1], withRoom(1, 2));
    expect(placed.map(({ split, lane }) => [split.firstRow, lane])).toEqual([
      [0, 0],
      [200, 1],
      [400, 1],
    ]);
    expect(waiting.map(({ firstRow }) => firstRow)).toEqual([100, 300]);
  });

  it('fills a task while its node or its own queue has room (§6.2)', () => {
    const lanes = () => [
      aLane(0, { queueLimit: 100 }),
      aLane(1, { queueLimit: 100, queuedWeight: 100 }),
    ];
    const counts = (nodeWeight: number) => {
      const { placed } = place([0, 1, 0, 1, 0, 1], lanes(), {
        isLimited: true,
        nodeWeights: [nodeWeight],
      });
      return [0, 1].map((lane) => placed.filter((each) => each.lane === lane).length);
    };
    expect(counts(300)).toEqual([1, 0]);
    expect(counts(0)).toEqual([2, 1]);
  });

  it('gives an empty task one split, however heavy', () => {
    const lanes = [aLane(0, { queueLimit: 1 })];
    const { placed } = place([0, 0], lanes, { isLimited: true, nodeWeights: [300] });
    expect(placed).toHaveLength(1);
  });

  it('never gives a split to another task, nor more than it has room for, nor loses one', () => {
    const rooms = fc.array(fc.nat(4), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(fc.nat(5), { maxLength: 20 }), rooms, (partitions, room) => {
        const { placed, waiting } = place(partitions, withRoom(...room));
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

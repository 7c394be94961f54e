import { describe, expect, it } from 'vitest';
import type { NodeId, SourceId } from '../../../../../services/common/ids.ts';
import type { HashPartitionPlan } from '../../../../../services/coordinator/scheduler/fault-tolerant/hash-partition-plan.ts';
import {
  assignHash,
  createHash,
  openHash,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/hash-split-assigner.ts';
import { openAll } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import type { SplitBatch } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import { PartitionBook } from '../../../../support/partition-book.ts';
import { aBatch, aSource, aStoredSplit } from '../../../../support/split-batches.ts';

const LEFT = 1;
const RIGHT = 2;
const BUILD = 3;
const SOURCES = [aSource(LEFT), aSource(RIGHT), aSource(BUILD, true)];
/** Partitions 0 and 2 share a task; 1 is divided by the left source. */
const PLAN: HashPartitionPlan = {
  groups: [
    { taskCount: 1, dividedSource: null },
    { taskCount: 3, dividedSource: LEFT as SourceId },
  ],
  groupOfPartition: [0, 1, 0],
};

function dealt(plan: HashPartitionPlan, ...batches: readonly SplitBatch[]): PartitionBook {
  const assigner = createHash(openAll(SOURCES), plan, []);
  const book = new PartitionBook([LEFT, RIGHT, BUILD]).apply(openHash(assigner));
  expect(book.isComplete).toBe(true);
  for (const batch of batches) book.apply(assignHash(assigner, batch));
  return book;
}

const of = (sourcePartition: number, bytes: number) => aStoredSplit(bytes, { sourcePartition });

describe('the hash split assigner (F25)', () => {
  it('has all partitions before the first split', () => {
    expect(dealt(PLAN).partitions).toHaveLength(4);
  });

  it('brings all splits of merged partitions together', () => {
    const book = dealt(
      PLAN,
      aBatch(LEFT, [of(0, 10), of(2, 20)]),
      aBatch(RIGHT, [of(2, 30), of(0, 40)]),
    );
    expect(book.bytesOf(LEFT)).toEqual([[10, 20], [], [], []]);
    expect(book.bytesOf(RIGHT)).toEqual([[30, 40], [], [], []]);
    expect(book.partitions.map(({ isReady }) => isReady)).toEqual([true, false, false, false]);
  });

  it('deals the divided source in turn and gives the others to all of its tasks', () => {
    const book = dealt(
      PLAN,
      aBatch(LEFT, [of(1, 1), of(1, 2)]),
      aBatch(RIGHT, [of(1, 9)]),
      aBatch(LEFT, [of(1, 3), of(1, 4)]),
    );
    expect(book.bytesOf(LEFT)).toEqual([[], [1, 4], [2], [3]]);
    expect(book.bytesOf(RIGHT)).toEqual([[], [9], [9], [9]]);
  });

  it('gives replicated splits to all, and seals all when every source has ended', () => {
    const book = dealt(PLAN, aBatch(BUILD, [5]), aBatch(LEFT, [], true), aBatch(RIGHT, [], true));
    expect(book.bytesOf(BUILD)).toEqual([[5], [5], [5], [5]]);
    expect(book.sealed).toEqual([]);
    const complete = dealt(
      PLAN,
      aBatch(LEFT, [], true),
      aBatch(RIGHT, [], true),
      aBatch(BUILD, [5], true),
    );
    expect(complete.sealed).toEqual([0, 1, 2, 3]);
  });

  it('binds partitions to the nodes of a map', () => {
    const plan: HashPartitionPlan = {
      groups: [
        { taskCount: 1, dividedSource: null },
        { taskCount: 1, dividedSource: null },
      ],
      groupOfPartition: [0, 1],
    };
    const assigner = createHash(openAll(SOURCES), plan, ['a' as NodeId, 'b' as NodeId]);
    expect(openHash(assigner).partitionsAdded.map(({ requirements }) => requirements)).toEqual([
      { nodeId: 'a', isBound: true },
      { nodeId: 'b', isBound: true },
    ]);
  });

  it('refuses a split of a partition that is not there', () => {
    expect(() => dealt(PLAN, aBatch(LEFT, [of(3, 1)]))).toThrow('partition 3 of source 1');
  });
});

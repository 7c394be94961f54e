import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  PartitionId,
  QueryId,
  SourceId,
  StageId,
} from '../../../../../services/common/ids.ts';
import { ANY_NODE } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import {
  createDescriptorStorage,
  descriptorBytes,
  destroyDescriptors,
  extendDescriptor,
  getDescriptor,
  openDescriptor,
  overflowingQuery,
  putDescriptor,
  removeDescriptor,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/task-descriptor.ts';
import type {
  DescribedPartition,
  TaskDescriptor,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/task-descriptor.ts';
import { aStoredSplit } from '../../../../support/split-batches.ts';

const at = (query: string, partition: number): DescribedPartition => ({
  queryId: query as QueryId,
  stageId: 1 as StageId,
  partitionId: partition as PartitionId,
});

function aDescriptor(splitCount: number): TaskDescriptor {
  const partitionId = 0 as PartitionId;
  const descriptor = openDescriptor({ partitionId, requirements: ANY_NODE });
  const splits = Array.from({ length: splitCount }, () => aStoredSplit(1));
  const sourceId = 1 as SourceId;
  extendDescriptor(descriptor, {
    partitionId,
    sourceId,
    splits,
    noMoreSplits: true,
    isReady: true,
  });
  return descriptor;
}

describe('a task descriptor (F12)', () => {
  it('gathers what its partition is told', () => {
    const partitionId = 0 as PartitionId;
    const descriptor = openDescriptor({ partitionId, requirements: ANY_NODE });
    const tell = (sourceId: number, bytes: readonly number[], noMoreSplits: boolean) =>
      extendDescriptor(descriptor, {
        partitionId,
        sourceId: sourceId as SourceId,
        splits: bytes.map((each) => aStoredSplit(each)),
        noMoreSplits,
        isReady: true,
      });
    tell(1, [1, 2], false);
    tell(2, [], true);
    tell(1, [3], true);
    tell(1, [], true);
    expect(
      descriptor.sources.map(({ sourceId, splits, noMoreSplits }) => [
        sourceId,
        splits.map(({ bytes }) => bytes),
        noMoreSplits,
      ]),
    ).toEqual([
      [1, [1, 2, 3], true],
      [2, [], true],
    ]);
    expect(() => tell(1, [4], false)).toThrow('gets no splits');
  });
});

describe('the storage of task descriptors (F29)', () => {
  it('keeps each until it is removed', () => {
    const storage = createDescriptorStorage(10_000);
    const descriptor = aDescriptor(2);
    putDescriptor(storage, at('q', 0), descriptor);
    expect(getDescriptor(storage, at('q', 0))).toBe(descriptor);
    expect(getDescriptor(storage, at('q', 1))).toBeUndefined();
    expect(() => putDescriptor(storage, at('q', 0), descriptor)).toThrow('described once');
    removeDescriptor(storage, at('q', 0));
    removeDescriptor(storage, at('q', 0));
    expect(getDescriptor(storage, at('q', 0))).toBeUndefined();
    expect(storage.usedBytes).toBe(0);
  });

  it('keeps nothing of a query that is over', () => {
    const storage = createDescriptorStorage(10_000);
    putDescriptor(storage, at('q', 0), aDescriptor(1));
    putDescriptor(storage, at('other', 0), aDescriptor(1));
    destroyDescriptors(storage, 'q' as QueryId);
    putDescriptor(storage, at('q', 1), aDescriptor(1));
    expect(getDescriptor(storage, at('q', 0))).toBeUndefined();
    expect(getDescriptor(storage, at('q', 1))).toBeUndefined();
    expect(getDescriptor(storage, at('other', 0))).toBeDefined();
  });

  it('names the query that takes most when all take too much', () => {
    const one = descriptorBytes(aDescriptor(1));
    const storage = createDescriptorStorage(one * 4);
    putDescriptor(storage, at('a', 0), aDescriptor(1));
    putDescriptor(storage, at('b', 0), aDescriptor(1));
    putDescriptor(storage, at('b', 1), aDescriptor(1));
    expect(overflowingQuery(storage)).toBeUndefined();
    putDescriptor(storage, at('a', 1), aDescriptor(5));
    expect(overflowingQuery(storage)).toBe('a');
  });

  it('counts what it holds, whatever is put and removed', () => {
    const step = fc.record({
      query: fc.constantFrom('a', 'b'),
      partition: fc.nat(3),
      splits: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const storage = createDescriptorStorage(1_000);
        for (const { query, partition, splits } of steps) {
          const key = at(query, partition);
          if (getDescriptor(storage, key) === undefined)
            putDescriptor(storage, key, aDescriptor(splits));
          else removeDescriptor(storage, key);
          const held = Object.values(storage.entries).map(({ descriptor }) =>
            descriptorBytes(descriptor),
          );
          expect(storage.usedBytes).toBe(held.reduce((sum, bytes) => sum + bytes, 0));
          expect(overflowingQuery(storage) !== undefined).toBe(storage.usedBytes > 1_000);
        }
      }),
    );
  });
});

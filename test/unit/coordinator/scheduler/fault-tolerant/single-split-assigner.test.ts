import { describe, expect, it } from 'vitest';
import {
  assignSingle,
  openSingle,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/single-split-assigner.ts';
import type { SingleSplitAssigner } from '../../../../../services/coordinator/scheduler/fault-tolerant/single-split-assigner.ts';
import { openAll } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import { PartitionBook } from '../../../../support/partition-book.ts';
import { aBatch, aSource } from '../../../../support/split-batches.ts';

function anAssigner(...sourceIds: readonly number[]): {
  readonly assigner: SingleSplitAssigner;
  readonly book: PartitionBook;
} {
  const assigner: SingleSplitAssigner = {
    ...openAll(sourceIds.map((sourceId) => aSource(sourceId))),
    kind: 'single',
  };
  return { assigner, book: new PartitionBook(sourceIds).apply(openSingle(assigner)) };
}

describe('the single split assigner (F25)', () => {
  it('gives everything to one partition, sealed when the last source has ended', () => {
    const { assigner, book } = anAssigner(1, 2);
    expect(book.partitions).toHaveLength(1);
    expect(book.isComplete).toBe(true);
    book.apply(assignSingle(assigner, aBatch(1, [10, 20])));
    book.apply(assignSingle(assigner, aBatch(2, [5], true)));
    expect(book.sealed).toEqual([]);
    expect(book.partitionOf(0).isReady).toBe(true);
    book.apply(assignSingle(assigner, aBatch(1, [], true)));
    expect(book.sealed).toEqual([0]);
    expect(book.bytesOf(1)).toEqual([[10, 20]]);
    expect(book.bytesOf(2)).toEqual([[5]]);
  });

  it('has its partition without any source', () => {
    expect(anAssigner().book.sealed).toEqual([0]);
  });

  it('takes nothing from a source that has ended or is not its own', () => {
    const { assigner } = anAssigner(1, 2);
    assignSingle(assigner, aBatch(1, [], true));
    expect(() => assignSingle(assigner, aBatch(1, [10]))).toThrow('has not ended');
    expect(() => assignSingle(assigner, aBatch(7, [10]))).toThrow('belongs to the stage');
  });
});

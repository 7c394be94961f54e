import { describe, expect, it } from 'vitest';
import {
  assignArbitrary,
  createArbitrary,
  openArbitrary,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/arbitrary-split-assigner.ts';
import type { ArbitrarySplitAssigner } from '../../../../../services/coordinator/scheduler/fault-tolerant/arbitrary-split-assigner.ts';
import { DEFAULT_TASK_SIZING } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import type { TaskSizing } from '../../../../../services/coordinator/scheduler/fault-tolerant/fault-tolerant-options.ts';
import { openAll } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import type { SplitBatch } from '../../../../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import { PartitionBook } from '../../../../support/partition-book.ts';
import { aBatch, aSource, aStoredSplit, onNodes } from '../../../../support/split-batches.ts';

const SIZING: TaskSizing = {
  ...DEFAULT_TASK_SIZING,
  minTargetBytes: 100,
  maxTargetBytes: 400,
  maxTaskSplits: 4,
};
const SCAN = 1;
const BUILD = 2;

class Dealing {
  readonly book: PartitionBook;
  readonly assigner: ArbitrarySplitAssigner;

  constructor(sizing: TaskSizing = SIZING, sources = [aSource(SCAN), aSource(BUILD, true)]) {
    this.assigner = createArbitrary(openAll(sources), sizing);
    this.book = new PartitionBook(sources.map(({ sourceId }) => sourceId));
    this.book.apply(openArbitrary(this.assigner));
  }

  deal(...batches: readonly SplitBatch[]): this {
    for (const batch of batches) this.book.apply(assignArbitrary(this.assigner, batch));
    return this;
  }
}

describe('the arbitrary split assigner (F25)', () => {
  it('closes a partition before the split that would make it too big', () => {
    const { book } = new Dealing().deal(aBatch(SCAN, [60, 40, 30, 80, 250, 10], true));
    expect(book.bytesOf(SCAN)).toEqual([[60, 40], [30], [80], [250], [10]]);
  });

  it('closes a partition that has as many splits as a task may have', () => {
    const { book } = new Dealing().deal(aBatch(SCAN, [1, 1, 1, 1, 1], true));
    expect(book.bytesOf(SCAN)).toEqual([[1, 1, 1, 1], [1]]);
  });

  it('gives replicated splits to every partition, those before it and those after it', () => {
    const { book } = new Dealing().deal(
      aBatch(SCAN, [90]),
      aBatch(BUILD, [7]),
      aBatch(SCAN, [90]),
      aBatch(BUILD, [8], true),
      aBatch(SCAN, [90], true),
    );
    expect(book.bytesOf(BUILD)).toEqual([
      [7, 8],
      [7, 8],
      [7, 8],
    ]);
    expect(book.sealed).toEqual([0, 1, 2]);
  });

  it('seals a full partition when its replicated sources are complete, an open one at the end', () => {
    const { book, ...dealing } = new Dealing().deal(aBatch(SCAN, [90, 90]));
    expect(book.sealed).toEqual([]);
    const step = (batch: SplitBatch) => book.apply(assignArbitrary(dealing.assigner, batch)).sealed;
    expect(step(aBatch(BUILD, [], true))).toEqual([0]);
    expect(step(aBatch(SCAN, [90]))).toEqual([0, 1]);
    expect(step(aBatch(SCAN, [], true))).toEqual([0, 1, 2]);
    expect(book.isComplete).toBe(true);
  });

  it('has one partition even without any split (F14)', () => {
    const { book } = new Dealing().deal(aBatch(BUILD, [7], true), aBatch(SCAN, [], true));
    expect(book.bytesOf(BUILD)).toEqual([[7]]);
    expect(book.sealed).toEqual([0]);
    expect(new Dealing(SIZING, []).book.sealed).toEqual([0]);
  });

  it('keeps a partition open for each place, an unused one first, then the emptiest', () => {
    const split = (bytes: number, ...nodes: readonly string[]) =>
      aStoredSplit(bytes, onNodes(...nodes));
    const { book } = new Dealing().deal(
      aBatch(SCAN, [
        split(50, 'a', 'b'),
        split(10, 'a', 'b'),
        split(10, 'a', 'b'),
        aStoredSplit(1),
        split(5, 'c'),
      ]),
    );
    expect(book.bytesOf(SCAN)).toEqual([[50], [10, 10], [1], [5]]);
    expect(book.partitions.map(({ requirements }) => requirements.nodeId)).toEqual([
      'a',
      'b',
      null,
      'c',
    ]);
  });

  it('never lets a split that is bound to nodes go elsewhere', () => {
    const bound = aStoredSplit(10, { ...onNodes('a'), isBoundToNodes: true });
    const { book } = new Dealing().deal(aBatch(SCAN, [aStoredSplit(10, onNodes('a')), bound]));
    expect(book.partitions.map(({ requirements }) => requirements)).toEqual([
      { nodeId: 'a', isBound: false },
      { nodeId: 'a', isBound: true },
    ]);
    const homeless = aStoredSplit(10, { isBoundToNodes: true });
    expect(() => new Dealing().deal(aBatch(SCAN, [homeless]))).toThrow('names them');
  });

  it('grows its target ×1.26 with every 64 full partitions, in multiples of the least, to a maximum (F28)', () => {
    const dealing = new Dealing({ ...SIZING, maxTaskSplits: 1 });
    const targets = new Set<number>();
    for (let count = 0; count < 64 * 8; count += 1) {
      dealing.deal(aBatch(SCAN, [1]));
      targets.add(dealing.assigner.targetBytes);
    }
    expect([...targets]).toEqual([100, 200, 300, 400]);
    expect(dealing.assigner.exactTargetBytes).toBe(400);
    const early = new Dealing({ ...SIZING, maxTaskSplits: 1 });
    early.deal(
      aBatch(
        SCAN,
        Array.from({ length: 64 }, () => 1),
      ),
    );
    expect(early.assigner.exactTargetBytes).toBe(100);
    early.deal(aBatch(SCAN, [1]));
    expect(early.assigner.exactTargetBytes).toBe(126);
    early.deal(
      aBatch(
        SCAN,
        Array.from({ length: 63 }, () => 1),
      ),
    );
    expect(early.assigner.exactTargetBytes).toBe(126);
    early.deal(aBatch(SCAN, [1]));
    expect(early.assigner.exactTargetBytes).toBe(159);
  });
});

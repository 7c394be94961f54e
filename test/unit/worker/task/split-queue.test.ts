import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import {
  isScanSplit,
  SplitQueue,
  SplitReceiver,
} from '../../../../services/worker/task/split-queue.ts';
import { fileSplits } from '../../../support/task-fakes.ts';

const A = 1 as SourceId;
const B = 2 as SourceId;

describe('receiving splits', () => {
  it('takes each split once, whatever is repeated or comes out of turn (T35)', () => {
    const ids = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 40 });
    fc.assert(
      fc.property(ids, (delivered) => {
        const receiver = new SplitReceiver();
        const taken: number[] = [];
        for (const id of delivered) {
          const splits = fileSplits(1, id, 1);
          const assignment = { sourceId: A, splits, noMoreSplits: false };
          taken.push(...receiver.receive(assignment).map(({ sequenceId }) => sequenceId));
        }
        expect(taken).toEqual([...new Set(delivered)]);
        let contiguous = -1;
        while (taken.includes(contiguous + 1)) contiguous += 1;
        expect(receiver.receivedUpTo).toBe(contiguous);
      }),
    );
  });

  it('remembers that no more splits come', () => {
    const receiver = new SplitReceiver();
    receiver.receive({ sourceId: A, splits: [], noMoreSplits: true });
    receiver.receive({ sourceId: A, splits: [], noMoreSplits: false });
    expect(receiver.noMoreSplits).toBe(true);
  });
});

describe('the split queue', () => {
  it('deals growing batches until nothing is left, counting weights', () => {
    const queue = new SplitQueue([A]);
    queue.add(A, fileSplits(1, 0, 30).filter(isScanSplit));
    const sizes: number[] = [];
    while (!queue.isEmpty) {
      const batch = queue.takeBatch(0);
      sizes.push(batch.splitCount);
      expect(batch.rowCount).toBe(batch.splitCount * 100);
    }
    expect(sizes).toEqual([1, 4, 16, 9]);
    expect(queue.queuedWeight).toBe(0);
  });

  it('deals small splits together, at least as many as are asked for', () => {
    const splits = fileSplits(1, 0, 30).filter(isScanSplit);
    const weightOf = (count: number) =>
      splits.slice(0, count).reduce((sum, { weight }) => sum + weight, 0);
    const queue = new SplitQueue([A]);
    queue.add(A, splits);
    const sizes: number[] = [];
    while (!queue.isEmpty) sizes.push(queue.takeBatch(weightOf(6)).splitCount);
    expect(sizes).toEqual([6, 6, 16, 2]);
  });

  it('keeps the sources of a batch apart', () => {
    const queue = new SplitQueue([A, B]);
    queue.add(A, fileSplits(1, 0, 1).filter(isScanSplit));
    queue.add(B, fileSplits(2, 0, 2).filter(isScanSplit));
    const files = [...queue.takeAll().files].map(([id, splits]) => [id, splits.length]);
    expect(files).toEqual([
      [A, 1],
      [B, 2],
    ]);
  });

  it('is sealed when every scan is', () => {
    const queue = new SplitQueue([A, B]);
    queue.seal(A);
    expect(queue.isSealed).toBe(false);
    queue.seal(B);
    expect(queue.isSealed).toBe(true);
    expect(new SplitQueue([]).isSealed).toBe(true);
  });
});

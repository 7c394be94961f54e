import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId, StageId } from '../../../../../services/common/ids.ts';
import {
  createOutputSelector,
  finishSelection,
  forgetSelection,
  mergeSelectors,
  select,
  selectionOf,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/output-selector.ts';

const STAGE = 3 as StageId;
const at = (partition: number) => ({ stageId: STAGE, partitionId: partition as PartitionId });
const empty = createOutputSelector(STAGE);

describe('the output selector (F21)', () => {
  it('knows nothing at first, then one attempt of each partition', () => {
    const selector = select(select(empty, at(2), 1), at(0), 0);
    expect([0, 1, 2, 3].map((p) => selectionOf(selector, STAGE, p as PartitionId))).toEqual([
      0,
      'unknown',
      1,
      'unknown',
    ]);
    expect([empty.version, selector.version]).toEqual([0, 2]);
  });

  it('decides a partition once, whatever comes later (F16)', () => {
    const selector = select(empty, at(0), 1);
    expect(() => select(selector, at(0), 2)).toThrow('is decided');
    expect(() => select(selector, at(0), 'skipped')).toThrow('is decided');
  });

  it('is final when nothing is unknown, and only then', () => {
    const some = select(select(empty, at(0), 1), at(2), 0);
    expect(() => finishSelection(some, STAGE, 3)).toThrow('is decided');
    const all = select(some, at(1), 'skipped');
    expect(() => finishSelection(all, STAGE, 4)).toThrow('is decided');
    const final = finishSelection(all, STAGE, 3);
    expect(final.isFinal).toBe(true);
    expect(() => select(final, at(3), 0)).toThrow('final');
  });

  it('forgets an output that is lost, and is open again for its next attempt (R17)', () => {
    const final = finishSelection(select(empty, at(0), 1), STAGE, 1);
    const open = forgetSelection(final, at(0));
    expect(open.isFinal).toBe(false);
    expect(open.version).toBeGreaterThan(final.version);
    expect(selectionOf(select(open, at(0), 2), STAGE, at(0).partitionId)).toBe(2);
    expect(() => forgetSelection(open, at(0))).toThrow('was selected');
  });

  it('is merged from selectors of different stages, and final when they are', () => {
    const other = createOutputSelector(4 as StageId);
    const final = finishSelection(select(empty, at(0), 1), STAGE, 1);
    const merged = mergeSelectors([final, other]);
    expect(merged.isFinal).toBe(false);
    expect(selectionOf(merged, STAGE, at(0).partitionId)).toBe(1);
    expect(mergeSelectors([final, finishSelection(other, 4 as StageId, 0)]).isFinal).toBe(true);
    expect(() => mergeSelectors([final, empty])).toThrow('different stages');
  });

  it('only learns: a value never changes and the version grows with every step', () => {
    const choice = fc.record({
      partition: fc.nat(5),
      attempt: fc.oneof(fc.nat(3), fc.constant('skipped' as const)),
    });
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 20 }), (choices) => {
        let selector = empty;
        const decided = new Map<number, number | 'skipped'>();
        for (const { partition, attempt } of choices) {
          if (decided.has(partition)) continue;
          decided.set(partition, attempt);
          const next = select(selector, at(partition), attempt);
          expect(next.version).toBeGreaterThan(selector.version);
          selector = next;
          for (const [each, value] of decided)
            expect(selectionOf(selector, STAGE, each as PartitionId)).toBe(value);
        }
        expect(JSON.parse(JSON.stringify(selector))).toEqual(selector);
      }),
    );
  });
});

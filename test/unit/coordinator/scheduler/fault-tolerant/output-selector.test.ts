import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartitionId, StageId } from '../../../../../services/common/ids.ts';
import {
  createOutputSelector,
  decidedCountOf,
  finishSelection,
  forgetSelection,
  mergeSelectors,
  select,
  selectionOf,
} from '../../../../../services/coordinator/scheduler/fault-tolerant/output-selector.ts';

const STAGE = 3 as StageId;
const at = (partition: number) => ({ stageId: STAGE, partitionId: partition as PartitionId });

/** With these decisions, one after the other. */
function selecting(...decisions: readonly (readonly [number, number | 'skipped'])[]) {
  const selector = createOutputSelector(STAGE);
  for (const [partition, selection] of decisions) select(selector, at(partition), selection);
  return selector;
}

describe('the output selector (F21)', () => {
  it('knows nothing at first, then one attempt of each partition', () => {
    const selector = selecting([2, 1], [0, 0]);
    expect([0, 1, 2, 3].map((p) => selectionOf(selector, STAGE, p as PartitionId))).toEqual([
      0,
      'unknown',
      1,
      'unknown',
    ]);
    expect([selecting().version, selector.version]).toEqual([0, 2]);
    expect(decidedCountOf(selector, STAGE)).toBe(2);
  });

  it('decides a partition once, whatever comes later (F16)', () => {
    const selector = selecting([0, 1]);
    expect(() => select(selector, at(0), 2)).toThrow('is decided');
    expect(() => select(selector, at(0), 'skipped')).toThrow('is decided');
  });

  it('is final when nothing is unknown, and only then', () => {
    const selector = selecting([0, 1], [2, 0]);
    expect(() => finishSelection(selector, STAGE, 3)).toThrow('is decided');
    select(selector, at(1), 'skipped');
    expect(() => finishSelection(selector, STAGE, 4)).toThrow('is decided');
    finishSelection(selector, STAGE, 3);
    expect(selector.isFinal).toBe(true);
    expect(() => select(selector, at(3), 0)).toThrow('final');
  });

  it('forgets an output that is lost, and is open again for its next attempt (R17)', () => {
    const selector = selecting([0, 1]);
    finishSelection(selector, STAGE, 1);
    const { version } = selector;
    forgetSelection(selector, at(0));
    expect([selector.isFinal, decidedCountOf(selector, STAGE)]).toEqual([false, 0]);
    expect(selector.version).toBeGreaterThan(version);
    expect(() => forgetSelection(selector, at(0))).toThrow('was selected');
    select(selector, at(0), 2);
    expect(selectionOf(selector, STAGE, at(0).partitionId)).toBe(2);
  });

  it('is merged from selectors of different stages, and final when they are', () => {
    const other = createOutputSelector(4 as StageId);
    const final = selecting([0, 1]);
    finishSelection(final, STAGE, 1);
    const merged = mergeSelectors([final, other]);
    expect(merged.isFinal).toBe(false);
    expect(selectionOf(merged, STAGE, at(0).partitionId)).toBe(1);
    finishSelection(other, 4 as StageId, 0);
    expect(mergeSelectors([final, other]).isFinal).toBe(true);
    expect(() => mergeSelectors([final, selecting()])).toThrow('different stages');
  });

  it('only learns: a value never changes and the version grows with every step', () => {
    const choice = fc.record({
      partition: fc.nat(5),
      attempt: fc.oneof(fc.nat(3), fc.constant('skipped' as const)),
    });
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 20 }), (choices) => {
        const selector = selecting();
        const decided = new Map<number, number | 'skipped'>();
        for (const { partition, attempt } of choices) {
          if (decided.has(partition)) continue;
          decided.set(partition, attempt);
          const { version } = selector;
          select(selector, at(partition), attempt);
          expect(selector.version).toBeGreaterThan(version);
          for (const [each, value] of decided)
            expect(selectionOf(selector, STAGE, each as PartitionId)).toBe(value);
        }
        expect(JSON.parse(JSON.stringify(selector))).toEqual(selector);
      }),
    );
  });
});

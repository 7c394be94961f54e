import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../../../services/common/ids.ts';
import { mapBuckets } from '../../../../../services/coordinator/scheduler/placement/bucket-node-map.ts';

const weighted = (...lanes: readonly number[]) =>
  lanes.map((count, index) => ({ nodeId: `n${index}` as NodeId, lanes: count }));

const byKey = (count: number, key: string, ...lanes: readonly number[]) =>
  mapBuckets(count, key, weighted(...lanes));

describe('the map of buckets to nodes (T28, P2)', () => {
  it('is empty without nodes', () => {
    expect(byKey(2, 'range(k, 2)')).toEqual([]);
  });

  it('is the same for all who read the layout, and another for another layout', () => {
    expect(byKey(16, 'range(k, 16)', 1, 1, 1, 1)).toEqual(byKey(16, 'range(k, 16)', 1, 1, 1, 1));
    expect(byKey(16, 'range(k, 16)', 1, 1, 1, 1)).not.toEqual(
      byKey(16, 'range(l, 16)', 1, 1, 1, 1),
    );
  });

  it('leaves most buckets where they were when a node joins', () => {
    const before = byKey(64, 'k', 1, 1, 1, 1);
    const after = byKey(64, 'k', 1, 1, 1, 1, 1);
    expect(before.filter((node, bucket) => node === after[bucket]).length).toBeGreaterThan(32);
  });

  it('gives no node more than its share, by its lanes', () => {
    const lanes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), lanes, fc.string(), (count, counts, key) => {
        const map = byKey(count, key, ...counts);
        expect(map).toHaveLength(count);
        const total = counts.reduce((sum, each) => sum + each, 0);
        counts.forEach((each, index) => {
          const taken = map.filter((node) => node === `n${index}`).length;
          expect(taken).toBeLessThanOrEqual(Math.ceil((count * each) / total));
        });
      }),
    );
  });
});

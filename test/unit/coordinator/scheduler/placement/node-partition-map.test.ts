import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../../../services/common/ids.ts';
import { seededRandom } from '../../../../../services/common/random.ts';
import { createNodePartitionMap } from '../../../../../services/coordinator/scheduler/placement/node-partition-map.ts';

const nodes = (...lanes: readonly number[]) =>
  lanes.map((count, index) => ({ nodeId: `worker-${index}` as NodeId, lanes: count }));

const map = (lanes: readonly number[], count: number, seed = 1): readonly NodeId[] =>
  createNodePartitionMap(nodes(...lanes), count, (bound) => seededRandom(seed).below(bound));

function tally(dealt: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    dealt.map((node) => [node, dealt.filter((each) => each === node).length]),
  );
}

describe('the node partition map (T12, T32, P2)', () => {
  it('gives every lane one partition by default', () => {
    expect(tally(map([2, 1, 3], 0))).toEqual({ 'worker-0': 2, 'worker-1': 1, 'worker-2': 3 });
  });

  it('uses every node before it uses one twice', () => {
    expect(new Set(map([4, 4, 4], 3)).size).toBe(3);
  });

  it('goes round all nodes beyond the last lane', () => {
    expect(tally(map([1, 1], 6))).toEqual({ 'worker-0': 3, 'worker-1': 3 });
  });

  it('is empty without nodes', () => {
    expect(map([], 4)).toEqual([]);
  });

  it('has as many partitions as asked for, evenly dealt over equal nodes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer(),
        (nodeCount, lanes, count, seed) => {
          const dealt = map(
            Array.from({ length: nodeCount }, () => lanes),
            count,
            seed,
          );
          expect(dealt).toHaveLength(count);
          const counts = Object.values(tally(dealt));
          expect(
            Math.max(...counts) - (count < nodeCount ? 1 : Math.min(...counts)),
          ).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

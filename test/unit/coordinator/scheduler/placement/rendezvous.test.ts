import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NodeId } from '../../../../../services/common/ids.ts';
import { rankNodes } from '../../../../../services/coordinator/scheduler/placement/rendezvous.ts';
import type { WeightedNode } from '../../../../../services/coordinator/scheduler/placement/rendezvous.ts';

const nodesOf = (lanes: readonly number[]): readonly WeightedNode[] =>
  lanes.map((count, index) => ({ nodeId: `worker-${index}` as NodeId, lanes: count }));

const KEYS = Array.from({ length: 2_000 }, (_, index) => `/data/lineitem/part-${index}.parquet`);

function owners(nodes: readonly WeightedNode[]): readonly (NodeId | undefined)[] {
  return KEYS.map((key) => nodes[rankNodes(key, nodes)[0] ?? -1]?.nodeId);
}

describe('rendezvous hashing', () => {
  it('gives each node its share of the keys, by its lanes', () => {
    const nodes = nodesOf([1, 1, 2]);
    const owned = owners(nodes);
    const shares = nodes.map(
      ({ nodeId }) => owned.filter((owner) => owner === nodeId).length / KEYS.length,
    );
    [0.25, 0.25, 0.5].forEach((share, index) =>
      expect(Math.abs((shares[index] ?? 0) - share)).toBeLessThan(0.04),
    );
  });

  it('moves only the keys of a node that leaves', () => {
    const nodes = nodesOf([1, 1, 1, 1]);
    const before = owners(nodes);
    const after = owners(nodes.slice(0, 3));
    before.forEach((owner, key) => {
      if (owner !== 'worker-3') expect(after[key]).toBe(owner);
    });
  });

  it('does not depend on the order of the nodes, and puts those without lanes last', () => {
    const lanes = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.string(), lanes, (key, counts) => {
        const nodes = nodesOf(counts);
        const reversed = [...nodes].reverse();
        const names = (list: readonly WeightedNode[]) =>
          rankNodes(key, list).map((position) => list[position]?.nodeId);
        expect(names(reversed)).toEqual(names(nodes));
        const lanesInOrder = rankNodes(key, nodes).map((position) => counts[position] ?? 0);
        const firstIdle = lanesInOrder.indexOf(0);
        if (firstIdle !== -1)
          expect(lanesInOrder.slice(firstIdle).every((count) => count === 0)).toBe(true);
      }),
    );
  });
});

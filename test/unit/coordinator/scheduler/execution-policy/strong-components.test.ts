import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { strongComponents } from '../../../../../services/coordinator/scheduler/execution-policy/strong-components.ts';

const edges = fc.array(fc.tuple(fc.nat(8), fc.nat(8)), { maxLength: 25 });
const NODES = Array.from({ length: 9 }, (_, node) => node);

function reachable(from: number, all: readonly (readonly [number, number])[]): ReadonlySet<number> {
  const found = new Set<number>([from]);
  for (const node of found) for (const [a, b] of all) if (a === node) found.add(b);
  return found;
}

describe('strong components', () => {
  it('hold exactly the nodes that reach each other, in topological order', () => {
    fc.assert(
      fc.property(edges, (all) => {
        const components = strongComponents(NODES, (node) =>
          all.filter(([from]) => from === node).map(([, to]) => to),
        );
        expect(components.flat().toSorted((a, b) => a - b)).toEqual(NODES);
        const indexOf = (node: number) => components.findIndex((each) => each.includes(node));
        for (const a of NODES) {
          for (const b of reachable(a, all)) {
            expect(indexOf(a)).toBeLessThanOrEqual(indexOf(b));
            expect(indexOf(a) === indexOf(b)).toBe(reachable(b, all).has(a));
          }
        }
      }),
    );
  });

  it('keep the order of the nodes where no edge says otherwise', () => {
    expect(strongComponents([1, 2, 3], () => [])).toEqual([[1], [2], [3]]);
    expect(strongComponents([1, 2, 3], (node) => (node === 3 ? [1] : []))).toEqual([[2], [3], [1]]);
  });
});

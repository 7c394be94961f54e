import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WinnerTree } from '../../../../../services/coordinator/scheduler/fault-tolerant/winner-tree.ts';

describe('a winner tree', () => {
  it('has nobody as the best of none', () => {
    expect(
      new WinnerTree(
        0,
        () => true,
        () => false,
      ).best,
    ).toBe(-1);
    expect(
      new WinnerTree(
        3,
        () => false,
        () => false,
      ).best,
    ).toBe(-1);
  });

  it('has the best of those that take part, the first of equals, after every change', () => {
    const change = fc.record({ position: fc.nat(8), value: fc.nat(3), isIn: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(fc.nat(3), { minLength: 1, maxLength: 9 }),
        fc.array(change, { maxLength: 30 }),
        (values, changes) => {
          const isIn = values.map((value) => value > 0);
          const tree = new WinnerTree(
            values.length,
            (position) => isIn[position] === true,
            (a, b) => (values[a] ?? 0) > (values[b] ?? 0),
          );
          const expectBest = (): void => {
            const best = Math.max(-1, ...values.filter((_, position) => isIn[position]));
            const first = values.findIndex((value, position) => isIn[position] && value === best);
            expect(tree.best).toBe(first);
          };
          expectBest();
          for (const each of changes) {
            const position = each.position % values.length;
            values[position] = each.value;
            isIn[position] = each.isIn;
            tree.update(position, each.isIn);
            expectBest();
          }
        },
      ),
    );
  });
});

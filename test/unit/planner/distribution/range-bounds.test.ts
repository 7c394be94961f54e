import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseBounds,
  partitionsOf,
  type KeyedRowGroup,
} from '../../../../services/planner/distribution/range-bounds.ts';
import { compareValues } from '../../../../services/planner/logical/datum-order.ts';

type Key = bigint | string | null;

/** The keys of a row group, with the statistics that a writer may leave out or round outwards. */
interface Sample {
  readonly keys: readonly Key[];
  readonly knows: { readonly min: boolean; readonly max: boolean; readonly nulls: boolean };
  readonly slack: bigint;
}

const sampleArbitrary: fc.Arbitrary<Sample> = fc.record({
  keys: fc.array(fc.option(fc.bigInt({ min: -20n, max: 20n }), { freq: 4 }), { maxLength: 6 }),
  knows: fc.record({ min: fc.boolean(), max: fc.boolean(), nulls: fc.boolean() }),
  slack: fc.bigInt({ min: 0n, max: 2n }),
});

function rowGroupOf({ keys, knows, slack }: Sample): KeyedRowGroup {
  const values = keys.filter((key) => typeof key === 'bigint');
  const ordered = values.toSorted((a, b) => (a < b ? -1 : 1));
  const [min, max] = [ordered[0], ordered.at(-1)];
  const nullCount = keys.length - values.length;
  const nulls = nullCount === 0 ? 'none' : nullCount === keys.length ? 'all' : 'some';
  return {
    ...(knows.min && min !== undefined ? { min: min - slack } : {}),
    ...(knows.max && max !== undefined ? { max: max + slack } : {}),
    nulls: knows.nulls ? nulls : 'some',
    load: keys.length,
  };
}

/** As the predicates of the partitions say it. */
function partitionOf(key: Key, bounds: readonly unknown[]): number {
  if (key === null) return 0;
  return bounds.filter((bound) => (compareValues(bound as bigint, key) ?? 1) <= 0).length;
}

describe('ranges of a key', () => {
  it('reach every key in a row group that may have it, whatever is known of the row groups', () => {
    fc.assert(
      fc.property(fc.array(sampleArbitrary, { maxLength: 12 }), fc.nat(5), (samples, count) => {
        const rowGroups = samples.map(rowGroupOf);
        const bounds = chooseBounds(rowGroups, count + 1);
        expect(bounds.length).toBeLessThanOrEqual(count);
        samples.forEach(({ keys }, index) => {
          const reached = partitionsOf(rowGroups[index] ?? { nulls: 'some' }, bounds);
          expect(keys.every((key) => reached.includes(partitionOf(key, bounds)))).toBe(true);
        });
      }),
    );
  });

  it('ascend, and none of them is empty of row groups', () => {
    fc.assert(
      fc.property(fc.array(sampleArbitrary, { maxLength: 12 }), (samples) => {
        const rowGroups = samples.map(rowGroupOf);
        const bounds = chooseBounds(rowGroups, 4) as readonly bigint[];
        bounds.slice(1).forEach((bound, index) => expect(bound > (bounds[index] ?? 0n)).toBe(true));
        for (let partition = 0; partition <= bounds.length && samples.length > 0; partition += 1) {
          const reached = rowGroups.some((group) =>
            partitionsOf(group, bounds).includes(partition),
          );
          expect(reached || rowGroups.every(({ min }) => min === undefined)).toBe(true);
        }
      }),
    );
  });

  it('share out the work of clustered row groups evenly, by load and not by number', () => {
    const small = Array.from({ length: 8 }, (_, i) => ({ at: BigInt(i), load: 1 }));
    const large = Array.from({ length: 4 }, (_, i) => ({ at: BigInt(8 + i), load: 8 }));
    const rowGroups = [...small, ...large].map(({ at, load }) => ({
      min: at * 10n,
      max: at * 10n + 9n,
      nulls: 'none' as const,
      load,
    }));
    const bounds = chooseBounds(rowGroups, 5);
    const loads = Array.from({ length: 5 }, (_, partition) =>
      rowGroups
        .filter((group) => partitionsOf(group, bounds).includes(partition))
        .reduce((sum, { load }) => sum + load, 0),
    );
    expect(loads).toEqual([8, 8, 8, 8, 8]);
  });

  it('order text by its bytes', () => {
    const texts = ['', 'a', 'a~', 'b', 'é', '\u{10000}'];
    const rowGroups = texts.map((text) => ({
      min: text,
      max: text,
      nulls: 'none' as const,
      load: 1,
    }));
    expect(chooseBounds(rowGroups, 6)).toEqual(texts.slice(1));
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allSet,
  BitmapBuilder,
  bitmapBytes,
  intersect,
  setBits,
  testBit,
} from '../../../../services/common/page/bitmap.ts';

const bitsArbitrary = fc.array(fc.boolean(), { minLength: 1, maxLength: 100 });

function bitmapOf(bits: readonly boolean[]): Uint8Array {
  const bitmap = new Uint8Array(bitmapBytes(bits.length));
  for (const [index, bit] of bits.entries()) if (bit) setBits(bitmap, index, index + 1);
  return bitmap;
}

function bitsOf(bitmap: Uint8Array, count: number): boolean[] {
  return Array.from({ length: count }, (_, index) => testBit(bitmap, index));
}

describe('bitmaps', () => {
  it('set exactly the bits of a range', () => {
    const property = fc.property(fc.nat({ max: 100 }), fc.nat({ max: 100 }), (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const bitmap = new Uint8Array(bitmapBytes(100));
      setBits(bitmap, from, to);
      expect(bitsOf(bitmap, 100)).toEqual(
        Array.from({ length: 100 }, (_, bit) => bit >= from && bit < to),
      );
    });
    fc.assert(property);
  });

  it('say whether all bits are set, and meet', () => {
    const property = fc.property(bitsArbitrary, bitsArbitrary, (left, right) => {
      const count = Math.min(left.length, right.length);
      const both = intersect(bitmapOf(left), bitmapOf(right), count)!;
      expect(bitsOf(both, count)).toEqual(
        left.slice(0, count).map((bit, index) => bit && right[index]!),
      );
      expect(allSet(bitmapOf(left), left.length)).toBe(left.every(Boolean));
    });
    fc.assert(property);
    expect(intersect(undefined, undefined, 3)).toBeUndefined();
  });

  it('grow by ranges, by rows and by ones, and hold nothing while no bit is zero', () => {
    const append = fc.record({
      bits: fc.option(bitsArbitrary, { nil: undefined }),
      count: fc.nat({ max: 30 }),
      asRows: fc.boolean(),
    });
    const property = fc.property(fc.array(append, { maxLength: 8 }), (appends) => {
      const builder = new BitmapBuilder();
      const expected: boolean[] = [];
      for (const { bits, count, asRows } of appends) {
        const to = Math.min(count, bits?.length ?? count);
        const rows = Int32Array.from({ length: to }, (_, index) => to - 1 - index);
        const source = bits && bitmapOf(bits);
        if (asRows) builder.appendRows(source, rows, { from: 0, to });
        else builder.appendRange(source, 0, to);
        const appended = Array.from(
          { length: to },
          (_, index) => bits?.[asRows ? to - 1 - index : index] ?? true,
        );
        expected.push(...appended);
      }
      const zeroCount = expected.filter((bit) => !bit).length;
      expect(builder.zeroCount).toBe(zeroCount);
      const bitmap = builder.finish();
      expect(bitmap.byteLength).toBe(builder.byteLength);
      if (zeroCount === 0) expect(bitmap).toHaveLength(0);
      else expect(bitsOf(bitmap, expected.length)).toEqual(expected);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

/** Bitmaps as Arrow and DuckDB have them: least significant bit first, 1 = set. */
import type { Bitmap } from './column-vector.ts';

export function bitmapBytes(bitCount: number): number {
  return (bitCount + 7) >>> 3;
}

export function testBit(bits: Bitmap, index: number): boolean {
  return ((bits[index >>> 3]! >>> (index & 7)) & 1) === 1;
}

export function setBit(bits: Bitmap, index: number): void {
  bits[index >>> 3]! |= 1 << (index & 7);
}

/** Sets bits [from, to). */
export function setBits(bits: Bitmap, from: number, to: number): void {
  let index = from;
  while (index < to && (index & 7) !== 0) setBit(bits, index++);
  const wholeBytesEnd = index + ((to - index) & ~7);
  if (index < wholeBytesEnd) bits.fill(0xff, index >>> 3, wholeBytesEnd >>> 3);
  for (index = Math.max(index, wholeBytesEnd); index < to; index += 1) setBit(bits, index);
}

/** True if the first `bitCount` bits are all set. */
export function allSet(bits: Bitmap, bitCount: number): boolean {
  const wholeBytes = bitCount >>> 3;
  for (let index = 0; index < wholeBytes; index += 1) {
    if (bits[index] !== 0xff) return false;
  }
  const rest = (1 << (bitCount & 7)) - 1;
  return rest === 0 || (bits[wholeBytes]! & rest) === rest;
}

/** The bits that are set in both, over `bitCount` bits; `undefined` = all set. */
export function intersect(
  a: Bitmap | undefined,
  b: Bitmap | undefined,
  bitCount: number,
): Bitmap | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const both = new Uint8Array(bitmapBytes(bitCount));
  for (let index = 0; index < both.length; index += 1) both[index] = a[index]! & b[index]!;
  return both;
}

/** A growing bitmap that holds nothing until the first zero bit comes. */
export class BitmapBuilder {
  #bits: Uint8Array | undefined;
  #length = 0;
  #zeroCount = 0;

  get zeroCount(): number {
    return this.#zeroCount;
  }

  /** Bytes of the bitmap as `finish` would give it. */
  get byteLength(): number {
    return this.#zeroCount === 0 ? 0 : bitmapBytes(this.#length);
  }

  /** Appends bits [from, to) of `source`; `undefined` = ones. */
  appendRange(source: Bitmap | undefined, from: number, to: number): void {
    if (source === undefined) {
      this.#appendOnes(to - from);
      return;
    }
    const bits = this.#reserve(to - from);
    let target = this.#length;
    for (let index = from; index < to; index += 1, target += 1) {
      if (((source[index >>> 3]! >>> (index & 7)) & 1) === 0) this.#zeroCount += 1;
      else bits[target >>> 3]! |= 1 << (target & 7);
    }
    this.#length = target;
  }

  /** Appends the bits of rows[from … to). */
  appendRows(source: Bitmap | undefined, rows: Int32Array, range: RowRange): void {
    if (source === undefined) {
      this.#appendOnes(range.to - range.from);
      return;
    }
    const bits = this.#reserve(range.to - range.from);
    let target = this.#length;
    for (let index = range.from; index < range.to; index += 1, target += 1) {
      const row = rows[index]!;
      if (((source[row >>> 3]! >>> (row & 7)) & 1) === 0) this.#zeroCount += 1;
      else bits[target >>> 3]! |= 1 << (target & 7);
    }
    this.#length = target;
  }

  /** The bitmap, empty if no bit is zero. Valid until the next append or reset. */
  finish(): Uint8Array {
    if (this.#bits === undefined || this.#zeroCount === 0) return new Uint8Array(0);
    return this.#bits.subarray(0, bitmapBytes(this.#length));
  }

  reset(): void {
    this.#bits = undefined;
    this.#length = 0;
    this.#zeroCount = 0;
  }

  #appendOnes(count: number): void {
    if (this.#bits !== undefined) setBits(this.#reserve(count), this.#length, this.#length + count);
    this.#length += count;
  }

  #reserve(count: number): Uint8Array {
    const needed = bitmapBytes(this.#length + count);
    const bits = this.#bits;
    if (bits !== undefined && bits.length >= needed) return bits;
    const grown = new Uint8Array(Math.max(needed, (bits?.length ?? 0) * 2, 512));
    if (bits === undefined) setBits(grown, 0, this.#length);
    else grown.set(bits);
    this.#bits = grown;
    return grown;
  }
}

/** Entries [from, to) of a list of rows. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

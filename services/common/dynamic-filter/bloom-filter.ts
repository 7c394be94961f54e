/**
 * A bloom filter over DuckDB's `hash()` of the keys, as 32-bit words: one bit from the lower half of a hash, one from
 * the upper. Filters of one size are united word by word, so all tasks of a stage use the size that the plan names.
 */
import { assert } from '../assert.ts';

/** 128 KiB: little in a message of the control stream, and in a processor's cache. */
export const MAX_BLOOM_BITS = 1 << 20;
const MIN_BLOOM_BITS = 1 << 13;
/** Two hashes in so many bits a key let 2 % of the others pass. */
const BITS_PER_KEY = 14;
/** Below this, a filter lets more than a third of all keys pass. */
const LEAST_BITS_PER_KEY = 3;

/** Bits for so many keys, a power of two; 0 = too many for a filter that is worth its bits. */
export function bloomBitsFor(keyCount: number): number {
  if (keyCount * LEAST_BITS_PER_KEY > MAX_BLOOM_BITS) return 0;
  const wanted = Math.min(MAX_BLOOM_BITS, Math.max(MIN_BLOOM_BITS, keyCount * BITS_PER_KEY));
  return 2 ** Math.ceil(Math.log2(wanted));
}

export function isBloomBits(bits: number): boolean {
  return bits === 0 || (bits >= 32 && bits <= MAX_BLOOM_BITS && Math.log2(bits) % 1 === 0);
}

/** An empty filter of `bits`, a power of two and at least 32. */
export function emptyBloom(bits: number): Int32Array {
  assert(bits >= 32 && isBloomBits(bits), `${bits} bits are a bloom filter`);
  return new Int32Array(bits / 32);
}

/** Adds hashes: little-endian pairs of words, the lower half first. */
export function addHashes(bloom: Int32Array, hashes: Uint32Array): void {
  const mask = bloom.length * 32 - 1;
  for (let i = 0; i < hashes.length; i += 2) {
    const low = hashes[i]! & mask;
    const high = hashes[i + 1]! & mask;
    bloom[low >>> 5]! |= 1 << (low & 31);
    bloom[high >>> 5]! |= 1 << (high & 31);
  }
}

/** False: no key with this hash was added. */
export function mayContainHash(bloom: Int32Array, low: number, high: number): boolean {
  const mask = bloom.length * 32 - 1;
  const first = low & mask;
  const second = high & mask;
  return (
    (bloom[first >>> 5]! & (1 << (first & 31))) !== 0 &&
    (bloom[second >>> 5]! & (1 << (second & 31))) !== 0
  );
}

/** All keys of both; both have one size. */
export function unionBlooms(a: readonly number[], b: readonly number[]): readonly number[] {
  assert(a.length === b.length, 'bloom filters of one key have one size');
  return a.map((word, index) => word | b[index]!);
}

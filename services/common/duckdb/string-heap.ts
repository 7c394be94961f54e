/**
 * Finds strings and fetches the long ones from DuckDB's heaps. Every long string has a pointer of its own,
 * but most lie behind each other, and one call of the bindings reads any stretch of memory: a run of
 * strings. A run may skip small gaps, since memory is mapped in pages of at least 4 KiB: between two
 * readable bytes that are not more than 4 KiB apart there is no page that holds neither.
 */
import duckdb from '@duckdb/node-bindings';
import { testBit } from '../page/bitmap.ts';
import type { Bitmap } from '../page/column-vector.ts';
import { MAX_INLINE_BYTES, STRING_ENTRY_BYTES } from './string-entry.ts';
import { expectReadable } from './vector-memory.ts';

const MAX_GAP_BYTES = 4095;
/** Strings from this length on are looked up among all that came before, not only the last one. */
const SHARED_STRING_BYTES = 1024;
const TWO_TO_32 = 2 ** 32;

export interface FoundStrings {
  /** Entries as 32-bit words: length, first bytes, pointer low, pointer high. */
  readonly words: Uint32Array;
  /** NULLs have the length 0. */
  readonly lengths: Uint32Array;
  /**
   * Where a long string starts in the heap that `readHeap` gives; a negative number -1 - r: it is the same
   * string as row r's. Of no meaning for short ones.
   */
  readonly positions: Int32Array;
  readonly runs: readonly Run[];
  readonly inlineBytes: number;
  /** Bytes of the long strings, the same string counted once. */
  readonly longBytes: number;
}

interface Run {
  /** A row whose pointer is the start of the run. */
  readonly row: number;
  readonly address: number;
  /** Where the run starts in the heap. */
  readonly start: number;
  byteLength: number;
}

export function findStrings(words: Uint32Array, validity: Bitmap | undefined): FoundStrings {
  const rowCount = words.length / 4;
  const lengths = new Uint32Array(rowCount);
  const positions = new Int32Array(rowCount);
  const repeats = new RepeatedStrings();
  const runs: Run[] = [];
  let run: Run = { row: 0, address: Infinity, start: 0, byteLength: 0 };
  let inlineBytes = 0;
  let longBytes = 0;
  for (let row = 0; row < rowCount; row += 1) {
    if (validity !== undefined && !testBit(validity, row)) continue;
    const length = words[row * 4]!;
    lengths[row] = length;
    if (length <= MAX_INLINE_BYTES) {
      inlineBytes += length;
      continue;
    }
    const address = words[row * 4 + 3]! * TWO_TO_32 + words[row * 4 + 2]!;
    const same = repeats.find(row, address, length);
    if (same !== undefined) {
      positions[row] = -1 - same;
      continue;
    }
    longBytes += length;
    let offset = address - run.address;
    if (offset < 0 || offset > run.byteLength + MAX_GAP_BYTES) {
      run = { row, address, start: run.start + run.byteLength, byteLength: 0 };
      runs.push(run);
      offset = 0;
    }
    if (offset + length > run.byteLength) run.byteLength = offset + length;
    positions[row] = run.start + offset;
  }
  expectReadable(run.start + run.byteLength + inlineBytes);
  return { words, lengths, positions, runs, inlineBytes, longBytes };
}

/** The memory of all runs, one behind the other. */
export function readHeap(found: FoundStrings): Uint8Array {
  const [only] = found.runs;
  if (only === undefined) return new Uint8Array(0);
  if (found.runs.length === 1) return readRun(found.words, only);
  const last = found.runs.at(-1)!;
  const heap = new Uint8Array(last.start + last.byteLength);
  for (const run of found.runs) heap.set(readRun(found.words, run), run.start);
  return heap;
}

function readRun(words: Uint32Array, run: Run): Uint8Array {
  const pointerAt = words.byteOffset + run.row * STRING_ENTRY_BYTES + 8;
  const buffer = words.buffer as ArrayBuffer;
  const bytes = duckdb.get_data_from_pointer(buffer, pointerAt, run.byteLength);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Knows the string before and all large ones, so that a repeated large value is read once. */
class RepeatedStrings {
  #lastAddress = 0;
  #lastLength = 0;
  #lastRow = 0;
  #large: Map<number, { readonly length: number; readonly row: number }> | undefined;

  /** An earlier row with the same string, if known. */
  find(row: number, address: number, length: number): number | undefined {
    if (address === this.#lastAddress && length === this.#lastLength) return this.#lastRow;
    if (length >= SHARED_STRING_BYTES) {
      this.#large ??= new Map();
      const earlier = this.#large.get(address);
      if (earlier?.length === length) return earlier.row;
      this.#large.set(address, { length, row });
    }
    this.#lastAddress = address;
    this.#lastLength = length;
    this.#lastRow = row;
    return undefined;
  }
}

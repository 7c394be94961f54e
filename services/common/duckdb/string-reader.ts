/**
 * Reads vectors of strings (text, blobs, bits …). Short strings lie in their entries; the long ones are
 * fetched from DuckDB's heaps in as few calls of the bindings as possible (string-heap.ts).
 */
import type duckdb from '@duckdb/node-bindings';
import { testBit } from '../page/bitmap.ts';
import { type Bitmap, type BytesColumn, isContiguous } from '../page/column-vector.ts';
import { MAX_INLINE_BYTES, STRING_ENTRY_BYTES } from './string-entry.ts';
import { findStrings, type FoundStrings, readHeap } from './string-heap.ts';
import { readData, readValidity } from './vector-memory.ts';

/** Reads the strings of the rows of `mask` (`undefined` = all). NULLs become empty strings. */
export function readStrings(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): BytesColumn {
  const validity = readValidity(vector, rowCount, mask);
  const entries = readData(vector, rowCount * STRING_ENTRY_BYTES);
  const words = new Uint32Array(entries.buffer, entries.byteOffset, rowCount * 4);
  const ranges = readInlineStrings(words, validity) ?? readAnyStrings(words, validity);
  const { starts, ends } = ranges;
  return { kind: 'bytes', rowCount, validity, contiguous: isContiguous(starts, ends), ...ranges };
}

type Ranges = Pick<BytesColumn, 'starts' | 'ends' | 'bytes'>;

/** The strings if all of them are short, as flags and codes are; else `undefined`. */
function readInlineStrings(words: Uint32Array, validity: Bitmap | undefined): Ranges | undefined {
  const rowCount = words.length / 4;
  if (rowCount > 0 && validity === undefined && words[0]! > MAX_INLINE_BYTES) return undefined;
  const starts = new Uint32Array(rowCount);
  const ends = new Uint32Array(rowCount);
  const bytes = new Uint8Array((rowCount + 1) * MAX_INLINE_BYTES);
  const view = new DataView(bytes.buffer);
  let end = 0;
  for (let row = 0, word = 0; row < rowCount; row += 1, word += 4) {
    starts[row] = end;
    if (validity === undefined || testBit(validity, row)) {
      const length = words[word]!;
      if (length > MAX_INLINE_BYTES) return undefined;
      // Whole words: what is too much is overwritten by the next string.
      view.setUint32(end, words[word + 1]!, true);
      view.setUint32(end + 4, words[word + 2]!, true);
      view.setUint32(end + 8, words[word + 3]!, true);
      end += length;
    }
    ends[row] = end;
  }
  return { starts, ends, bytes: bytes.subarray(0, end) };
}

function readAnyStrings(words: Uint32Array, validity: Bitmap | undefined): Ranges {
  const found = findStrings(words, validity);
  return found.inlineBytes === 0 ? viewHeap(found) : copyStrings(found);
}

/** All strings are long or empty: the heap's memory is the column's. */
function viewHeap(found: FoundStrings): Ranges {
  const { lengths, positions } = found;
  const starts = new Uint32Array(lengths.length);
  const ends = new Uint32Array(lengths.length);
  let end = 0;
  for (let row = 0; row < lengths.length; row += 1) {
    const length = lengths[row]!;
    const position = positions[row]!;
    const start = length === 0 ? end : position < 0 ? starts[-1 - position]! : position;
    end = start + length;
    starts[row] = start;
    ends[row] = end;
  }
  return { starts, ends, bytes: readHeap(found) };
}

/** Copies inline and long strings into one buffer, in the order of their rows. */
function copyStrings(found: FoundStrings): Ranges {
  const { words, lengths, positions } = found;
  const rowCount = lengths.length;
  const starts = new Uint32Array(rowCount);
  const ends = new Uint32Array(rowCount);
  const target = new SpanTarget(readHeap(found), found.inlineBytes + found.longBytes);
  let end = 0;
  for (let row = 0; row < rowCount; row += 1) {
    const length = lengths[row]!;
    const position = positions[row]!;
    if (position < 0) {
      starts[row] = starts[-1 - position]!;
      ends[row] = ends[-1 - position]!;
      continue;
    }
    starts[row] = end;
    if (length > MAX_INLINE_BYTES) target.putLong(position, end);
    else if (length > 0) target.putInline(words, row * 4 + 1, end);
    end += length;
    ends[row] = end;
  }
  return { starts, ends, bytes: target.finish(end) };
}

/** Longer spans are copied by the runtime, shorter ones cost less in a loop of our own. */
const SHORT_SPAN_BYTES = 24;

/** Strings behind each other; long ones that touch in heap and target are copied at once. */
class SpanTarget {
  readonly #heap: Uint8Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where the pending span starts in the heap, and in the target; -1: none is pending. */
  #from = -1;
  #to = 0;

  constructor(heap: Uint8Array, totalBytes: number) {
    this.#heap = heap;
    this.#bytes = new Uint8Array(totalBytes + MAX_INLINE_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
  }

  putInline(words: Uint32Array, index: number, at: number): void {
    if (this.#from >= 0) this.#flush(at);
    const view = this.#view;
    view.setUint32(at, words[index]!, true);
    view.setUint32(at + 4, words[index + 1]!, true);
    view.setUint32(at + 8, words[index + 2]!, true);
  }

  putLong(position: number, at: number): void {
    if (this.#from >= 0) {
      const touches = position - this.#from === at - this.#to;
      if (touches) return;
      this.#flush(at);
    }
    this.#from = position;
    this.#to = at;
  }

  finish(end: number): Uint8Array {
    if (this.#from >= 0) this.#flush(end);
    return this.#bytes.subarray(0, end);
  }

  /** Copies the pending span, which ends at `end` in the target. */
  #flush(end: number): void {
    const bytes = this.#bytes;
    const heap = this.#heap;
    const from = this.#from;
    const to = this.#to;
    this.#from = -1;
    if (end - to > SHORT_SPAN_BYTES) bytes.set(heap.subarray(from, from + end - to), to);
    else
      for (let offset = 0; to + offset < end; offset += 1)
        bytes[to + offset] = heap[from + offset]!;
  }
}

/**
 * Writes strings (text, blobs, bits …) into DuckDB's vectors. All bytes of the rows are given to the vector
 * at once, as the string of its first row; DuckDB copies them to the vector's heap. The pointer it keeps is
 * read back, and the entries of all rows are written as memory: inline up to 12 bytes, else pointing into
 * that one copy, which lives as long as the vector does.
 *
 * A self-test compares the trick with DuckDB's own way once per isolate; where it fails, strings are
 * written one by one.
 */
import duckdb from '@duckdb/node-bindings';
import { assert } from '../assert.ts';
import type { RowRange } from '../page/bitmap.ts';
import type { BytesColumn } from '../page/column-vector.ts';
import { scratchWords } from './scratch-memory.ts';
import { MAX_INLINE_BYTES, STRING_ENTRY_BYTES } from './string-entry.ts';
import { readData } from './vector-memory.ts';

let trickWorks: boolean | undefined;

/** Writes rows [from, to) of the column to the vector's first rows. */
export function writeStrings(vector: duckdb.Vector, column: BytesColumn, rows: RowRange): void {
  assert(column.contiguous, 'columns of a page lie behind each other');
  trickWorks ??= stringTrickWorks();
  if (trickWorks) writeStringsAtOnce(vector, column, rows);
  else writeStringsOneByOne(vector, column, rows);
}

export function writeStringsOneByOne(
  vector: duckdb.Vector,
  column: BytesColumn,
  rows: RowRange,
): void {
  for (let row = rows.from; row < rows.to; row += 1) {
    const text = column.bytes.subarray(column.starts[row], column.ends[row]);
    duckdb.vector_assign_string_element_len(vector, row - rows.from, text);
  }
}

export function writeStringsAtOnce(
  vector: duckdb.Vector,
  column: BytesColumn,
  rows: RowRange,
): void {
  const { starts, ends, bytes } = column;
  const rowCount = rows.to - rows.from;
  if (rowCount === 0) return;
  const first = starts[rows.from]!;
  const base = new HeapBase(vector, bytes.subarray(first, ends[rows.to - 1]));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const safeEnd = bytes.byteLength - MAX_INLINE_BYTES;
  const entries = scratchWords(rowCount * 4);
  for (let row = rows.from, at = 0; row < rows.to; row += 1, at += 4) {
    const start = starts[row]!;
    const length = ends[row]! - start;
    entries[at] = length;
    if (length > MAX_INLINE_BYTES) {
      entries[at + 1] = view.getUint32(start, true);
      base.writePointer(entries, at + 2, start - first);
    } else if (start <= safeEnd) {
      const masks = length * 3;
      entries[at + 1] = view.getUint32(start, true) & INLINE_MASKS[masks]!;
      entries[at + 2] = view.getUint32(start + 4, true) & INLINE_MASKS[masks + 1]!;
      entries[at + 3] = view.getUint32(start + 8, true) & INLINE_MASKS[masks + 2]!;
    } else packInline(entries, at + 1, bytes.subarray(start, start + length));
  }
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, rowCount * STRING_ENTRY_BYTES);
}

/** Entry 3 * n + w = the bits of word w that belong to an inline string of n bytes; the rest must be 0. */
const INLINE_MASKS = inlineMasks();

function inlineMasks(): Uint32Array {
  const masks = new Uint32Array((MAX_INLINE_BYTES + 1) * 3);
  const bytes = new Uint8Array(masks.buffer);
  for (let length = 0; length <= MAX_INLINE_BYTES; length += 1) {
    bytes.fill(0xff, length * MAX_INLINE_BYTES, length * MAX_INLINE_BYTES + length);
  }
  return masks;
}

function packInline(entries: Uint32Array, at: number, text: Uint8Array): void {
  entries.fill(0, at, at + 3);
  for (let index = 0; index < text.length; index += 1) {
    entries[at + (index >>> 2)]! |= text[index]! << ((index & 3) * 8);
  }
}

/** The address of the strings' bytes in the vector's heap, in two words. */
class HeapBase {
  #low = 0;
  #high = 0;

  constructor(vector: duckdb.Vector, bytes: Uint8Array) {
    if (bytes.byteLength <= MAX_INLINE_BYTES) return;
    duckdb.vector_assign_string_element_len(vector, 0, bytes);
    const entry = readData(vector, STRING_ENTRY_BYTES);
    const [, , low, high] = new Uint32Array(entry.buffer, entry.byteOffset, 4);
    this.#low = low!;
    this.#high = high!;
  }

  writePointer(entries: Uint32Array, at: number, offset: number): void {
    const low = this.#low + offset;
    entries[at] = low;
    entries[at + 1] = low > 0xffff_ffff ? this.#high + 1 : this.#high;
  }
}

/** Writes the same strings in both ways and compares what DuckDB then holds. */
export function stringTrickWorks(): boolean {
  const texts = [
    '',
    'a',
    'twelve bytes',
    'thirteen byte',
    'schön und länger als zwölf Bytes',
    'end',
  ];
  const bytes = new TextEncoder().encode(texts.join(''));
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (const [index, text] of texts.entries()) ends[index] = end += Buffer.byteLength(text);
  const starts = new Uint32Array(texts.length);
  starts.set(ends.subarray(0, -1), 1);
  const rowCount = texts.length;
  const column: BytesColumn = {
    kind: 'bytes',
    rowCount,
    validity: undefined,
    starts,
    ends,
    bytes,
    contiguous: true,
  };
  const text = duckdb.create_logical_type(duckdb.Type.VARCHAR);
  const chunk = duckdb.create_data_chunk([text, text]);
  const oneByOne = duckdb.data_chunk_get_vector(chunk, 0);
  const atOnce = duckdb.data_chunk_get_vector(chunk, 1);
  const rows = { from: 0, to: rowCount };
  writeStringsOneByOne(oneByOne, column, rows);
  writeStringsAtOnce(atOnce, column, rows);
  return sameStrings(oneByOne, atOnce, rowCount);
}

/** Pointers are followed only where length and first bytes are as expected. */
function sameStrings(a: duckdb.Vector, b: duckdb.Vector, rowCount: number): boolean {
  const left = Buffer.from(readData(a, rowCount * STRING_ENTRY_BYTES));
  const right = Buffer.from(readData(b, rowCount * STRING_ENTRY_BYTES));
  for (let at = 0; at < left.length; at += STRING_ENTRY_BYTES) {
    if (left.compare(right, at, at + 8, at, at + 8) !== 0) return false;
    if (!readEntry(left, at).equals(readEntry(right, at))) return false;
  }
  return true;
}

/** The bytes behind the length: inline ones with their padding. */
function readEntry(entries: Buffer, at: number): Buffer {
  const length = entries.readUInt32LE(at);
  if (length <= MAX_INLINE_BYTES) return entries.subarray(at + 4, at + STRING_ENTRY_BYTES);
  const pointerAt = entries.byteOffset + at + 8;
  const text = duckdb.get_data_from_pointer(entries.buffer as ArrayBuffer, pointerAt, length);
  return Buffer.from(text);
}

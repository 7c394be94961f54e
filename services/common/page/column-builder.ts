/**
 * Growing columns of a page. Rows come in column by column from column vectors, either as a range or
 * as a list of rows (scatter); `collect` hands out the Arrow buffers, `reset` keeps the memory for the
 * next page. Integers move as words of at most 32 bits, never as floating point.
 */
import { BitmapBuilder, type RowRange } from './bitmap.ts';
import { ByteStore } from './byte-store.ts';
import type {
  BooleanColumn,
  BytesColumn,
  ColumnVector,
  FixedColumn,
  NullColumn,
} from './column-vector.ts';
import type { BatchLayout } from './record-batch-message.ts';
import { padTo8 } from './page.ts';
import type { ByteWidth } from './storage.ts';

export interface ColumnBuilder<Source extends ColumnVector = ColumnVector> {
  /** Bytes of the body that the rows so far need. */
  readonly byteLength: number;
  /** Appends rows [from, to) of the source. */
  appendRange(source: Source, from: number, to: number): void;
  /** Appends the source's rows `rows[range.from] … rows[range.to - 1]`. */
  appendRows(source: Source, rows: Int32Array, range: RowRange): void;
  /** Adds this column's nodes and buffers, which stay valid until the next append or reset. */
  collect(layout: BatchLayout): void;
  reset(): void;
}

export class NullBuilder implements ColumnBuilder<NullColumn> {
  #rowCount = 0;
  readonly byteLength = 0;

  appendRange(_source: NullColumn, from: number, to: number): void {
    this.#rowCount += to - from;
  }

  appendRows(_source: NullColumn, _rows: Int32Array, range: RowRange): void {
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#rowCount });
  }

  reset(): void {
    this.#rowCount = 0;
  }
}

type Words = Uint8Array | Uint16Array | Uint32Array;

export class FixedBuilder implements ColumnBuilder<FixedColumn> {
  readonly #byteWidth: ByteWidth;
  readonly #wordsPerValue: number;
  readonly #validity = new BitmapBuilder();
  #words: Words;
  #rowCount = 0;

  constructor(byteWidth: ByteWidth) {
    this.#byteWidth = byteWidth;
    this.#wordsPerValue = Math.max(1, byteWidth / 4);
    this.#words = allocateWords(byteWidth, 64);
  }

  get byteLength(): number {
    return padTo8(this.#validity.byteLength) + padTo8(this.#rowCount * this.#byteWidth);
  }

  appendRange(source: FixedColumn, from: number, to: number): void {
    this.#reserve(to - from);
    const perValue = this.#wordsPerValue;
    this.#words.set(
      source.words.subarray(from * perValue, to * perValue),
      this.#rowCount * perValue,
    );
    this.#validity.appendRange(source.validity, from, to);
    this.#rowCount += to - from;
  }

  appendRows(source: FixedColumn, rows: Int32Array, range: RowRange): void {
    this.#reserve(range.to - range.from);
    gather(this.#words, source.words, {
      rows,
      range,
      target: this.#rowCount,
      wordsPerValue: this.#wordsPerValue,
    });
    this.#validity.appendRows(source.validity, rows, range);
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    const words = this.#words;
    const bytes = new Uint8Array(words.buffer, 0, this.#rowCount * this.#byteWidth);
    layout.buffers.push(this.#validity.finish(), bytes);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#validity.reset();
  }

  #reserve(count: number): void {
    const needed = (this.#rowCount + count) * this.#wordsPerValue;
    if (needed <= this.#words.length) return;
    const grown = allocateWords(this.#byteWidth, Math.max(needed, this.#words.length * 2));
    grown.set(this.#words);
    this.#words = grown;
  }
}

function allocateWords(byteWidth: ByteWidth, wordCount: number): Words {
  if (byteWidth === 1) return new Uint8Array(wordCount);
  return byteWidth === 2 ? new Uint16Array(wordCount) : new Uint32Array(wordCount);
}

interface Gather {
  readonly rows: Int32Array;
  readonly range: RowRange;
  /** Row in the target where the first value goes. */
  readonly target: number;
  readonly wordsPerValue: number;
}

/** The scatter loop; one function per word type and width keeps each loop monomorphic. */
function gather(target: Words, source: Words, job: Gather): void {
  if (target instanceof Uint32Array) {
    if (job.wordsPerValue === 1) gatherWords32(target, source as Uint32Array, job);
    else if (job.wordsPerValue === 2) gatherPairs32(target, source as Uint32Array, job);
    else gatherQuads32(target, source as Uint32Array, job);
  } else if (target instanceof Uint16Array) gatherWords16(target, source as Uint16Array, job);
  else gatherWords8(target, source as Uint8Array, job);
}

function gatherWords8(target: Uint8Array, source: Uint8Array, job: Gather): void {
  const { rows, range } = job;
  let at = job.target;
  for (let index = range.from; index < range.to; index += 1) target[at++] = source[rows[index]!]!;
}

function gatherWords16(target: Uint16Array, source: Uint16Array, job: Gather): void {
  const { rows, range } = job;
  let at = job.target;
  for (let index = range.from; index < range.to; index += 1) target[at++] = source[rows[index]!]!;
}

function gatherWords32(target: Uint32Array, source: Uint32Array, job: Gather): void {
  const { rows, range } = job;
  let at = job.target;
  for (let index = range.from; index < range.to; index += 1) target[at++] = source[rows[index]!]!;
}

function gatherPairs32(target: Uint32Array, source: Uint32Array, job: Gather): void {
  const { rows, range } = job;
  let at = job.target * 2;
  for (let index = range.from; index < range.to; index += 1) {
    const from = rows[index]! * 2;
    target[at] = source[from]!;
    target[at + 1] = source[from + 1]!;
    at += 2;
  }
}

function gatherQuads32(target: Uint32Array, source: Uint32Array, job: Gather): void {
  const { rows, range } = job;
  let at = job.target * 4;
  for (let index = range.from; index < range.to; index += 1) {
    const from = rows[index]! * 4;
    target[at] = source[from]!;
    target[at + 1] = source[from + 1]!;
    target[at + 2] = source[from + 2]!;
    target[at + 3] = source[from + 3]!;
    at += 4;
  }
}

/** Booleans are gathered as bytes and packed into bits when the page is built. */
export class BooleanBuilder implements ColumnBuilder<BooleanColumn> {
  readonly #validity = new BitmapBuilder();
  #values = new Uint8Array(64);
  #rowCount = 0;

  get byteLength(): number {
    return padTo8(this.#validity.byteLength) + padTo8((this.#rowCount + 7) >>> 3);
  }

  appendRange(source: BooleanColumn, from: number, to: number): void {
    this.#values = withRoom(this.#values, this.#rowCount, to - from);
    this.#values.set(source.values.subarray(from, to), this.#rowCount);
    this.#validity.appendRange(source.validity, from, to);
    this.#rowCount += to - from;
  }

  appendRows(source: BooleanColumn, rows: Int32Array, range: RowRange): void {
    this.#values = withRoom(this.#values, this.#rowCount, range.to - range.from);
    const job = { rows, range, target: this.#rowCount, wordsPerValue: 1 };
    gatherWords8(this.#values, source.values, job);
    this.#validity.appendRows(source.validity, rows, range);
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    const bits = new Uint8Array((this.#rowCount + 7) >>> 3);
    for (let row = 0; row < this.#rowCount; row += 1) {
      if (this.#values[row] !== 0) bits[row >>> 3]! |= 1 << (row & 7);
    }
    layout.buffers.push(this.#validity.finish(), bits);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#validity.reset();
  }
}

export class BytesBuilder implements ColumnBuilder<BytesColumn> {
  readonly #validity = new BitmapBuilder();
  readonly #bytes = new ByteStore();
  #offsets = new Int32Array(65);
  #rowCount = 0;

  get byteLength(): number {
    const offsetBytes = padTo8((this.#rowCount + 1) * 4);
    return padTo8(this.#validity.byteLength) + offsetBytes + padTo8(this.#bytes.length);
  }

  appendRange(source: BytesColumn, from: number, to: number): void {
    if (from === to) return;
    if (!source.contiguous) {
      this.appendRows(source, consecutiveRows(from, to), { from: 0, to: to - from });
      return;
    }
    const { starts, ends, bytes } = source;
    const offsets = this.#offsetRoom(to - from);
    const shift = this.#bytes.length - starts[from]!;
    for (let row = from, at = 0; row < to; row += 1, at += 1) offsets[at] = ends[row]! + shift;
    this.#bytes.appendRange(bytes, starts[from]!, ends[to - 1]!);
    this.#validity.appendRange(source.validity, from, to);
    this.#rowCount += to - from;
  }

  appendRows(source: BytesColumn, rows: Int32Array, range: RowRange): void {
    const { starts, ends } = source;
    let byteCount = 0;
    for (let index = range.from; index < range.to; index += 1) {
      const row = rows[index]!;
      byteCount += ends[row]! - starts[row]!;
    }
    this.#bytes.reserve(byteCount);
    const offsets = this.#offsetRoom(range.to - range.from);
    this.#bytes.appendValues(source, { indexes: rows, ...range }, offsets);
    this.#validity.appendRows(source.validity, rows, range);
    this.#rowCount += range.to - range.from;
  }

  collect(layout: BatchLayout): void {
    layout.nodes.push({ rowCount: this.#rowCount, nullCount: this.#validity.zeroCount });
    const offsets = new Uint8Array(this.#offsets.buffer, 0, (this.#rowCount + 1) * 4);
    layout.buffers.push(this.#validity.finish(), offsets, this.#bytes.bytes);
  }

  reset(): void {
    this.#rowCount = 0;
    this.#bytes.reset();
    this.#validity.reset();
  }

  /** Room for the ends of so many more values. */
  #offsetRoom(count: number): Int32Array {
    this.#offsets = withOffsetRoom(this.#offsets, this.#rowCount, count);
    return this.#offsets.subarray(this.#rowCount + 1);
  }
}

export function consecutiveRows(from: number, to: number): Int32Array {
  const rows = new Int32Array(to - from);
  for (let index = 0; index < rows.length; index += 1) rows[index] = from + index;
  return rows;
}

/** The array itself, or a larger copy, with room for `count` more entries behind `used`. */
export function withRoom(
  array: Uint8Array<ArrayBuffer>,
  used: number,
  count: number,
): Uint8Array<ArrayBuffer> {
  if (used + count <= array.length) return array;
  const grown = new Uint8Array(Math.max(used + count, array.length * 2));
  grown.set(array.subarray(0, used));
  return grown;
}

/** Offsets of `used` rows have one entry more; the first is always 0. */
export function withOffsetRoom(
  offsets: Int32Array<ArrayBuffer>,
  used: number,
  count: number,
): Int32Array<ArrayBuffer> {
  const needed = used + count + 1;
  if (needed <= offsets.length) return offsets;
  const grown = new Int32Array(Math.max(needed, offsets.length * 2));
  grown.set(offsets.subarray(0, used + 1));
  return grown;
}

/** Memory that strings are copied to, one behind the other: the inner loop of everything that moves text. */
import type { RowRange } from './bitmap.ts';
import type { BytesColumn } from './column-vector.ts';

/** Longer values are copied by the runtime, whose call costs as much as a loop over so many bytes. */
const LOOP_COPY_BYTES = 64;
/** Shorter ones are copied in whole words, so up to 12 bytes more than they have: the next one overwrites them. */
const SLACK_BYTES = 12;

/** Growing memory that strings are copied to, one behind the other. */
export class ByteStore {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next append or reset. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for `byteCount` more bytes: appends that fit in need no further look. */
  reserve(byteCount: number): void {
    const needed = this.#length + byteCount + SLACK_BYTES;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** Appends bytes [from, to) of the source. */
  appendRange(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.#bytes.set(source.subarray(from, to), this.#length);
    this.#length += to - from;
  }

  /**
   * Appends the values of the column's rows `rows[range.from] … rows[range.to - 1]`, and writes where each of
   * them ends to `ends`.
   */
  appendValues(column: BytesColumn, rows: RowList, ends: Int32Array): void {
    const { starts, ends: sourceEnds, bytes } = column;
    const { indexes, from, to } = rows;
    const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const target = this.#view;
    const lastWord = bytes.byteLength - SLACK_BYTES;
    let at = this.#length;
    for (let index = from; index < to; index += 1) {
      const row = indexes[index]!;
      const start = starts[row]!;
      const byteCount = sourceEnds[row]! - start;
      if (byteCount > LOOP_COPY_BYTES || start + byteCount > lastWord) {
        this.#bytes.set(bytes.subarray(start, start + byteCount), at);
      } else {
        target.setUint32(at, source.getUint32(start, true), true);
        target.setUint32(at + 4, source.getUint32(start + 4, true), true);
        target.setUint32(at + 8, source.getUint32(start + 8, true), true);
        for (let offset = 12; offset < byteCount; offset += 4) {
          target.setUint32(at + offset, source.getUint32(start + offset, true), true);
        }
      }
      at += byteCount;
      ends[index - from] = at;
    }
    this.#length = at;
  }

  reset(): void {
    this.#length = 0;
  }
}

/** Rows `indexes[from] … indexes[to - 1]`. */
export interface RowList extends RowRange {
  readonly indexes: Int32Array;
}

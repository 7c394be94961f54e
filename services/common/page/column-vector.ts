/**
 * A column in memory: an Arrow array, read from DuckDB's vectors or from a page. Rows are appended to
 * page builders from it, and written into DuckDB's vectors.
 *
 * `validity` is a bitmap, least significant bit first, 1 = not NULL; `undefined` = no NULL. What lies
 * under a NULL is unspecified but safe to copy; `starts` and `ends` are equal there.
 */
import type { ByteWidth } from './storage.ts';

export type Bitmap = Uint8Array;

export interface NullColumn {
  readonly kind: 'null';
  readonly rowCount: number;
}

export interface FixedColumn {
  readonly kind: 'fixed';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  readonly byteWidth: ByteWidth;
  /** The values in words of their own width, wider ones in 32-bit words. */
  readonly words: Uint8Array | Uint16Array | Uint32Array;
}

export interface BooleanColumn {
  readonly kind: 'boolean';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  /** One byte a value, 0 or 1. */
  readonly values: Uint8Array;
}

/** Value i is `bytes[starts[i]] … bytes[ends[i] - 1]`; values may overlap and leave gaps. */
export interface BytesColumn {
  readonly kind: 'bytes';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly bytes: Uint8Array;
  /** Each value starts where the one before it ended. */
  readonly contiguous: boolean;
}

/** Value i is `item[starts[i]] … item[ends[i] - 1]`; values may overlap and leave gaps. Also a map. */
export interface ListColumn {
  readonly kind: 'list';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly item: ColumnVector;
  readonly contiguous: boolean;
}

/** Value i is `item[i * size] … item[(i + 1) * size - 1]`. */
export interface ArrayColumn {
  readonly kind: 'array';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  readonly size: number;
  readonly item: ColumnVector;
}

export interface StructColumn {
  readonly kind: 'struct';
  readonly rowCount: number;
  readonly validity: Bitmap | undefined;
  readonly fields: readonly ColumnVector[];
}

export interface UnionColumn {
  readonly kind: 'union';
  readonly rowCount: number;
  readonly tags: Uint8Array;
  readonly members: readonly ColumnVector[];
}

export type ColumnVector =
  | NullColumn
  | FixedColumn
  | BooleanColumn
  | BytesColumn
  | ListColumn
  | ArrayColumn
  | StructColumn
  | UnionColumn;

/** Views raw little-endian values as words; `byteOffset` must be a multiple of the word. */
export function wordsOf(
  buffer: ArrayBufferLike,
  range: { readonly byteOffset: number; readonly rowCount: number; readonly byteWidth: ByteWidth },
): Uint8Array | Uint16Array | Uint32Array {
  const { byteOffset, rowCount, byteWidth } = range;
  if (byteWidth === 1) return new Uint8Array(buffer, byteOffset, rowCount);
  if (byteWidth === 2) return new Uint16Array(buffer, byteOffset, rowCount);
  return new Uint32Array(buffer, byteOffset, (rowCount * byteWidth) / 4);
}

/** True if each value starts where the one before it ended. */
export function isContiguous(starts: Uint32Array, ends: Uint32Array): boolean {
  for (let row = 1; row < starts.length; row += 1) {
    if (starts[row] !== ends[row - 1]) return false;
  }
  return true;
}

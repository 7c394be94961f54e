/**
 * Reads DuckDB's vectors as raw memory into column vectors; no value is touched one by one by the bindings.
 * Result chunks are flat (DuckDB flattens them, nested vectors too, before the C API hands them out).
 *
 * What lies under a NULL, or in a list's child where no list points, is undefined in DuckDB and may hold
 * stale pointers: `mask` says which rows mean something, and nothing else is ever followed.
 */
import duckdb from '@duckdb/node-bindings';
import { allSet, bitmapBytes, setBit, setBits, testBit } from '../page/bitmap.ts';
import {
  type Bitmap,
  type ColumnVector,
  type FixedColumn,
  isContiguous,
  type ListColumn,
  wordsOf,
} from '../page/column-vector.ts';
import type { ByteWidth, Storage } from '../page/storage.ts';
import { readStrings } from './string-reader.ts';
import { readData, readValidity } from './vector-memory.ts';

/** Reads `rowCount` rows of a vector, those of `mask` only (`undefined` = all). */
export type VectorReader = (
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
) => ColumnVector;

/** Reads vectors as they are: the exchange layout. */
export function rawReader(storage: Storage): VectorReader {
  switch (storage.kind) {
    case 'null':
      return (_vector, rowCount) => ({ kind: 'null', rowCount });
    case 'fixed':
      return (vector, rowCount, mask) =>
        readFixed(vector, mask, { rowCount, byteWidth: storage.byteWidth });
    case 'bytes':
      return readStrings;
    case 'list':
      return listReader(rawReader(storage.item));
    case 'array':
      return arrayReader(storage.size, rawReader(storage.item));
    case 'struct':
      return structReader(storage.fields.map(rawReader));
    case 'boolean':
    case 'union':
      throw new Error(`DuckDB has no vectors of the storage ${storage.kind}`);
  }
}

export function readFixed(
  vector: duckdb.Vector,
  mask: Bitmap | undefined,
  shape: { readonly rowCount: number; readonly byteWidth: ByteWidth },
): FixedColumn {
  const { rowCount, byteWidth } = shape;
  const validity = readValidity(vector, rowCount, mask);
  const { buffer, byteOffset } = readData(vector, rowCount * byteWidth);
  const words = wordsOf(buffer, { byteOffset, rowCount, byteWidth });
  return { kind: 'fixed', rowCount, validity, byteWidth, words };
}

export function listReader(readItem: VectorReader): VectorReader {
  return (vector, rowCount, mask) => {
    const validity = readValidity(vector, rowCount, mask);
    const ranges = readListEntries(vector, rowCount, validity);
    const itemCount = duckdb.list_vector_get_size(vector);
    const itemMask = referencedItems(ranges, itemCount);
    const item = readItem(duckdb.list_vector_get_child(vector), itemCount, itemMask);
    return { kind: 'list', rowCount, validity, item, ...ranges };
  };
}

type ListRanges = Pick<ListColumn, 'starts' | 'ends' | 'contiguous'>;

/** A list entry is a 64-bit offset and a 64-bit length; NULL lists become empty ones. */
function readListEntries(
  vector: duckdb.Vector,
  rowCount: number,
  validity: Bitmap | undefined,
): ListRanges {
  const { buffer, byteOffset } = readData(vector, rowCount * 16);
  const words = new Uint32Array(buffer, byteOffset, rowCount * 4);
  const starts = new Uint32Array(rowCount);
  const ends = new Uint32Array(rowCount);
  let end = 0;
  for (let row = 0; row < rowCount; row += 1) {
    const isNull = validity !== undefined && !testBit(validity, row);
    const length = isNull ? 0 : words[row * 4 + 2]!;
    const start = length === 0 ? end : words[row * 4]!;
    end = start + length;
    starts[row] = start;
    ends[row] = end;
  }
  return { starts, ends, contiguous: isContiguous(starts, ends) };
}

/** Which items lists point at; `undefined` = all. */
function referencedItems(ranges: ListRanges, itemCount: number): Bitmap | undefined {
  const { starts, ends, contiguous } = ranges;
  const covered = contiguous && (starts[0] ?? 0) === 0 && (ends.at(-1) ?? 0) === itemCount;
  if (covered) return undefined;
  const referenced = new Uint8Array(bitmapBytes(itemCount));
  for (let row = 0; row < starts.length; row += 1) setBits(referenced, starts[row]!, ends[row]!);
  return allSet(referenced, itemCount) ? undefined : referenced;
}

export function arrayReader(size: number, readItem: VectorReader): VectorReader {
  return (vector, rowCount, mask) => {
    const validity = readValidity(vector, rowCount, mask);
    const itemMask = validity && repeatBits(validity, rowCount, size);
    const item = readItem(duckdb.array_vector_get_child(vector), rowCount * size, itemMask);
    return { kind: 'array', rowCount, validity, size, item };
  };
}

function repeatBits(bits: Bitmap, bitCount: number, times: number): Bitmap {
  const repeated = new Uint8Array(bitmapBytes(bitCount * times));
  for (let index = 0; index < bitCount; index += 1) {
    if (!testBit(bits, index)) continue;
    for (let copy = 0; copy < times; copy += 1) setBit(repeated, index * times + copy);
  }
  return repeated;
}

export function structReader(readFields: readonly VectorReader[]): VectorReader {
  return (vector, rowCount, mask) => {
    const validity = readValidity(vector, rowCount, mask);
    const fields = readFields.map((read, index) => {
      return read(duckdb.struct_vector_get_child(vector, index), rowCount, validity);
    });
    return { kind: 'struct', rowCount, validity, fields };
  };
}

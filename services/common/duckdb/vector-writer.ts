/**
 * Writes column vectors into DuckDB's vectors as raw memory. The source's offsets were checked when its page
 * was read. Vectors of an output chunk come empty, with all rows valid.
 */
import duckdb from '@duckdb/node-bindings';
import { bitmapBytes, type RowRange, setBit, testBit } from '../page/bitmap.ts';
import type { Bitmap, ColumnVector, FixedColumn, ListColumn } from '../page/column-vector.ts';
import { scratchWords } from './scratch-memory.ts';
import { writeStrings } from './string-writer.ts';

/** Rows of a chunk. */
export const VECTOR_ROWS = duckdb.vector_size();

/** Writes rows [from, to) of a column to the vector's first rows. */
export function writeColumn(vector: duckdb.Vector, column: ColumnVector, rows: RowRange): void {
  switch (column.kind) {
    case 'null': {
      const noneValid = new Uint8Array(bitmapBytes(rows.to - rows.from));
      writeValidity(vector, noneValid, { from: 0, to: rows.to - rows.from });
      return;
    }
    case 'fixed':
      writeFixed(vector, column, rows);
      break;
    case 'bytes':
      writeStrings(vector, column, rows);
      break;
    case 'list':
      writeLists(vector, column, rows);
      break;
    case 'array': {
      const items = { from: rows.from * column.size, to: rows.to * column.size };
      writeColumn(duckdb.array_vector_get_child(vector), column.item, items);
      break;
    }
    case 'struct':
      for (const [index, field] of column.fields.entries()) {
        writeColumn(duckdb.struct_vector_get_child(vector, index), field, rows);
      }
      break;
    case 'boolean':
    case 'union':
      throw new Error(`DuckDB has no vectors of the storage ${column.kind}`);
  }
  if (column.validity !== undefined) writeValidity(vector, column.validity, rows);
}

function writeFixed(vector: duckdb.Vector, column: FixedColumn, rows: RowRange): void {
  const { words, byteWidth } = column;
  const from = words.byteOffset + rows.from * byteWidth;
  const byteCount = (rows.to - rows.from) * byteWidth;
  duckdb.copy_data_to_vector(vector, 0, words.buffer as ArrayBuffer, from, byteCount);
}

/** A list entry is a 64-bit offset into the child and a 64-bit length. */
function writeLists(vector: duckdb.Vector, column: ListColumn, rows: RowRange): void {
  const { starts, ends } = column;
  const rowCount = rows.to - rows.from;
  const first = starts[rows.from] ?? 0;
  const last = rowCount === 0 ? first : ends[rows.to - 1]!;
  const entries = scratchWords(rowCount * 4);
  for (let row = 0; row < rowCount; row += 1) {
    const start = starts[rows.from + row]!;
    entries[row * 4] = start - first;
    entries[row * 4 + 1] = 0;
    entries[row * 4 + 2] = ends[rows.from + row]! - start;
    entries[row * 4 + 3] = 0;
  }
  duckdb.copy_data_to_vector(vector, 0, entries.buffer, 0, rowCount * 16);
  duckdb.list_vector_reserve(vector, last - first);
  duckdb.list_vector_set_size(vector, last - first);
  if (last === first) return;
  writeColumn(duckdb.list_vector_get_child(vector), column.item, { from: first, to: last });
}

/** Copies the bits of rows [from, to) to the front of the vector's validity. */
function writeValidity(vector: duckdb.Vector, bits: Bitmap, rows: RowRange): void {
  const byteCount = bitmapBytes(rows.to - rows.from);
  duckdb.vector_ensure_validity_writable(vector);
  if (rows.from % 8 === 0) {
    const from = bits.byteOffset + rows.from / 8;
    duckdb.copy_data_to_vector_validity(vector, 0, bits.buffer as ArrayBuffer, from, byteCount);
    return;
  }
  const shifted = new Uint8Array(byteCount);
  for (let row = rows.from; row < rows.to; row += 1) {
    if (testBit(bits, row)) setBit(shifted, row - rows.from);
  }
  duckdb.copy_data_to_vector_validity(vector, 0, shifted.buffer, 0, byteCount);
}

/** How many bytes rows take in a page, so that pages can be cut before they grow too large. */
import type { ColumnVector } from './column-vector.ts';

/** A byte for the validity bit of a value: a safe bound for any number of rows. */
const VALIDITY_BYTES = 1;
const OFFSET_BYTES = 4;

/** An upper bound, quickly found, of what all rows of a column take; Infinity where only `addRowBytes` can tell. */
export function columnBytes(column: ColumnVector): number {
  const { rowCount } = column;
  switch (column.kind) {
    case 'null':
      return 0;
    case 'fixed':
      return rowCount * (column.byteWidth + VALIDITY_BYTES);
    case 'boolean':
      return rowCount * (1 + VALIDITY_BYTES);
    case 'bytes':
      return rowCount * (OFFSET_BYTES + VALIDITY_BYTES) + valueBytes(column);
    case 'list':
      if (!column.contiguous) return Infinity;
      return rowCount * (OFFSET_BYTES + VALIDITY_BYTES) + columnBytes(column.item);
    case 'array':
      return rowCount * VALIDITY_BYTES + columnBytes(column.item);
    case 'struct':
      return rowCount * VALIDITY_BYTES + sum(column.fields.map(columnBytes));
    case 'union':
      return rowCount + sum(column.members.map(columnBytes));
  }
}

/** Adds an upper bound of each row's bytes to `sizes`. */
export function addRowBytes(column: ColumnVector, sizes: Float64Array): void {
  switch (column.kind) {
    case 'null':
      return;
    case 'fixed':
      addToAll(sizes, column.byteWidth + VALIDITY_BYTES);
      return;
    case 'boolean':
      addToAll(sizes, 1 + VALIDITY_BYTES);
      return;
    case 'bytes':
      for (let row = 0; row < sizes.length; row += 1) {
        sizes[row]! += column.ends[row]! - column.starts[row]! + OFFSET_BYTES + VALIDITY_BYTES;
      }
      return;
    case 'list': {
      addToAll(sizes, OFFSET_BYTES + VALIDITY_BYTES);
      const before = runningBytes(column.item);
      for (let row = 0; row < sizes.length; row += 1) {
        sizes[row]! += before[column.ends[row]!]! - before[column.starts[row]!]!;
      }
      return;
    }
    case 'array': {
      addToAll(sizes, VALIDITY_BYTES);
      const before = runningBytes(column.item);
      for (let row = 0; row < sizes.length; row += 1) {
        sizes[row]! += before[(row + 1) * column.size]! - before[row * column.size]!;
      }
      return;
    }
    case 'struct':
      addToAll(sizes, VALIDITY_BYTES);
      for (const field of column.fields) addRowBytes(field, sizes);
      return;
    case 'union':
      addToAll(sizes, 1);
      for (const member of column.members) addRowBytes(member, sizes);
  }
}

/** Entry i = bytes of the rows before row i. */
function runningBytes(column: ColumnVector): Float64Array {
  const sizes = new Float64Array(column.rowCount);
  addRowBytes(column, sizes);
  const before = new Float64Array(column.rowCount + 1);
  for (let row = 0; row < sizes.length; row += 1) before[row + 1] = before[row]! + sizes[row]!;
  return before;
}

function valueBytes(column: Extract<ColumnVector, { kind: 'bytes' }>): number {
  const { starts, ends, rowCount, contiguous } = column;
  if (rowCount === 0) return 0;
  if (contiguous) return ends[rowCount - 1]! - starts[0]!;
  let total = 0;
  for (let row = 0; row < rowCount; row += 1) total += ends[row]! - starts[row]!;
  return total;
}

function addToAll(sizes: Float64Array, bytes: number): void {
  for (let row = 0; row < sizes.length; row += 1) sizes[row]! += bytes;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Pages of rows that are at hand as JavaScript values, for columns of a few plain types. */
import { assert } from '../assert.ts';
import type { Column } from '../plan/column-type.ts';
import { bitmapBytes, setBit } from './bitmap.ts';
import type { Bitmap, ColumnVector } from './column-vector.ts';
import { PagePartitioner } from './page-partitioner.ts';
import type { Page } from './page.ts';
import { storageOf } from './storage.ts';

/** Types that are stored alike in pages for clients and for workers. */
export type CellTypeId = 'VARCHAR' | 'BIGINT' | 'DOUBLE' | 'TIMESTAMP WITH TIME ZONE';

/** A text, or a number: a whole one for BIGINT, milliseconds since the epoch for a timestamp. null = NULL. */
export type Cell = string | number | null;

export interface CellColumn extends Column {
  readonly type: { readonly id: CellTypeId };
}

/** Pages of the usual size; none without rows. Each row has one cell per column, of the column's kind. */
export function pagesOfRows(
  columns: readonly CellColumn[],
  rows: readonly (readonly Cell[])[],
): readonly Page[] {
  const storages = storageOf(columns, 'exchange');
  const partitioner = new PagePartitioner({ storages, partitionCount: 1 });
  const vectors = columns.map(({ type }, i) =>
    vectorOf(
      type.id,
      rows.map((row) => row[i] ?? null),
    ),
  );
  const full = partitioner.append(vectors, new Int32Array(rows.length));
  return [...full, ...partitioner.flush()].map(({ page }) => page);
}

function vectorOf(type: CellTypeId, cells: readonly Cell[]): ColumnVector {
  const validity = validityOf(cells);
  if (type === 'VARCHAR') return textVector(cells, validity);
  const values = new DataView(new ArrayBuffer(8 * cells.length));
  for (const [row, cell] of cells.entries()) {
    if (cell === null) continue;
    assert(typeof cell === 'number', `a ${type} is given as a number`);
    if (type === 'DOUBLE') values.setFloat64(8 * row, cell, true);
    else values.setBigInt64(8 * row, wholeNumber(type, cell), true);
  }
  const words = new Uint32Array(values.buffer);
  return { kind: 'fixed', rowCount: cells.length, validity, byteWidth: 8, words };
}

function wholeNumber(type: Exclude<CellTypeId, 'VARCHAR' | 'DOUBLE'>, cell: number): bigint {
  const isTime = type === 'TIMESTAMP WITH TIME ZONE';
  return isTime ? BigInt(Math.round(cell * 1_000)) : BigInt(Math.trunc(cell));
}

function textVector(cells: readonly Cell[], validity: Bitmap | undefined): ColumnVector {
  const encoder = new TextEncoder();
  const texts = cells.map((cell) => encoder.encode(cell === null ? '' : String(cell)));
  const bytes = new Uint8Array(texts.reduce((sum, text) => sum + text.length, 0));
  const starts = new Uint32Array(texts.length);
  const ends = new Uint32Array(texts.length);
  let at = 0;
  for (const [row, text] of texts.entries()) {
    bytes.set(text, at);
    starts[row] = at;
    at += text.length;
    ends[row] = at;
  }
  return { kind: 'bytes', rowCount: cells.length, validity, starts, ends, bytes, contiguous: true };
}

function validityOf(cells: readonly Cell[]): Bitmap | undefined {
  if (!cells.includes(null)) return undefined;
  const validity = new Uint8Array(bitmapBytes(cells.length));
  for (const [row, cell] of cells.entries()) if (cell !== null) setBit(validity, row);
  return validity;
}

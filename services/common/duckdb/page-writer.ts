/** Writes rows of exchange pages into the output chunk of a table function, as raw memory. */
import duckdb from '@duckdb/node-bindings';
import type { RowRange } from '../page/bitmap.ts';
import { nullColumn } from '../page/null-column.ts';
import type { DecodedPage } from '../page/page-reader.ts';
import type { Storage } from '../page/storage.ts';
import { VECTOR_ROWS, writeColumn } from './vector-writer.ts';

export interface PageRows {
  readonly fromRow: number;
  /** At most so many rows, and never more than a chunk holds. */
  readonly maxRows?: number;
}

/**
 * Writes rows from `fromRow` on into the chunk's first columns, sets the chunk's size and gives the number
 * of rows written. A column behind the page's, if there is one, is the `live` flag: it becomes true.
 */
export function writePageRows(chunk: duckdb.DataChunk, page: DecodedPage, rows: PageRows): number {
  const { fromRow, maxRows = VECTOR_ROWS } = rows;
  const rowCount = Math.max(0, Math.min(page.rowCount - fromRow, maxRows, VECTOR_ROWS));
  writeRows(chunk, page, { from: fromRow, to: fromRow + rowCount });
  const columnCount = page.columns.length;
  if (rowCount > 0 && duckdb.data_chunk_get_column_count(chunk) > columnCount) {
    writeFlags(chunk, columnCount, LIVE_FLAGS);
  }
  return rowCount;
}

/**
 * Writes one row of NULLs whose `live` flag, the column behind the storages', is false: there is no data now,
 * but the end has not come either (an empty chunk would say so).
 */
export function writeIdleRow(chunk: duckdb.DataChunk, storages: readonly Storage[]): void {
  const columns = storages.map((storage) => nullColumn(storage, 1));
  writeRows(chunk, { rowCount: 1, columns }, { from: 0, to: 1 });
  writeFlags(chunk, storages.length, IDLE_FLAGS);
}

function writeRows(chunk: duckdb.DataChunk, page: DecodedPage, rows: RowRange): void {
  duckdb.data_chunk_set_size(chunk, rows.to - rows.from);
  if (rows.from === rows.to) return;
  for (let index = 0; index < page.columns.length; index += 1) {
    writeColumn(duckdb.data_chunk_get_vector(chunk, index), page.columns[index]!, rows);
  }
}

const LIVE_FLAGS = new Uint8Array(VECTOR_ROWS).fill(1).buffer;
const IDLE_FLAGS = new ArrayBuffer(VECTOR_ROWS);

function writeFlags(chunk: duckdb.DataChunk, columnIndex: number, flags: ArrayBuffer): void {
  const vector = duckdb.data_chunk_get_vector(chunk, columnIndex);
  duckdb.copy_data_to_vector(vector, 0, flags, 0, flags.byteLength);
}

/** Writes rows of exchange pages into the output chunk of a table function, as raw memory. */
import duckdb from '@duckdb/node-bindings';
import type { DecodedPage } from '../page/page-reader.ts';
import { VECTOR_ROWS, writeColumn } from './vector-writer.ts';

export interface PageRows {
  readonly fromRow: number;
  /** At most so many rows, and never more than a chunk holds. */
  readonly maxRows?: number;
}

/**
 * Writes rows from `fromRow` on into the chunk, sets its size and gives the number of rows written. The chunk
 * may have one BOOLEAN column more than the page, since a table has at least one: it becomes true.
 */
export function writePageRows(chunk: duckdb.DataChunk, page: DecodedPage, rows: PageRows): number {
  const { fromRow, maxRows = VECTOR_ROWS } = rows;
  const rowCount = Math.max(0, Math.min(page.rowCount - fromRow, maxRows, VECTOR_ROWS));
  duckdb.data_chunk_set_size(chunk, rowCount);
  if (rowCount === 0) return 0;
  const written = { from: fromRow, to: fromRow + rowCount };
  const columnCount = page.columns.length;
  for (let index = 0; index < columnCount; index += 1) {
    writeColumn(duckdb.data_chunk_get_vector(chunk, index), page.columns[index]!, written);
  }
  if (duckdb.data_chunk_get_column_count(chunk) > columnCount) {
    const flags = duckdb.data_chunk_get_vector(chunk, columnCount);
    duckdb.copy_data_to_vector(flags, 0, TRUE_VALUES, 0, rowCount);
  }
  return rowCount;
}

const TRUE_VALUES = new Uint8Array(VECTOR_ROWS).fill(1).buffer;

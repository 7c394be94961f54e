/** Builds pages of one partition: rows in, pages out, the memory kept from page to page. */
import type { RowRange } from './bitmap.ts';
import type { ColumnBuilder } from './column-builder.ts';
import type { ColumnVector } from './column-vector.ts';
import { createColumnBuilder } from './nested-builder.ts';
import type { Page } from './page.ts';
import { type BatchLayout, encodeRecordBatch } from './record-batch-message.ts';
import type { Storage } from './storage.ts';

export class PageBuilder {
  readonly #columns: readonly ColumnBuilder[];
  #rowCount = 0;

  constructor(storages: readonly Storage[]) {
    this.#columns = storages.map(createColumnBuilder);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes that the page's body would have now. */
  get byteLength(): number {
    let total = 0;
    for (const column of this.#columns) total += column.byteLength;
    return total;
  }

  /** Appends rows [from, to) of all columns. */
  appendRange(columns: readonly ColumnVector[], from: number, to: number): void {
    for (let index = 0; index < this.#columns.length; index += 1) {
      this.#columns[index]!.appendRange(columns[index]!, from, to);
    }
    this.#rowCount += to - from;
  }

  /** Appends the rows that entries [range.from, range.to) of `rows` name. */
  appendRows(columns: readonly ColumnVector[], rows: Int32Array, range: RowRange): void {
    for (let index = 0; index < this.#columns.length; index += 1) {
      this.#columns[index]!.appendRows(columns[index]!, rows, range);
    }
    this.#rowCount += range.to - range.from;
  }

  /** The page of all rows since the last one; starts the next. */
  finish(): Page {
    const layout: BatchLayout = { nodes: [], buffers: [] };
    for (const column of this.#columns) column.collect(layout);
    const page = encodeRecordBatch({ rowCount: this.#rowCount, ...layout });
    for (const column of this.#columns) column.reset();
    this.#rowCount = 0;
    return page;
  }
}

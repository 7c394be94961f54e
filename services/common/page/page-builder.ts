/** Builds pages of one partition: rows in, pages out, the memory kept from page to page. */
import type { RowRange } from './bitmap.ts';
import type { ColumnBuilder } from './column-builder.ts';
import type { ColumnVector } from './column-vector.ts';
import { createColumnBuilder } from './nested-builder.ts';
import { type Page, TARGET_PAGE_BYTES } from './page.ts';
import { type BatchLayout, encodeRecordBatch, PREFIX_BYTES } from './record-batch-message.ts';
import type { Storage } from './storage.ts';

/** After a page larger than this, which a huge row makes, its memory is not kept. */
const MAX_KEPT_BYTES = 4 * TARGET_PAGE_BYTES;

export class PageBuilder {
  readonly #storages: readonly Storage[];
  #columns: readonly ColumnBuilder[];
  #rowCount = 0;

  constructor(storages: readonly Storage[]) {
    this.#storages = storages;
    this.#columns = storages.map(createColumnBuilder);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes that the page would have now, without its metadata; 0 when it has no row. */
  get byteLength(): number {
    if (this.#rowCount === 0) return 0;
    let total = PREFIX_BYTES;
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
    if (page.byteLength > MAX_KEPT_BYTES) this.#columns = this.#storages.map(createColumnBuilder);
    else for (const column of this.#columns) column.reset();
    this.#rowCount = 0;
    return page;
  }
}

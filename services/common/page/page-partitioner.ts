/**
 * Deals rows to partitions, column by column, and cuts each partition's rows into pages (Trino's
 * PagePartitioner and its position appenders). A page exceeds the target only when a single row does.
 */
import { assert } from '../assert.ts';
import type { ColumnVector } from './column-vector.ts';
import { PageBuilder } from './page-builder.ts';
import { type Page, TARGET_PAGE_BYTES } from './page.ts';
import { addRowBytes, columnBytes } from './row-bytes.ts';
import type { Storage } from './storage.ts';

export interface PartitionPage {
  readonly partition: number;
  readonly page: Page;
  readonly rowCount: number;
}

export interface PagePartitionerOptions {
  readonly storages: readonly Storage[];
  readonly partitionCount: number;
  /** Size at which a partition's page is finished; by default what `partitionPageBytes` says. */
  readonly targetPageBytes?: number;
}

/** What all partitions of one partitioner may hold before their pages are finished (Trino: 32 MiB). */
const MAX_BUFFERED_BYTES = 32 << 20;
const MIN_PAGE_BYTES = 64 << 10;

/** The target size of a page when rows are dealt to so many partitions: 1 MiB, less when they are many. */
export function partitionPageBytes(partitionCount: number): number {
  const share = Math.floor(MAX_BUFFERED_BYTES / partitionCount);
  return Math.max(MIN_PAGE_BYTES, Math.min(TARGET_PAGE_BYTES, share));
}

export class PagePartitioner {
  readonly #builders: readonly PageBuilder[];
  readonly #targetPageBytes: number;
  readonly #partitionCount: number;

  constructor(options: PagePartitionerOptions) {
    const { storages, partitionCount } = options;
    assert(partitionCount > 0, 'rows need a partition to go to');
    this.#partitionCount = partitionCount;
    this.#targetPageBytes = options.targetPageBytes ?? partitionPageBytes(partitionCount);
    this.#builders = Array.from({ length: partitionCount }, () => new PageBuilder(storages));
  }

  /** Bytes held in unfinished pages; 0 only when they have no row. */
  get bufferedBytes(): number {
    return this.#builders.reduce((total, builder) => total + builder.byteLength, 0);
  }

  /** Appends row i of `columns` to partition `partitions[i]`; gives the pages that became full. */
  append(columns: readonly ColumnVector[], partitions: Int32Array): readonly PartitionPage[] {
    if (partitions.length === 0) return [];
    const full: PartitionPage[] = [];
    const sizes = this.#rowSizes(columns, partitions.length);
    const dealt = dealRows(partitions, this.#partitionCount);
    for (let partition = 0; partition < this.#partitionCount; partition += 1) {
      const from = dealt.ends[partition - 1] ?? 0;
      const to = dealt.ends[partition]!;
      if (from === to) continue;
      const rows = { columns, rows: dealt.rows, from, to };
      if (sizes !== undefined) this.#appendSized(partition, { ...rows, sizes }, full);
      else {
        this.#appendSlice(partition, rows);
        if (this.#builders[partition]!.byteLength >= this.#targetPageBytes * (1 - SLICE_SHARE)) {
          full.push(this.#finish(partition));
        }
      }
    }
    return full;
  }

  /** The pages of all rows that are still held. */
  flush(): readonly PartitionPage[] {
    const pages: PartitionPage[] = [];
    for (const [partition, builder] of this.#builders.entries()) {
      if (builder.rowCount > 0) pages.push(this.#finish(partition));
    }
    return pages;
  }

  /** Bytes of each row, or `undefined` if all rows together are a small part of a page. */
  #rowSizes(columns: readonly ColumnVector[], rowCount: number): Float64Array | undefined {
    let total = 0;
    for (const column of columns) total += columnBytes(column);
    if (total <= this.#targetPageBytes * SLICE_SHARE) return undefined;
    const sizes = new Float64Array(rowCount);
    for (const column of columns) addRowBytes(column, sizes);
    return sizes;
  }

  /** Appends rows one page after the other, each as full as the target allows. */
  #appendSized(partition: number, dealt: SizedRows, full: PartitionPage[]): void {
    const builder = this.#builders[partition]!;
    let from = dealt.from;
    let bytes = builder.byteLength;
    for (let index = dealt.from; index < dealt.to; index += 1) {
      const rowBytes = dealt.sizes[dealt.rows?.[index] ?? index]!;
      const isFirstOfPage = index === from && builder.rowCount === 0;
      if (bytes + rowBytes > this.#targetPageBytes && !isFirstOfPage) {
        this.#appendSlice(partition, { ...dealt, from, to: index });
        full.push(this.#finish(partition));
        from = index;
        bytes = 0;
      }
      bytes += rowBytes;
    }
    this.#appendSlice(partition, { ...dealt, from });
  }

  #appendSlice(partition: number, dealt: DealtRows): void {
    const builder = this.#builders[partition]!;
    const { columns, rows, from, to } = dealt;
    if (rows === undefined) builder.appendRange(columns, from, to);
    else builder.appendRows(columns, rows, { from, to });
  }

  #finish(partition: number): PartitionPage {
    const builder = this.#builders[partition]!;
    const { rowCount } = builder;
    return { partition, rowCount, page: builder.finish() };
  }
}

/** Rows that together take at most this share of a page are appended without looking at each. */
const SLICE_SHARE = 0.25;

interface DealtRows {
  readonly columns: readonly ColumnVector[];
  /** `undefined`: all rows in their order, since one partition gets them all. */
  readonly rows: Int32Array | undefined;
  readonly from: number;
  readonly to: number;
}

interface SizedRows extends DealtRows {
  readonly sizes: Float64Array;
}

interface Deal {
  /** Row numbers, grouped by partition, in their order within a partition. */
  readonly rows: Int32Array | undefined;
  /** Entry p = where partition p's group ends. */
  readonly ends: Int32Array;
}

/** A counting sort of the row numbers by partition. */
function dealRows(partitions: Int32Array, partitionCount: number): Deal {
  const rowCount = partitions.length;
  const ends = new Int32Array(partitionCount);
  for (let row = 0; row < rowCount; row += 1) {
    const partition = partitions[row]!;
    assert(partition >= 0 && partition < partitionCount, 'a row must go to an existing partition');
    ends[partition]! += 1;
  }
  const onlyOne = ends[partitions[0]!] === rowCount;
  for (let partition = 1; partition < partitionCount; partition += 1) {
    ends[partition]! += ends[partition - 1]!;
  }
  if (onlyOne) return { rows: undefined, ends };
  const next = new Int32Array(partitionCount);
  next.set(ends.subarray(0, partitionCount - 1), 1);
  const rows = new Int32Array(rowCount);
  for (let row = 0; row < rowCount; row += 1) rows[next[partitions[row]!]!++] = row;
  return { rows, ends };
}

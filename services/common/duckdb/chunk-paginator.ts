/**
 * Result chunks in, pages out. The last column of a chunk is not data: an INTEGER that names the row's
 * partition, 0 when there is one, or END_MARKER for the row that ends the result. DuckDB's streaming
 * results swallow errors, so a result without its end marker is a failure, never an end.
 */
import duckdb from '@duckdb/node-bindings';
import { assert } from '../assert.ts';
import type { ColumnVector } from '../page/column-vector.ts';
import { PagePartitioner, type PartitionPage } from '../page/page-partitioner.ts';
import { storageOf } from '../page/storage.ts';
import type { Column } from '../plan/column-type.ts';
import type { PageLayout } from '../plan/type-table.ts';
import { exchangeReader, resultReader } from './result-reader.ts';
import type { VectorReader } from './vector-reader.ts';
import { readData } from './vector-memory.ts';

/** The partition of the row that ends a result. */
export const END_MARKER = -1;

export interface ChunkPaginatorOptions {
  /** The data columns, without the partition. */
  readonly columns: readonly Column[];
  readonly layout: PageLayout;
  readonly partitionCount: number;
  /** Size at which a page is finished; 1 MiB, or less when there are many partitions. */
  readonly targetPageBytes?: number;
}

export class ChunkPaginator {
  readonly #readers: readonly VectorReader[];
  readonly #partitioner: PagePartitioner;
  #ended = false;

  constructor(options: ChunkPaginatorOptions) {
    const { columns, layout, partitionCount, targetPageBytes } = options;
    const readerOf = layout === 'exchange' ? exchangeReader : resultReader;
    this.#readers = columns.map((column) => readerOf(column.type));
    this.#partitioner = new PagePartitioner({
      storages: storageOf(columns, layout),
      partitionCount,
      ...(targetPageBytes === undefined ? {} : { targetPageBytes }),
    });
  }

  /** The end marker has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes held in unfinished pages. */
  get bufferedBytes(): number {
    return this.#partitioner.bufferedBytes;
  }

  /** Appends a chunk's rows; gives the pages that became full. */
  append(chunk: duckdb.DataChunk): readonly PartitionPage[] {
    const size = duckdb.data_chunk_get_size(chunk);
    const partitions = this.#readPartitions(chunk, size);
    const rowCount = partitions.length;
    if (rowCount === 0) return [];
    const columns: ColumnVector[] = this.#readers.map((read, index) => {
      return read(duckdb.data_chunk_get_vector(chunk, index), rowCount, undefined);
    });
    return this.#partitioner.append(columns, partitions);
  }

  /** The pages of all rows that are still held; at the end of a result, or when rows must not wait. */
  flush(): readonly PartitionPage[] {
    return this.#partitioner.flush();
  }

  /** The partitions of the chunk's rows up to the end marker, which is the last row of all. */
  #readPartitions(chunk: duckdb.DataChunk, size: number): Int32Array {
    if (size === 0) return new Int32Array(0);
    assert(!this.#ended, 'no rows follow the end marker');
    const vector = duckdb.data_chunk_get_vector(chunk, this.#readers.length);
    const { buffer, byteOffset } = readData(vector, size * 4);
    const partitions = new Int32Array(buffer, byteOffset, size);
    if (partitions[size - 1] !== END_MARKER) return partitions;
    this.#ended = true;
    return partitions.subarray(0, size - 1);
  }
}

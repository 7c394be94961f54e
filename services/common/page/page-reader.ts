/**
 * Reads pages into column vectors that are views of the page. Offsets and lengths are checked, since
 * DuckDB's vectors are written by plain memory copies that trust them; else PAGE_CORRUPT.
 */
import { allSet } from './bitmap.ts';
import { type Bitmap, type ColumnVector, type FixedColumn, wordsOf } from './column-vector.ts';
import type { Page } from './page.ts';
import { type BatchNode, corrupt, decodeRecordBatch } from './record-batch-message.ts';
import type { ByteWidth, Storage } from './storage.ts';

export interface DecodedPage {
  readonly rowCount: number;
  readonly columns: readonly ColumnVector[];
}

/** Views a page whose columns have these storages (of the `exchange` or the `result` layout). */
export function decodePage(page: Page, storages: readonly Storage[]): DecodedPage {
  const { rowCount, nodes, buffers } = decodeRecordBatch(page);
  const reader = new BatchReader(nodes, buffers);
  const columns = storages.map((storage) => reader.read(storage, rowCount));
  reader.expectEnd();
  return { rowCount, columns };
}

class BatchReader {
  readonly #nodes: readonly BatchNode[];
  readonly #buffers: readonly Uint8Array[];
  #node = 0;
  #buffer = 0;

  constructor(nodes: readonly BatchNode[], buffers: readonly Uint8Array[]) {
    this.#nodes = nodes;
    this.#buffers = buffers;
  }

  read(storage: Storage, rowCount: number): ColumnVector {
    const node = this.#nodes[this.#node++];
    if (node?.rowCount !== rowCount) throw corrupt(`a column has not ${rowCount} rows`);
    switch (storage.kind) {
      case 'null':
        return { kind: 'null', rowCount };
      case 'fixed':
        return this.#readFixed(storage.byteWidth, node);
      case 'boolean':
        return {
          kind: 'boolean',
          rowCount,
          validity: this.#readValidity(node),
          values: this.#readBooleans(rowCount),
        };
      case 'bytes': {
        const validity = this.#readValidity(node);
        const { starts, ends } = this.#readOffsets(rowCount);
        const bytes = this.#take(ends[rowCount - 1] ?? 0);
        return { kind: 'bytes', rowCount, validity, starts, ends, bytes, contiguous: true };
      }
      case 'list': {
        const validity = this.#readValidity(node);
        const { starts, ends } = this.#readOffsets(rowCount);
        const item = this.read(storage.item, ends[rowCount - 1] ?? 0);
        return { kind: 'list', rowCount, validity, starts, ends, item, contiguous: true };
      }
      case 'array': {
        const validity = this.#readValidity(node);
        const item = this.read(storage.item, rowCount * storage.size);
        return { kind: 'array', rowCount, validity, size: storage.size, item };
      }
      case 'struct': {
        const validity = this.#readValidity(node);
        const fields = storage.fields.map((field) => this.read(field, rowCount));
        return { kind: 'struct', rowCount, validity, fields };
      }
      case 'union': {
        const tags = this.#take(rowCount);
        const members = storage.members.map((member) => this.read(member, rowCount));
        return { kind: 'union', rowCount, tags, members };
      }
    }
  }

  expectEnd(): void {
    if (this.#node !== this.#nodes.length || this.#buffer !== this.#buffers.length) {
      throw corrupt('more columns than the schema has');
    }
  }

  #readFixed(byteWidth: ByteWidth, node: BatchNode): FixedColumn {
    const { rowCount } = node;
    const validity = this.#readValidity(node);
    const { buffer, byteOffset } = this.#take(rowCount * byteWidth);
    const words = wordsOf(buffer, { byteOffset, rowCount, byteWidth });
    return { kind: 'fixed', rowCount, validity, byteWidth, words };
  }

  #readValidity(node: BatchNode): Bitmap | undefined {
    if (node.nullCount === 0) {
      this.#buffer += 1;
      return undefined;
    }
    const bits = this.#take((node.rowCount + 7) >>> 3);
    return allSet(bits, node.rowCount) ? undefined : bits;
  }

  #readBooleans(rowCount: number): Uint8Array {
    const bits = this.#take((rowCount + 7) >>> 3);
    const values = new Uint8Array(rowCount);
    for (let row = 0; row < rowCount; row += 1) values[row] = (bits[row >>> 3]! >>> (row & 7)) & 1;
    return values;
  }

  /** Offsets rise from 0; a column without rows may have none at all. */
  #readOffsets(rowCount: number): { readonly starts: Uint32Array; readonly ends: Uint32Array } {
    if (rowCount === 0) {
      this.#buffer += 1;
      return { starts: new Uint32Array(0), ends: new Uint32Array(0) };
    }
    const { buffer, byteOffset } = this.#take((rowCount + 1) * 4);
    const starts = new Uint32Array(buffer, byteOffset, rowCount);
    const ends = new Uint32Array(buffer, byteOffset + 4, rowCount);
    let before = starts[0]!;
    for (let row = 0; row < rowCount; row += 1) {
      const end = ends[row]!;
      if (end < before) throw corrupt('offsets fall');
      before = end;
    }
    return { starts, ends };
  }

  #take(byteLength: number): Uint8Array {
    const buffer = this.#buffers[this.#buffer++];
    if (buffer === undefined || buffer.byteLength < byteLength)
      throw corrupt('a buffer is too short');
    return buffer.subarray(0, byteLength);
  }
}

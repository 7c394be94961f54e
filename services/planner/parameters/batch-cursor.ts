import { type RecordBatch } from 'apache-arrow/fb/record-batch';
import { type ArrowBatch, part } from './ipc-stream.ts';
import { littleEndian } from './bytes.ts';

export type BytesAt = (row: number) => Uint8Array;

/** An array as the metadata tell of it. */
export interface ArrayNode {
  readonly rowCount: number;
  readonly nullCount: number;
}

/** The arrays and buffers of a batch in their order: an array before its children, each with its own buffers. */
export class BatchCursor {
  readonly #batch: RecordBatch;
  readonly #body: Uint8Array;
  #node = 0;
  #buffer = 0;
  #viewArray = 0;

  constructor({ batch, body }: ArrowBatch) {
    this.#batch = batch;
    this.#body = body;
  }

  node(): ArrayNode {
    const node = this.#node < this.#batch.nodesLength() ? this.#batch.nodes(this.#node++) : null;
    if (node === null) throw missing();
    return { rowCount: Number(node.length()), nullCount: Number(node.nullCount()) };
  }

  validity({ nullCount }: ArrayNode): (row: number) => boolean {
    const bits = this.#bytes();
    return nullCount === 0 ? () => true : (row) => bitAt(bits, row);
  }

  /** One byte, 0 or 1, from a bit. */
  bits(): BytesAt {
    const bits = this.#bytes();
    return (row) => Uint8Array.of(bitAt(bits, row) ? 1 : 0);
  }

  fixed(byteWidth: number): BytesAt {
    const bytes = this.#bytes();
    return (row) => part(bytes, row * byteWidth, byteWidth);
  }

  /** What belongs to a row of a text or a list, between offsets of 4 or 8 bytes. */
  ranges(offsetBytes: number): (row: number) => { readonly from: number; readonly to: number } {
    const offsets = this.fixed(offsetBytes);
    return (row) => {
      const [from, to] = [offsets(row), offsets(row + 1)].map((bytes) =>
        Number(littleEndian(bytes)),
      );
      if (from === undefined || to === undefined || to < from) throw missing();
      return { from, to };
    };
  }

  variable(offsetBytes: number): BytesAt {
    const ranges = this.ranges(offsetBytes);
    const bytes = this.#bytes();
    return (row) => {
      const { from, to } = ranges(row);
      return part(bytes, from, to - from);
    };
  }

  /** Length and bytes, or length, four bytes, buffer and offset where there are more than twelve. */
  views(): BytesAt {
    const views = this.fixed(16);
    const count = Number(this.#batch.variadicBufferCounts(this.#viewArray++) ?? 0n);
    const start = this.#buffer;
    this.#buffer += count;
    return (row) => {
      const view = views(row);
      const [length = 0, , index = 0, offset = 0] = [0, 4, 8, 12].map((at) =>
        Number(littleEndian(view.subarray(at, at + 4))),
      );
      if (length <= 12) return view.subarray(4, 4 + length);
      if (index >= count) throw missing();
      return part(this.#bytesOf(start + index), offset, length);
    };
  }

  #bytes(): Uint8Array {
    return this.#bytesOf(this.#buffer++);
  }

  #bytesOf(index: number): Uint8Array {
    const range = index < this.#batch.buffersLength() ? this.#batch.buffers(index) : null;
    if (range === null) throw missing();
    return part(this.#body, Number(range.offset()), Number(range.length()));
  }
}

function bitAt(bits: Uint8Array, row: number): boolean {
  const byte = bits[row >> 3];
  if (byte === undefined) throw missing();
  return ((byte >> (row & 7)) & 1) === 1;
}

function missing(): Error {
  return new Error('its values are missing');
}

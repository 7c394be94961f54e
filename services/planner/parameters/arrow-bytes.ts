/**
 * Raw access to Arrow arrays. The buffers may be anything that a client has sent: what is missing from them is an
 * error, never a zero.
 */
import { BinaryView, type Data, DataType, type Float, Vector } from 'apache-arrow';

/** A value of an array of integers, or of what is stored as one. */
export function integerAt(data: Data, row: number): bigint {
  return BigInt(present((data.values as ArrayLike<number | bigint>)[row]));
}

/** A floating-point number of any width. */
export function numberAt(data: Data, row: number): number {
  return present(new Vector([data]).get(row) ?? undefined);
}

export function bitAt(data: Data, row: number): boolean {
  const bit = data.offset + row;
  const byte = present((data.values as Uint8Array)[bit >> 3]);
  return ((byte >> (bit & 7)) & 1) === 1;
}

/** A value of `byteWidth` bytes. */
export function fixedBytesAt(data: Data, row: number, byteWidth: number): Uint8Array {
  const { buffer, byteOffset, byteLength } = data.values as ArrayBufferView;
  if ((row + 1) * byteWidth > byteLength) throw missing();
  return new Uint8Array(buffer, byteOffset + row * byteWidth, byteWidth);
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Bytes as an integer, the most significant first. */
export function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Bytes as an integer, the least significant first. */
export function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(bytes.toReversed());
}

/** A value of a text or binary array, of any layout. */
export function variableBytesAt(data: Data, row: number): Uint8Array {
  if (DataType.isUtf8View(data.type) || DataType.isBinaryView(data.type)) {
    const vector = new Vector([data.clone<BinaryView>(new BinaryView())]);
    return present(vector.get(row) ?? undefined);
  }
  const { from, to } = itemRange(data, row);
  const bytes = (data.values as Uint8Array).subarray(from, to);
  if (bytes.length !== to - from) throw missing();
  return bytes;
}

/** The byte order mark is a character like any other; broken text is an error. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

export function textAt(data: Data, row: number): string {
  return utf8.decode(variableBytesAt(data, row));
}

/** What belongs to a value of a text, a binary, a list or a map. */
export function itemRange(data: Data, row: number): { readonly from: number; readonly to: number } {
  const { type } = data;
  if (DataType.isFixedSizeList(type)) {
    return { from: row * type.listSize, to: (row + 1) * type.listSize };
  }
  const offsets = data.valueOffsets as ArrayLike<number | bigint>;
  const [from, to] = [Number(present(offsets[row])), Number(present(offsets[row + 1]))];
  if (from < 0 || to < from) throw missing();
  return { from, to };
}

export function childOf(data: Data, index: number): Data {
  return present(data.children[index]);
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw missing();
  return value;
}

function missing(): Error {
  return new Error('its value is missing from the buffers');
}

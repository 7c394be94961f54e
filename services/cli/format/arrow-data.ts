/** Access to the buffers of Arrow arrays, for those who read values without the library's getters. */
import { type Data, DataType } from 'apache-arrow';

export function isValid(data: Data, row: number): boolean {
  const bitmap = data.nullBitmap;
  if (data.nullCount === 0 || bitmap === undefined || bitmap.length === 0) return true;
  return bitAt(bitmap, data.offset + row);
}

export function bitAt(bitmap: Uint8Array, bit: number): boolean {
  return (((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}

export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The bytes of one value of a Utf8 or Binary array. */
export function binaryAt(data: Data, row: number): Uint8Array {
  const offsets = data.valueOffsets as Int32Array;
  return (data.values as Uint8Array).subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0);
}

export function childOf(data: Data, index: number): Data {
  const child = data.children[index];
  if (child === undefined) throw new Error(`${String(data.type)} has no child ${index}`);
  return child;
}

/** Rows of the child that belong to a list, a fixed-size list or a map. */
export function itemRows(data: Data, row: number): readonly number[] {
  const { type } = data;
  const [from, to] = DataType.isFixedSizeList(type)
    ? [(data.offset + row) * type.listSize, (data.offset + row + 1) * type.listSize]
    : [data.valueOffsets[row] ?? 0, data.valueOffsets[row + 1] ?? 0];
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** The byte order mark is a character like any other. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

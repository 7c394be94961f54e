/** Columns of nothing but NULLs. */
import { bitmapBytes } from './bitmap.ts';
import { type ColumnVector, wordsOf } from './column-vector.ts';
import type { Storage } from './storage.ts';

export function nullColumn(storage: Storage, rowCount: number): ColumnVector {
  const validity = new Uint8Array(bitmapBytes(rowCount));
  const empty = {
    starts: new Uint32Array(rowCount),
    ends: new Uint32Array(rowCount),
    contiguous: true,
  };
  switch (storage.kind) {
    case 'null':
      return { kind: 'null', rowCount };
    case 'fixed': {
      const { byteWidth } = storage;
      const buffer = new ArrayBuffer(rowCount * byteWidth);
      const words = wordsOf(buffer, { byteOffset: 0, rowCount, byteWidth });
      return { kind: 'fixed', rowCount, validity, byteWidth, words };
    }
    case 'boolean':
      return { kind: 'boolean', rowCount, validity, values: new Uint8Array(rowCount) };
    case 'bytes':
      return { kind: 'bytes', rowCount, validity, bytes: new Uint8Array(0), ...empty };
    case 'list':
      return { kind: 'list', rowCount, validity, item: nullColumn(storage.item, 0), ...empty };
    case 'array': {
      const item = nullColumn(storage.item, rowCount * storage.size);
      return { kind: 'array', rowCount, validity, size: storage.size, item };
    }
    case 'struct': {
      const fields = storage.fields.map((field) => nullColumn(field, rowCount));
      return { kind: 'struct', rowCount, validity, fields };
    }
    case 'union': {
      const members = storage.members.map((member) => nullColumn(member, rowCount));
      return { kind: 'union', rowCount, tags: new Uint8Array(rowCount), members };
    }
  }
}

/**
 * Reads cells of Arrow record batches as DuckDB shows them. Values come straight from the buffers, since the
 * library's own getters lose precision (timestamps as milliseconds, decimals as words).
 */
import {
  type Data,
  DataType,
  type Field,
  IntervalUnit,
  Precision,
  Type,
} from 'apache-arrow';
import { type Cell, NULL_CELL } from './cell.ts';
import {
  bitText,
  dateText,
  doubleText,
  floatText,
  intervalText,
  scaledText,
  timestampText,
  timeText,
  uuidText,
} from './scalar-text.ts';
import { bignumText, blobText, littleEndianInteger, timeWithZoneText } from './opaque-text.ts';

export type CellReader = (row: number) => Cell;

/** A reader of one column of one batch. */
export function cellReader(field: Field, data: Data): CellReader {
  const read = valueReader(field, data);
  if (data.nullCount === 0) return read;
  return (row) => (isValid(data, row) ? read(row) : NULL_CELL);
}

function isValid(data: Data, row: number): boolean {
  const bitmap = data.nullBitmap;
  if (bitmap === undefined || bitmap.length === 0) return true;
  const bit = data.offset + row;
  return (((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}

function valueReader(field: Field, data: Data): CellReader {
  const extension = extensionOf(field);
  if (extension !== undefined) return extensionReader(extension, data);
  switch (data.type.typeId) {
    case Type.Null:
      return () => NULL_CELL;
    case Type.Bool:
      return (row) => {
        const bit = data.offset + row;
        const set = (((data.values as Uint8Array)[bit >> 3] ?? 0) >> (bit & 7)) & 1;
        return { kind: 'boolean', text: set === 1 ? 'true' : 'false' };
      };
    case Type.Utf8:
    case Type.Binary:
      return bytesReader(data, data.type.typeId === Type.Utf8 ? decodeUtf8 : blobText);
    case Type.List:
    case Type.FixedSizeList:
    case Type.Struct:
    case Type.Map:
    case Type.Union:
      return nestedReader(data);
    default:
      return scalarReader(data);
  }
}

function scalarReader(data: Data): CellReader {
  const { type } = data;
  const values = data.values as ArrayLike<number | bigint>;
  const at = (row: number): number | bigint => values[row] ?? 0;
  if (DataType.isInt(type)) return (row) => ({ kind: 'number', text: String(at(row)) });
  if (DataType.isFloat(type)) {
    const text = type.precision === Precision.SINGLE ? floatText : doubleText;
    return (row) => ({ kind: 'number', text: text(Number(at(row))) });
  }
  if (DataType.isDecimal(type)) {
    const bytes = bytesOf(data.values as ArrayBufferView);
    return (row) => ({
      kind: 'number',
      text: scaledText(littleEndianInteger(bytes, row * 16, 'signed'), type.scale),
    });
  }
  if (DataType.isDate(type)) return (row) => ({ kind: 'text', text: dateText(Number(at(row))) });
  if (DataType.isTime(type))
    return (row) => ({ kind: 'text', text: timeText(BigInt(at(row)), type.unit) });
  if (DataType.isTimestamp(type)) {
    const zone = type.timezone === null || type.timezone === undefined ? '' : '+00';
    return (row) => ({ kind: 'text', text: timestampText(BigInt(at(row)), type.unit) + zone });
  }
  if (DataType.isInterval(type) && type.unit === IntervalUnit.MONTH_DAY_NANO) {
    return monthDayNanoReader(data);
  }
  throw new Error(`no text form for Arrow type ${String(type)}`);
}

function monthDayNanoReader(data: Data): CellReader {
  const bytes = bytesOf(data.values as ArrayBufferView);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (row) => {
    const months = view.getInt32(row * 16, true);
    const days = view.getInt32(row * 16 + 4, true);
    const nanos = view.getBigInt64(row * 16 + 8, true);
    return { kind: 'text', text: intervalText(months, days, nanos / 1000n) };
  };
}

function bytesReader(data: Data, toText: (bytes: Uint8Array) => string): CellReader {
  const offsets = data.valueOffsets as Int32Array;
  const bytes = data.values as Uint8Array;
  return (row) => ({
    kind: 'text',
    text: toText(bytes.subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0)),
  });
}

function nestedReader(data: Data): CellReader {
  const { type } = data;
  if (DataType.isStruct(type)) return structReader(type.children, data);
  const [childField] = type.children;
  const [childData] = data.children;
  if (DataType.isUnion(type)) return unionReader(data);
  if (childField === undefined || childData === undefined)
    throw new Error(`${String(type)} without a child`);
  const child = cellReader(childField, childData);
  const range = rangeReader(data);
  if (!DataType.isMap(type)) return (row) => ({ kind: 'list', items: range(row).map(child) });
  return (row) => ({
    kind: 'map',
    entries: range(row).map((index): readonly [Cell, Cell] => {
      const entry = child(index);
      const [key, value] = entry.kind === 'struct' ? entry.fields : [];
      return [key?.[1] ?? NULL_CELL, value?.[1] ?? NULL_CELL];
    }),
  });
}

function structReader(fields: readonly Field[], data: Data): CellReader {
  const readers = fields.map((field, i) => {
    const child = data.children[i];
    if (child === undefined) throw new Error(`struct field ${field.name} has no data`);
    return [field.name, cellReader(field, child)] as const;
  });
  return (row) => ({
    kind: 'struct',
    fields: readers.map(([name, read]) => [name, read(row)] as const),
  });
}

function unionReader(data: Data): CellReader {
  const typeIds = data.typeIds as Int8Array;
  const readers = data.type.children.map((field, i) => {
    const child = data.children[i];
    if (child === undefined) throw new Error(`union member ${field.name} has no data`);
    return cellReader(field, child);
  });
  return (row) => readers[typeIds[row] ?? 0]?.(row) ?? NULL_CELL;
}

/** Rows of the child that belong to a list. */
function rangeReader(data: Data): (row: number) => readonly number[] {
  const { type } = data;
  if (DataType.isFixedSizeList(type)) {
    const size = type.listSize;
    return (row) => Array.from({ length: size }, (_, i) => (data.offset + row) * size + i);
  }
  const offsets = data.valueOffsets as Int32Array;
  return (row) => {
    const from = offsets[row] ?? 0;
    return Array.from({ length: (offsets[row + 1] ?? from) - from }, (_, i) => from + i);
  };
}

/** `arrow.json`, `arrow.uuid`, or DuckDB's type name of an `arrow.opaque`. */
function extensionOf(field: Field): string | undefined {
  const name = field.metadata.get('ARROW:extension:name');
  if (name === undefined || name === 'arrow.json') return undefined;
  if (name !== 'arrow.opaque') return name;
  const metadata = JSON.parse(field.metadata.get('ARROW:extension:metadata') ?? '{}') as {
    type_name?: string;
  };
  return metadata.type_name;
}

function extensionReader(extension: string, data: Data): CellReader {
  const fixed = bytesOf(data.values as ArrayBufferView);
  switch (extension) {
    case 'arrow.uuid':
      return (row) => ({ kind: 'text', text: uuidText(fixed.subarray(row * 16, row * 16 + 16)) });
    case 'hugeint':
      return (row) => ({
        kind: 'number',
        text: String(littleEndianInteger(fixed, row * 16, 'signed')),
      });
    case 'uhugeint':
      return (row) => ({
        kind: 'number',
        text: String(littleEndianInteger(fixed, row * 16, 'unsigned')),
      });
    case 'time_tz':
      return (row) => ({
        kind: 'text',
        text: timeWithZoneText(fixed.subarray(row * 8, row * 8 + 8)),
      });
    case 'bit':
      return bytesReader(data, bitText);
    case 'bignum':
      return (row) => {
        const cell = bytesReader(data, bignumText)(row);
        return cell.kind === 'text' ? { kind: 'number', text: cell.text } : cell;
      };
    default:
      throw new Error(`no text form for Arrow extension ${extension}`);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

const utf8 = new TextDecoder();

function decodeUtf8(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

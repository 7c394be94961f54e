/**
 * Reads cells of Arrow record batches as DuckDB shows them. Values come straight from the buffers, since the
 * library's own getters lose precision (timestamps as milliseconds, decimals as words).
 */
import { type Data, DataType, type Field, IntervalUnit, Precision, Type } from 'apache-arrow';
import {
  binaryAt,
  bitAt,
  bytesOf,
  childOf,
  decodeUtf8,
  isValid,
  itemRows,
  viewOf,
} from './arrow-data.ts';
import { type Cell, NULL_CELL } from './cell.ts';
import { geometryText } from './geometry-text.ts';
import { bignumText, bitText, blobText, timeWithZoneText, uuidText } from './opaque-text.ts';
import {
  dateText,
  decimalText,
  doubleText,
  floatText,
  intervalText,
  timestampText,
  timeText,
  wideInteger,
} from './scalar-text.ts';
import { instantText } from './time-zone.ts';
import { variantReader } from './variant-cell.ts';

export type CellReader = (row: number) => Cell;

/** A reader of one column of one batch. */
export function cellReader(field: Field, data: Data): CellReader {
  const read = valueReader(field, data);
  if (data.nullCount === 0) return read;
  return (row) => (isValid(data, row) ? read(row) : NULL_CELL);
}

function valueReader(field: Field, data: Data): CellReader {
  const extension = extensionOf(field);
  if (extension !== undefined) return extensionReader(extension, data);
  switch (data.type.typeId) {
    case Type.Null:
      return () => NULL_CELL;
    case Type.Bool:
      return (row) => {
        const isSet = bitAt(data.values as Uint8Array, data.offset + row);
        return { kind: 'boolean', text: isSet ? 'true' : 'false' };
      };
    case Type.Utf8:
      return text((row) => decodeUtf8(binaryAt(data, row)));
    case Type.Binary:
      return text((row) => blobText(binaryAt(data, row)));
    case Type.List:
    case Type.FixedSizeList:
      return listReader(data);
    case Type.Struct:
      return structReader(data);
    case Type.Map:
      return mapReader(data);
    case Type.Union:
      return unionReader(data);
    default:
      return scalarReader(data);
  }
}

const text =
  (read: (row: number) => string): CellReader =>
  (row) => ({ kind: 'text', text: read(row) });

const number =
  (read: (row: number) => string): CellReader =>
  (row) => ({ kind: 'number', text: read(row) });

function scalarReader(data: Data): CellReader {
  const { type } = data;
  const values = data.values as ArrayLike<number | bigint>;
  const at = (row: number): number | bigint => values[row] ?? 0;
  if (DataType.isInt(type)) return number((row) => String(at(row)));
  if (DataType.isFloat(type)) {
    const toText = type.precision === Precision.SINGLE ? floatText : doubleText;
    return number((row) => toText(Number(at(row))));
  }
  if (DataType.isDecimal(type)) {
    const wide = wideReader(data);
    return number((row) => decimalText(wide(row, 'signed'), type));
  }
  if (DataType.isDate(type)) return text((row) => dateText(Number(at(row))));
  if (DataType.isTime(type)) return text((row) => timeText(BigInt(at(row)), type.unit));
  if (DataType.isTimestamp(type)) {
    const { unit, timezone } = type;
    if (timezone === null || timezone === undefined)
      return text((row) => timestampText(BigInt(at(row)), unit));
    return text((row) => instantText(BigInt(at(row)), timezone));
  }
  if (DataType.isInterval(type) && type.unit === IntervalUnit.MONTH_DAY_NANO)
    return monthDayNanoReader(data);
  throw new Error(`no text form for Arrow type ${String(type)}`);
}

function monthDayNanoReader(data: Data): CellReader {
  const view = viewOf(bytesOf(data.values as ArrayBufferView));
  return text((row) => {
    const months = view.getInt32(row * 16, true);
    const days = view.getInt32(row * 16 + 4, true);
    const nanos = view.getBigInt64(row * 16 + 8, true);
    return intervalText(months, days, nanos / 1000n);
  });
}

function wideReader(data: Data): (row: number, signedness: 'signed' | 'unsigned') => bigint {
  const view = viewOf(bytesOf(data.values as ArrayBufferView));
  return (row, signedness) => wideInteger(view, row * 16, signedness);
}

function listReader(data: Data): CellReader {
  const child = childReader(data, 0);
  const quoted = data.type.typeId === Type.List && extensionOf(fieldOf(data, 0)) !== 'arrow.json';
  return (row) => ({ kind: 'list', items: itemRows(data, row).map(child), quoted });
}

function structReader(data: Data): CellReader {
  const readers = childReaders(data);
  return (row) => ({
    kind: 'struct',
    fields: readers.map(([name, read]) => [name, read(row)] as const),
  });
}

function mapReader(data: Data): CellReader {
  const entries = childOf(data, 0);
  const key = childReader(entries, 0);
  const value = childReader(entries, 1);
  return (row) => ({
    kind: 'map',
    entries: itemRows(data, row).map((entry) => [key(entry), value(entry)] as const),
  });
}

/** A NULL union is told by the NULL of its first member only. */
function unionReader(data: Data): CellReader {
  const typeIds = data.typeIds as Int8Array;
  const readers = childReaders(data);
  return (row) => {
    const reader = readers[typeIds[row] ?? 0];
    if (reader === undefined) throw new Error(`a union has no member ${typeIds[row]}`);
    const [member, read] = reader;
    const value = read(row);
    return value.kind === 'null' ? NULL_CELL : { kind: 'union', member, value };
  };
}

function childReaders(data: Data): readonly (readonly [string, CellReader])[] {
  return data.type.children.map(
    (field: Field, i: number) => [field.name, childReader(data, i)] as const,
  );
}

function childReader(data: Data, index: number): CellReader {
  return cellReader(fieldOf(data, index), childOf(data, index));
}

function fieldOf(data: Data, index: number): Field {
  const field = data.type.children[index] as Field | undefined;
  if (field === undefined) throw new Error(`${String(data.type)} has no field ${index}`);
  return field;
}

/** The name of an Arrow extension, or DuckDB's name of a type that Arrow has no extension for. */
export function extensionOf(field: Field): string | undefined {
  const name = field.metadata.get('ARROW:extension:name');
  if (name !== 'arrow.opaque') return name;
  const metadata = JSON.parse(field.metadata.get('ARROW:extension:metadata') ?? '{}') as {
    type_name?: string;
  };
  return metadata.type_name;
}

function extensionReader(extension: string, data: Data): CellReader {
  switch (extension) {
    case 'arrow.json':
      return (row) => ({ kind: 'json', text: decodeUtf8(binaryAt(data, row)) });
    case 'arrow.uuid':
      return text((row) => uuidText(fixedBytesAt(data, row, 16)));
    case 'hugeint':
    case 'uhugeint': {
      const wide = wideReader(data);
      const signedness = extension === 'hugeint' ? 'signed' : 'unsigned';
      return number((row) => String(wide(row, signedness)));
    }
    case 'time_tz':
      return text((row) =>
        timeWithZoneText(viewOf(fixedBytesAt(data, row, 8)).getBigUint64(0, true)),
      );
    case 'bit':
      return text((row) => bitText(binaryAt(data, row)));
    case 'bignum':
      return number((row) => bignumText(binaryAt(data, row)));
    case 'geoarrow.wkb':
      return text((row) => geometryText(binaryAt(data, row)));
    case 'variant':
      return variantReader(data);
    default:
      throw new Error(`no text form for Arrow extension ${extension}`);
  }
}

function fixedBytesAt(data: Data, row: number, byteWidth: number): Uint8Array {
  return bytesOf(data.values as ArrayBufferView).subarray(row * byteWidth, (row + 1) * byteWidth);
}

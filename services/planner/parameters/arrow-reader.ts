/**
 * Values of Arrow arrays as constants: the type table, read backwards. They come straight from the buffers, since
 * the library's own getters round timestamps and decimals and mend broken text.
 */
import {
  type Data,
  DataType,
  type Dictionary,
  Field,
  type FixedSizeBinary,
  type FixedSizeList,
  type Float,
  Precision,
  Type,
} from 'apache-arrow';
import { type BytesDatum, type Datum } from '../logical/datum.ts';
import {
  bitAt,
  childOf,
  fixedBytesAt,
  integerAt,
  itemRange,
  numberAt,
  textAt,
  variableBytesAt,
} from './arrow-bytes.ts';
import { extensionReader } from './arrow-extension.ts';
import {
  dateReader,
  decimalReader,
  durationReader,
  integerReader,
  intervalReader,
  timeReader,
  timestampReader,
} from './arrow-scalar.ts';
import { type ArrowReader, unsupported } from './arrow-type.ts';

/** @throws Error for a type that has no DuckDB type here; reading throws for values that it cannot hold */
export function arrowReader(field: Field, data: Data): ArrowReader {
  const { type, read } = extensionReader(field, data) ?? typeReader(data);
  return {
    type,
    read: (row) => {
      if (row >= data.length) throw new Error('its array is too short');
      return data.getValid(row) ? read(row) : null;
    },
  };
}

function typeReader(data: Data): ArrowReader {
  const { type } = data;
  if (DataType.isInt(type)) return integerReader(type, data);
  if (DataType.isFloat(type)) return floatReader(type, data);
  if (DataType.isDecimal(type)) return decimalReader(type, data);
  if (DataType.isDate(type)) return dateReader(type, data);
  if (DataType.isTime(type)) return timeReader(type, data);
  if (DataType.isTimestamp(type)) return timestampReader(type, data);
  if (DataType.isDuration(type)) return durationReader(type, data);
  if (DataType.isInterval(type)) return intervalReader(type, data);
  if (DataType.isFixedSizeBinary(type)) return fixedBinaryReader(type, data);
  if (DataType.isDictionary(type)) return dictionaryReader(type, data);
  switch (type.typeId) {
    case Type.Null:
      return { type: { id: 'NULL' }, read: () => null };
    case Type.Bool:
      return { type: { id: 'BOOLEAN' }, read: (row) => bitAt(data, row) };
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Utf8View:
      return { type: { id: 'VARCHAR' }, read: (row) => textAt(data, row) };
    case Type.Binary:
    case Type.LargeBinary:
    case Type.BinaryView:
      return { type: { id: 'BLOB' }, read: (row) => blob(variableBytesAt(data, row)) };
    default:
      return nestedReader(data);
  }
}

function nestedReader(data: Data): ArrowReader {
  const { type } = data;
  if (DataType.isFixedSizeList(type)) return arrayReader(type, data);
  if (DataType.isStruct(type)) return structReader(data);
  if (DataType.isMap(type)) return mapReader(data);
  if (DataType.isList(type) || DataType.isLargeList(type)) {
    const item = childReader(data, 0);
    return { type: { id: 'LIST', child: item.type }, read: itemsReader(data, item) };
  }
  throw unsupported(type);
}

function arrayReader({ listSize }: FixedSizeList, data: Data): ArrowReader {
  const item = childReader(data, 0);
  const type = { id: 'ARRAY', child: item.type, size: listSize } as const;
  return { type, read: itemsReader(data, item) };
}

function structReader(data: Data): ArrowReader {
  const fields = data.type.children.map((field: Field, index) => ({
    name: field.name,
    ...childReader(data, index),
  }));
  if (fields.some(({ name }) => name === '')) throw new Error('a field of it has no name');
  return {
    type: { id: 'STRUCT', fields: fields.map(({ name, type }) => ({ name, type })) },
    read: (row) => nested(fields.map((field) => field.read(row))),
  };
}

/** An entry is a struct of a key and a value. */
function mapReader(data: Data): ArrowReader {
  const entries = childOf(data, 0);
  const [key, value] = [childReader(entries, 0), childReader(entries, 1)];
  const entry: Pick<ArrowReader, 'read'> = {
    read: (row) => nested([key.read(row), value.read(row)]),
  };
  return {
    type: { id: 'MAP', key: key.type, value: value.type },
    read: itemsReader(data, entry),
  };
}

function itemsReader(data: Data, item: Pick<ArrowReader, 'read'>): ArrowReader['read'] {
  return (row) => {
    const { from, to } = itemRange(data, row);
    return nested(Array.from({ length: to - from }, (_, index) => item.read(from + index)));
  };
}

function childReader(data: Data, index: number): ArrowReader {
  const field = data.type.children[index] as Field | undefined;
  if (field === undefined) throw unsupported(data.type);
  return arrowReader(field, childOf(data, index));
}

/** Its values are those of a column; a stream may send them in several pieces. */
function dictionaryReader(type: Dictionary, data: Data): ArrowReader {
  const field = new Field('', type.dictionary, true);
  const pieces = (data.dictionary?.data ?? []).map((piece) => ({
    rowCount: piece.length,
    ...arrowReader(field, piece),
  }));
  const [first] = pieces;
  if (first === undefined) throw new Error('its dictionary is missing');
  return {
    type: first.type,
    read: (row) => {
      let index = Number(integerAt(data, row));
      for (const { rowCount, read } of pieces) {
        if (index < rowCount) return read(index);
        index -= rowCount;
      }
      throw new Error('its dictionary is too short');
    },
  };
}

function floatReader({ precision }: Float, data: Data): ArrowReader {
  const id = precision === Precision.DOUBLE ? 'DOUBLE' : 'FLOAT';
  return { type: { id }, read: (row) => numberAt(data, row) };
}

function fixedBinaryReader({ byteWidth }: FixedSizeBinary, data: Data): ArrowReader {
  return { type: { id: 'BLOB' }, read: (row) => blob(fixedBytesAt(data, row, byteWidth)) };
}

function nested(children: readonly Datum[]): Datum {
  return { kind: 'nested', children };
}

/** Every byte as DuckDB's cast reads it. */
function blob(bytes: Uint8Array): BytesDatum {
  const text = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  return { kind: 'bytes', text };
}

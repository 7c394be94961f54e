/**
 * Values of Arrow data and of DuckDB in one plain form, so that they can be compared. The Arrow side reads
 * the buffers that apache-arrow found in the stream, not its value getters, which round.
 */
import {
  DuckDBArrayValue,
  DuckDBBitValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBGeometryValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeNSValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  DuckDBUnionValue,
  DuckDBUUIDValue,
} from '@duckdb/node-api';
import type { Data } from 'apache-arrow';
import type { ColumnType } from '../../services/common/plan/column-type.ts';

export type PlainValue =
  | null
  | boolean
  | number
  | string
  | bigint
  | PlainValue[]
  | { readonly [name: string]: PlainValue };

/** Value `row` of an Arrow array that holds a column of the DuckDB type. */
export function arrowValue(data: Data, row: number, type: ColumnType): PlainValue {
  if (type.id === 'UNION') {
    const tag = data.typeIds[data.offset + row]!;
    const member = type.members[tag]!;
    return { [member.name]: arrowValue(data.children[tag]!, row, member.type) };
  }
  if (!isValid(data, row)) return null;
  switch (type.id) {
    case 'LIST':
      return itemRows(data, row).map((item) => arrowValue(data.children[0]!, item, type.child));
    case 'ARRAY':
      return Array.from({ length: type.size }, (_, index) => {
        return arrowValue(data.children[0]!, (data.offset + row) * type.size + index, type.child);
      });
    case 'STRUCT':
      return Object.fromEntries(
        type.fields.map((field, index) => {
          return [field.name, arrowValue(data.children[index]!, row, field.type)];
        }),
      );
    case 'MAP': {
      const [keys, values] = data.children[0]!.children;
      return itemRows(data, row).map((item) => [
        arrowValue(keys!, item, type.key),
        arrowValue(values!, item, type.value),
      ]);
    }
    default:
      return leafValue(data, row, type);
  }
}

function isValid(data: Data, row: number): boolean {
  if (data.nullCount === 0 || data.nullBitmap === undefined || data.nullBitmap.length === 0)
    return true;
  const bit = data.offset + row;
  return ((data.nullBitmap[bit >> 3]! >> (bit & 7)) & 1) === 1;
}

function itemRows(data: Data, row: number): number[] {
  const offsets = data.valueOffsets as Int32Array;
  const [start, end] = [offsets[row]!, offsets[row + 1]!];
  return Array.from({ length: end - start }, (_, index) => start + index);
}

function leafValue(data: Data, row: number, type: ColumnType): PlainValue {
  const bytes = new DataView(data.values.buffer, data.values.byteOffset, data.values.byteLength);
  const wide = (at: number) =>
    bytes.getBigUint64(at, true) + (bytes.getBigInt64(at + 8, true) << 64n);
  switch (type.id) {
    case 'BOOLEAN': {
      const bit = data.offset + row;
      return ((data.values[bit >> 3] >> (bit & 7)) & 1) === 1;
    }
    case 'TINYINT':
      return bytes.getInt8(row);
    case 'UTINYINT':
      return bytes.getUint8(row);
    case 'SMALLINT':
      return bytes.getInt16(row * 2, true);
    case 'USMALLINT':
      return bytes.getUint16(row * 2, true);
    case 'INTEGER':
    case 'DATE':
      return bytes.getInt32(row * 4, true);
    case 'UINTEGER':
      return bytes.getUint32(row * 4, true);
    case 'FLOAT':
      return bytes.getFloat32(row * 4, true);
    case 'DOUBLE':
      return bytes.getFloat64(row * 8, true);
    case 'UBIGINT':
    case 'TIME WITH TIME ZONE':
      return bytes.getBigUint64(row * 8, true);
    case 'BIGINT':
    case 'TIME':
    case 'TIME_NS':
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP_NS':
    case 'TIMESTAMP WITH TIME ZONE':
      return bytes.getBigInt64(row * 8, true);
    case 'HUGEINT':
    case 'DECIMAL':
      return wide(row * 16);
    case 'UHUGEINT':
      return BigInt.asUintN(128, wide(row * 16));
    case 'INTERVAL':
      return [
        bytes.getInt32(row * 16, true),
        bytes.getInt32(row * 16 + 4, true),
        bytes.getBigInt64(row * 16 + 8, true),
      ];
    case 'UUID':
      return Buffer.from(data.values.buffer, data.values.byteOffset + row * 16, 16).toString('hex');
    default: {
      const offsets = data.valueOffsets as Int32Array;
      const value = Buffer.from(data.values.subarray(offsets[row]!, offsets[row + 1]!));
      return type.id === 'VARCHAR' || type.id === 'JSON' || type.id === 'ENUM'
        ? value.toString('utf8')
        : value.toString('hex');
    }
  }
}

/** A value as DuckDB's own client gives it. */
export function duckdbValue(value: unknown): PlainValue {
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return value.items.map(duckdbValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, item]) => [name, duckdbValue(item)]),
    );
  }
  if (value instanceof DuckDBMapValue) {
    return value.entries.map((entry) => [duckdbValue(entry.key), duckdbValue(entry.value)]);
  }
  if (value instanceof DuckDBUnionValue) return { [value.tag]: duckdbValue(value.value) };
  if (value instanceof DuckDBDecimalValue) return value.value;
  if (value instanceof DuckDBDateValue) return value.days;
  if (value instanceof DuckDBIntervalValue) return [value.months, value.days, value.micros * 1000n];
  if (value instanceof DuckDBTimeValue || value instanceof DuckDBTimestampValue)
    return value.micros;
  if (value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBTimestampSecondsValue) return value.seconds;
  if (value instanceof DuckDBTimestampMillisecondsValue) return value.millis;
  if (value instanceof DuckDBTimestampNanosecondsValue || value instanceof DuckDBTimeNSValue)
    return value.nanos;
  if (value instanceof DuckDBTimeTZValue)
    return (value.micros << 24n) | BigInt(57_599 - value.offset);
  if (value instanceof DuckDBUUIDValue) return value.toString().replaceAll('-', '');
  if (value instanceof DuckDBBlobValue || value instanceof DuckDBGeometryValue) {
    return Buffer.from(value.bytes).toString('hex');
  }
  if (value instanceof DuckDBBitValue) return Buffer.from(value.data).toString('hex');
  return value as PlainValue;
}

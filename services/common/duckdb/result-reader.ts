/**
 * Reads DuckDB's vectors in the result layout: the Arrow types that standard clients read. Types whose
 * memory is the same in both layouts are read raw; the others are converted a vector at a time.
 */
import duckdb from '@duckdb/node-bindings';
import { EngineError } from '../error.ts';
import { testBit } from '../page/bitmap.ts';
import type { Bitmap, BytesColumn, ColumnVector, FixedColumn } from '../page/column-vector.ts';
import { arrowTypeStorage, type ByteWidth } from '../page/storage.ts';
import type { ColumnType } from '../plan/column-type.ts';
import { arrowField } from '../plan/type-table.ts';
import {
  arrayReader,
  listReader,
  rawReader,
  readFixed,
  structReader,
  type VectorReader,
} from './vector-reader.ts';
import { readData, readValidity } from './vector-memory.ts';

/** How to read a column of this type for clients. */
export function resultReader(type: ColumnType): VectorReader {
  switch (type.id) {
    case 'BOOLEAN':
      return readBooleans;
    case 'DECIMAL':
      return decimalReader(type);
    case 'ENUM':
      return enumReader(type);
    case 'INTERVAL':
      return readIntervals;
    case 'UUID':
      return readUuids;
    case 'LIST':
      return listReader(resultReader(type.child));
    case 'MAP':
      return listReader(structReader([resultReader(type.key), resultReader(type.value)]));
    case 'ARRAY':
      return arrayReader(type.size, resultReader(type.child));
    case 'STRUCT':
      return structReader(type.fields.map((field) => resultReader(field.type)));
    case 'UNION':
      return unionReader(type.members.map((member) => resultReader(member.type)));
    default:
      return storageReader(type);
  }
}

/** How to read a column of this type for other workers. */
export function exchangeReader(type: ColumnType): VectorReader {
  return storageReader(type);
}

function storageReader(type: ColumnType): VectorReader {
  return rawReader(arrowTypeStorage(arrowField({ name: '', type }, 'exchange').type));
}

function readBooleans(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): ColumnVector {
  const validity = readValidity(vector, rowCount, mask);
  return { kind: 'boolean', rowCount, validity, values: readData(vector, rowCount) };
}

type DecimalType = Extract<ColumnType, { id: 'DECIMAL' }>;

/** Widens decimals to the 128 bits that every client reads. */
function decimalReader(type: DecimalType): VectorReader {
  const storage = arrowTypeStorage(arrowField({ name: '', type }, 'exchange').type);
  if (storage.kind !== 'fixed') throw new Error('decimals are of fixed width');
  const { byteWidth } = storage;
  return (vector, rowCount, mask) => {
    const column = readFixed(vector, mask, { rowCount, byteWidth });
    return byteWidth === 16 ? column : { ...column, byteWidth: 16, words: widen(column) };
  };
}

function widen(column: FixedColumn): Uint32Array {
  const { words, rowCount, byteWidth } = column;
  const wide = new Uint32Array(rowCount * 4);
  if (byteWidth === 8) {
    for (let row = 0; row < rowCount; row += 1) {
      const high = words[row * 2 + 1]!;
      wide[row * 4] = words[row * 2]!;
      wide[row * 4 + 1] = high;
      wide[row * 4 + 2] = wide[row * 4 + 3] = high >> 31;
    }
    return wide;
  }
  const signShift = 32 - byteWidth * 8;
  for (let row = 0; row < rowCount; row += 1) {
    const value = (words[row]! << signShift) >> signShift;
    wide[row * 4] = value;
    wide[row * 4 + 1] = wide[row * 4 + 2] = wide[row * 4 + 3] = value >> 31;
  }
  return wide;
}

type EnumType = Extract<ColumnType, { id: 'ENUM' }>;

/** An enum's value becomes a piece of its dictionary's text, which is not copied before the page is built. */
function enumReader(type: EnumType): VectorReader {
  const byteWidth: ByteWidth =
    type.values.length <= 0xff ? 1 : type.values.length <= 0xffff ? 2 : 4;
  const dictionary = enumDictionary(type.values);
  return (vector, rowCount, mask): BytesColumn => {
    const { validity, words } = readFixed(vector, mask, { rowCount, byteWidth });
    const starts = new Uint32Array(rowCount);
    const ends = new Uint32Array(rowCount);
    for (let row = 0; row < rowCount; row += 1) {
      if (validity !== undefined && !testBit(validity, row)) continue;
      starts[row] = dictionary.offsets[words[row]!]!;
      ends[row] = dictionary.offsets[words[row]! + 1]!;
    }
    return {
      kind: 'bytes',
      rowCount,
      validity,
      starts,
      ends,
      bytes: dictionary.bytes,
      contiguous: false,
    };
  };
}

function enumDictionary(values: readonly string[]): {
  readonly bytes: Uint8Array;
  readonly offsets: Uint32Array;
} {
  const texts = values.map((value) => Buffer.from(value, 'utf8'));
  const offsets = new Uint32Array(texts.length + 1);
  for (const [index, text] of texts.entries()) offsets[index + 1] = offsets[index]! + text.length;
  return { bytes: Buffer.concat(texts), offsets };
}

const MAX_INTERVAL_MICROS = 0x7fff_ffff_ffff_ffffn / 1000n;

/** DuckDB counts microseconds, Arrow nanoseconds; what does not fit is refused, never wrapped. */
function readIntervals(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): ColumnVector {
  const column = readFixed(vector, mask, { rowCount, byteWidth: 16 });
  const { words, validity } = column;
  const values = new BigInt64Array(words.buffer, words.byteOffset, rowCount * 2);
  for (let row = 0; row < rowCount; row += 1) {
    if (validity !== undefined && !testBit(validity, row)) continue;
    const micros = values[row * 2 + 1]!;
    if (micros > MAX_INTERVAL_MICROS || micros < -MAX_INTERVAL_MICROS) {
      throw new EngineError(
        'OUT_OF_RANGE',
        `an INTERVAL of ${micros} microseconds does not fit Arrow's nanoseconds`,
      );
    }
    values[row * 2 + 1] = micros * 1000n;
  }
  return column;
}

/** DuckDB keeps a UUID as a number with its top bit flipped, so that it sorts; clients read its bytes. */
function readUuids(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): ColumnVector {
  const column = readFixed(vector, mask, { rowCount, byteWidth: 16 });
  const bytes = new Uint8Array(column.words.buffer, column.words.byteOffset, rowCount * 16);
  for (let at = 0; at < bytes.length; at += 16) {
    bytes.subarray(at, at + 16).reverse();
    bytes[at]! ^= 0x80;
  }
  return column;
}

/** DuckDB's union is a struct of the tag and the members; Arrow's knows no NULL beside its members' own. */
function unionReader(readMembers: readonly VectorReader[]): VectorReader {
  return (vector, rowCount, mask) => {
    const validity = readValidity(vector, rowCount, mask);
    const tagVector = duckdb.struct_vector_get_child(vector, 0);
    const tags = readData(tagVector, rowCount);
    const known = readValidity(tagVector, rowCount, validity);
    if (known !== undefined) {
      for (let row = 0; row < rowCount; row += 1) if (!testBit(known, row)) tags[row] = 0;
    }
    const members = readMembers.map((read, index) => {
      return read(duckdb.struct_vector_get_child(vector, index + 1), rowCount, known);
    });
    return { kind: 'union', rowCount, tags, members };
  };
}

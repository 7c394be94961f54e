/** Arrow arrays as constants: the type table, read backwards. */
import { type DictionaryEncoding } from 'apache-arrow/fb/dictionary-encoding';
import { type Field } from 'apache-arrow/fb/field';
import { FixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { Type } from 'apache-arrow/fb/type';
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { BatchCursor, type BytesAt } from './batch-cursor.ts';
import { littleEndian } from './bytes.ts';
import { expectNotOpaque, extensionType } from './extension-type.ts';
import { type Dictionaries } from './ipc-stream.ts';
import { detailsOf, leafType, type LeafStorage, unsupported } from './leaf-type.ts';
import { type ReadBudget } from './read-budget.ts';

/** DuckDB's type of an array, and its values by row. Errors have messages that users may read. */
export interface ArrayReader {
  readonly type: ColumnType;
  readonly read: (row: number) => Datum;
}

/** What arrays are read from. */
export interface ArraySource {
  readonly cursor: BatchCursor;
  readonly dictionaries: Dictionaries;
  readonly budget: ReadBudget;
}

type ReadRow = ArrayReader['read'];

/**
 * The next array of the source, with all its children.
 * @throws Error for a type that has no DuckDB type here; reading throws for values that it cannot hold
 */
export function arrayReader(field: Field, source: ArraySource): ArrayReader {
  const encoding = field.dictionary();
  return encoding === null ? plainReader(field, source) : dictionaryReader(field, encoding, source);
}

function plainReader(field: Field, source: ArraySource): ArrayReader {
  const leaf = leafType(field);
  if (leaf === undefined) return parentReader(field, source);
  const { storage, type, decode } = extensionType(field, leaf);
  return nullable(source, () => {
    const bytesAt = bytesReader(storage, source.cursor);
    return { type, read: (row) => decode(bytesAt(row)) };
  });
}

function bytesReader(storage: LeafStorage, cursor: BatchCursor): BytesAt {
  switch (storage) {
    case 'bits':
      return cursor.bits();
    case 'offsets-32':
      return cursor.variable(4);
    case 'offsets-64':
      return cursor.variable(8);
    case 'views':
      return cursor.views();
    default:
      return cursor.fixed(storage);
  }
}

/** An array's own bits of validity come before everything else that it has. */
function nullable(source: ArraySource, present: () => ArrayReader): ArrayReader {
  const { cursor, budget } = source;
  const node = cursor.node();
  budget.spend(1);
  const isValid = cursor.validity(node);
  const { type, read } = present();
  return {
    type,
    read: (row) => {
      if (row >= node.rowCount) throw new Error('its array is too short');
      const value = isValid(row) ? read(row) : null;
      budget.spend(sizeOf(value));
      return value;
    },
  };
}

/** What a value is of a budget; its children have been paid for. */
function sizeOf(value: Datum): number {
  const isBytes = typeof value === 'object' && value?.kind === 'bytes';
  const text = isBytes ? value.text : value;
  return 1 + (typeof text === 'string' ? text.length : 0);
}

function parentReader(field: Field, source: ArraySource): ArrayReader {
  expectNotOpaque(field);
  switch (field.typeType()) {
    case Type.Null:
      source.cursor.node();
      return { type: { id: 'NULL' }, read: () => null };
    case Type.List:
      return nullable(source, () => listReader(field, source, 4));
    case Type.LargeList:
      return nullable(source, () => listReader(field, source, 8));
    case Type.FixedSizeList:
      return nullable(source, () => fixedListReader(field, source));
    case Type.Struct_:
      return nullable(source, () => structReader(field, source));
    case Type.Map:
      return nullable(source, () => mapReader(field, source));
    default:
      throw unsupported(Type[field.typeType()]);
  }
}

function listReader(field: Field, source: ArraySource, offsetBytes: number): ArrayReader {
  const ranges = source.cursor.ranges(offsetBytes);
  const item = arrayReader(childOf(field, 0), source);
  const read: ReadRow = (row) => {
    const { from, to } = ranges(row);
    return items(from, to, item.read);
  };
  return { type: { id: 'LIST', child: item.type }, read };
}

function fixedListReader(field: Field, source: ArraySource): ArrayReader {
  const size = detailsOf(field, new FixedSizeList()).listSize();
  const item = arrayReader(childOf(field, 0), source);
  return {
    type: { id: 'ARRAY', child: item.type, size },
    read: (row) => items(row * size, (row + 1) * size, item.read),
  };
}

/** Its items are structs of a key and a value. */
function mapReader(field: Field, source: ArraySource): ArrayReader {
  const { type, read } = listReader(field, source, 4);
  const entry = type.id === 'LIST' ? type.child : type;
  const [key, value] = entry.id === 'STRUCT' ? entry.fields : [];
  if (key === undefined || value === undefined) throw unsupported('Map');
  return { type: { id: 'MAP', key: key.type, value: value.type }, read };
}

function structReader(field: Field, source: ArraySource): ArrayReader {
  const fields = Array.from({ length: field.childrenLength() }, (_, index) => {
    const child = childOf(field, index);
    const name = child.name() ?? '';
    if (name === '') throw new Error('a field of it has no name');
    return { name, ...arrayReader(child, source) };
  });
  return {
    type: { id: 'STRUCT', fields: fields.map(({ name, type }) => ({ name, type })) },
    read: (row) => ({ kind: 'nested', children: fields.map(({ read }) => read(row)) }),
  };
}

function items(from: number, to: number, read: ReadRow): Datum {
  const children: Datum[] = [];
  for (let row = from; row < to; row += 1) children.push(read(row));
  return { kind: 'nested', children };
}

function childOf(field: Field, index: number): Field {
  const child = index < field.childrenLength() ? field.children(index) : null;
  if (child === null) throw unsupported(Type[field.typeType()]);
  return child;
}

/** An array of positions among values that came before; in several batches, one behind the other. */
function dictionaryReader(
  field: Field,
  encoding: DictionaryEncoding,
  source: ArraySource,
): ArrayReader {
  const pieces = (source.dictionaries.get(encoding.id()) ?? []).map((batch) => ({
    rowCount: Number(batch.batch.length()),
    ...plainReader(field, { ...source, cursor: new BatchCursor(batch) }),
  }));
  const [first] = pieces;
  if (first === undefined) throw new Error('its dictionary is missing');
  return nullable(source, () => {
    const positions = source.cursor.fixed((encoding.indexType()?.bitWidth() ?? 32) / 8);
    const read: ReadRow = (row) => {
      let position = Number(littleEndian(positions(row)));
      for (const piece of pieces) {
        if (position < piece.rowCount) return piece.read(position);
        position -= piece.rowCount;
      }
      throw new Error('its dictionary is too short');
    };
    return { type: first.type, read };
  });
}

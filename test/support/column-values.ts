/** Columns in memory from plain values and back, for laws over any storage. */
import fc from 'fast-check';
import { setBit, testBit } from '../../services/common/page/bitmap.ts';
import {
  type ColumnVector,
  isContiguous,
  wordsOf,
} from '../../services/common/page/column-vector.ts';
import type { Storage } from '../../services/common/page/storage.ts';

/** bytes for `fixed` and `bytes`, items for `list` and `array`, fields for `struct`, tag and members for `union`. */
export type ColumnValue = null | boolean | string | readonly ColumnValue[];

export const storageArbitrary: fc.Arbitrary<Storage> = fc.letrec<{ storage: Storage }>((tie) => ({
  storage: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc.constantFrom<Storage>(
      { kind: 'null' },
      { kind: 'boolean' },
      { kind: 'bytes' },
      ...([1, 2, 4, 8, 16] as const).map((byteWidth) => ({ kind: 'fixed', byteWidth }) as const),
    ),
    tie('storage').map((item): Storage => ({ kind: 'list', item })),
    tie('storage').map((item): Storage => ({ kind: 'array', size: 2, item })),
    fc
      .array(tie('storage'), { maxLength: 3 })
      .map((fields): Storage => ({ kind: 'struct', fields })),
    fc
      .array(tie('storage'), { minLength: 1, maxLength: 2 })
      .map((members): Storage => ({ kind: 'union', members })),
  ),
})).storage;

export function valueArbitrary(storage: Storage): fc.Arbitrary<ColumnValue> {
  switch (storage.kind) {
    case 'null':
      return fc.constant(null);
    case 'fixed':
      return orNull(hexArbitrary(storage.byteWidth, storage.byteWidth));
    case 'boolean':
      return orNull(fc.boolean());
    case 'bytes':
      return orNull(fc.oneof(hexArbitrary(0, 20), hexArbitrary(0, 200)));
    case 'list':
      return orNull(fc.array(valueArbitrary(storage.item), { maxLength: 4 }));
    case 'array': {
      const { size } = storage;
      return orNull(fc.array(valueArbitrary(storage.item), { minLength: size, maxLength: size }));
    }
    case 'struct':
      return orNull(fc.tuple(...storage.fields.map(valueArbitrary)));
    case 'union':
      return fc.tuple(...storage.members.map(valueArbitrary));
  }
}

function hexArbitrary(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength, maxLength }).map((bytes) => Buffer.from(bytes).toString('hex'));
}

function orNull(values: fc.Arbitrary<ColumnValue>): fc.Arbitrary<ColumnValue> {
  return fc.option(values, { freq: 5 });
}

/** A column of the values; `scattered` puts gaps between the values of strings and lists. */
export function columnOf(
  storage: Storage,
  values: readonly ColumnValue[],
  scattered = false,
): ColumnVector {
  const rowCount = values.length;
  const validity = validityOf(values);
  switch (storage.kind) {
    case 'null':
      return { kind: 'null', rowCount };
    case 'fixed': {
      const { byteWidth } = storage;
      const hex = values.map((value) => value ?? '00'.repeat(byteWidth)).join('');
      const { buffer } = Uint8Array.from(Buffer.from(hex, 'hex'));
      const words = wordsOf(buffer, { byteOffset: 0, rowCount, byteWidth });
      return { kind: 'fixed', rowCount, validity, byteWidth, words };
    }
    case 'boolean': {
      const flags = Uint8Array.from(values, (value) => Number(value === true));
      return { kind: 'boolean', rowCount, validity, values: flags };
    }
    case 'bytes': {
      const texts = values.map((value) => [...Buffer.from((value as string | null) ?? '', 'hex')]);
      const { items: bytes, ...ranges } = layOut(texts, scattered ? 0xee : undefined);
      return { kind: 'bytes', rowCount, validity, bytes: Uint8Array.from(bytes), ...ranges };
    }
    default:
      return nestedColumnOf(storage, values, scattered);
  }
}

type NestedStorage = Extract<Storage, { kind: 'list' | 'array' | 'struct' | 'union' }>;

function nestedColumnOf(
  storage: NestedStorage,
  values: readonly ColumnValue[],
  scattered: boolean,
): ColumnVector {
  const rowCount = values.length;
  const validity = validityOf(values);
  const itemColumn = (item: Storage, inner: readonly ColumnValue[]) =>
    columnOf(
      item,
      inner.map((value) => fill(item, value)),
      scattered,
    );
  const child = (index: number) =>
    values.map((value) => (value as readonly ColumnValue[] | null)?.[index] ?? null);
  switch (storage.kind) {
    case 'list': {
      const lists = values.map((value) => (value ?? []) as ColumnValue[]);
      const { items: inner, ...ranges } = layOut(lists, scattered ? null : undefined);
      const item = itemColumn(storage.item, inner);
      return { kind: 'list', rowCount, validity, item, ...ranges };
    }
    case 'array': {
      const { size } = storage;
      const nulls = Array<null>(size).fill(null);
      const item = itemColumn(
        storage.item,
        values.flatMap((value) => (value ?? nulls) as ColumnValue[]),
      );
      return { kind: 'array', rowCount, validity, size, item };
    }
    case 'struct': {
      const fields = storage.fields.map((field, index) => itemColumn(field, child(index)));
      return { kind: 'struct', rowCount, validity, fields };
    }
    case 'union': {
      const members = storage.members.map((member, index) => itemColumn(member, child(index)));
      const tags = Uint8Array.from(values, (_, row) => row % members.length);
      return { kind: 'union', rowCount, tags, members };
    }
  }
}

/** A union cannot be NULL itself: what stands for it has NULL members. */
function fill(storage: Storage, value: ColumnValue): ColumnValue {
  return value === null && storage.kind === 'union'
    ? storage.members.map((member) => fill(member, null))
    : value;
}

interface LaidOut<T> {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly contiguous: boolean;
  readonly items: T[];
}

function layOut<T>(values: readonly (readonly T[])[], gap: T | undefined): LaidOut<T> {
  const laidOut: T[] = [];
  const starts = new Uint32Array(values.length);
  const ends = new Uint32Array(values.length);
  for (const [row, value] of values.entries()) {
    if (gap !== undefined) laidOut.push(gap);
    starts[row] = laidOut.length;
    laidOut.push(...value);
    ends[row] = laidOut.length;
  }
  return { starts, ends, contiguous: isContiguous(starts, ends), items: laidOut };
}

function validityOf(values: readonly ColumnValue[]): Uint8Array | undefined {
  if (!values.includes(null)) return undefined;
  const bits = new Uint8Array(Math.ceil(values.length / 8));
  for (const [row, value] of values.entries()) if (value !== null) setBit(bits, row);
  return bits;
}

/** The value of one row; of a union, its members' values in place of the tag. */
export function valueAt(column: ColumnVector, row: number): ColumnValue {
  if (column.kind === 'null') return null;
  if (column.kind === 'union') return column.members.map((member) => valueAt(member, row));
  if (column.validity !== undefined && !testBit(column.validity, row)) return null;
  switch (column.kind) {
    case 'fixed': {
      const { words, byteWidth } = column;
      return Buffer.from(words.buffer, words.byteOffset + row * byteWidth, byteWidth).toString(
        'hex',
      );
    }
    case 'boolean':
      return column.values[row] === 1;
    case 'bytes':
      return Buffer.from(column.bytes.subarray(column.starts[row], column.ends[row])).toString(
        'hex',
      );
    case 'list':
      return items(column.item, column.starts[row]!, column.ends[row]!);
    case 'array':
      return items(column.item, row * column.size, (row + 1) * column.size);
    case 'struct':
      return column.fields.map((field) => valueAt(field, row));
  }
}

function items(column: ColumnVector, from: number, to: number): ColumnValue[] {
  return Array.from({ length: to - from }, (_, index) => valueAt(column, from + index));
}

export function valuesOf(column: ColumnVector): ColumnValue[] {
  return items(column, 0, column.rowCount);
}

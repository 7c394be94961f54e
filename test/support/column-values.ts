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
      const bytes = Uint8Array.from(
        Buffer.from(values.map((value) => value ?? '00'.repeat(byteWidth)).join(''), 'hex'),
      );
      const words = wordsOf(bytes.buffer, { byteOffset: 0, rowCount, byteWidth });
      return { kind: 'fixed', rowCount, validity, byteWidth, words };
    }
    case 'boolean':
      return {
        kind: 'boolean',
        rowCount,
        validity,
        values: Uint8Array.from(values, (value) => Number(value === true)),
      };
    case 'bytes': {
      const texts = values.map((value) => [...Buffer.from((value as string | null) ?? '', 'hex')]);
      const { starts, ends, items } = layOut(texts, scattered ? 0xee : undefined);
      return {
        kind: 'bytes',
        rowCount,
        validity,
        starts,
        ends,
        bytes: Uint8Array.from(items),
        contiguous: isContiguous(starts, ends),
      };
    }
    case 'list': {
      const { starts, ends, items } = layOut(
        values.map((value) => (value ?? []) as ColumnValue[]),
        scattered ? null : undefined,
      );
      const item = columnOf(
        storage.item,
        items.map((value) => fill(storage.item, value)),
        scattered,
      );
      return {
        kind: 'list',
        rowCount,
        validity,
        starts,
        ends,
        item,
        contiguous: isContiguous(starts, ends),
      };
    }
    case 'array': {
      const items = values.flatMap(
        (value) => (value ?? Array<null>(storage.size).fill(null)) as ColumnValue[],
      );
      const item = columnOf(
        storage.item,
        items.map((value) => fill(storage.item, value)),
        scattered,
      );
      return { kind: 'array', rowCount, validity, size: storage.size, item };
    }
    case 'struct':
      return {
        kind: 'struct',
        rowCount,
        validity,
        fields: childrenOf(storage.fields, values, scattered),
      };
    case 'union': {
      const tags = Uint8Array.from(values, (_, row) => row % storage.members.length);
      return {
        kind: 'union',
        rowCount,
        tags,
        members: childrenOf(storage.members, values, scattered),
      };
    }
  }
}

/** A union cannot be NULL itself: what stands for it has NULL members. */
function fill(storage: Storage, value: ColumnValue): ColumnValue {
  return value === null && storage.kind === 'union'
    ? storage.members.map((member) => fill(member, null))
    : value;
}

function childrenOf(
  storages: readonly Storage[],
  values: readonly ColumnValue[],
  scattered: boolean,
): ColumnVector[] {
  return storages.map((storage, index) => {
    const child = values.map((value) =>
      value === null ? null : (value as readonly ColumnValue[])[index]!,
    );
    return columnOf(
      storage,
      child.map((value) => fill(storage, value)),
      scattered,
    );
  });
}

function layOut<T>(
  values: readonly (readonly T[])[],
  gap: T | undefined,
): { starts: Uint32Array; ends: Uint32Array; items: T[] } {
  const items: T[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const value of values) {
    if (gap !== undefined) items.push(gap);
    starts.push(items.length);
    items.push(...value);
    ends.push(items.length);
  }
  return { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends), items };
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

/**
 * The memory layout of a column: Arrow's buffers without their meaning. Everything that moves rows
 * (builders, scatter, reader, vectors) looks only at this.
 */
import { assertNever } from '../assert.ts';
import type { Column } from '../plan/column-type.ts';
import { arrowField, type ArrowType, type PageLayout } from '../plan/type-table.ts';

export type ByteWidth = 1 | 2 | 4 | 8 | 16;

export type Storage =
  /** No buffers at all. */
  | { readonly kind: 'null' }
  | { readonly kind: 'fixed'; readonly byteWidth: ByteWidth }
  /** One bit a value in the page, one byte a value in memory. */
  | { readonly kind: 'boolean' }
  /** Text or binary: int32 offsets and the bytes. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'list'; readonly item: Storage }
  | { readonly kind: 'array'; readonly size: number; readonly item: Storage }
  | { readonly kind: 'struct'; readonly fields: readonly Storage[] }
  /** A tag byte and all members in full length; no validity of its own. */
  | { readonly kind: 'union'; readonly members: readonly Storage[] };

export function storageOf(columns: readonly Column[], layout: PageLayout): readonly Storage[] {
  return columns.map((column) => arrowTypeStorage(arrowField(column, layout).type));
}

export function arrowTypeStorage(type: ArrowType): Storage {
  switch (type.kind) {
    case 'null':
      return { kind: 'null' };
    case 'bool':
      return { kind: 'boolean' };
    case 'int':
    case 'float':
      return { kind: 'fixed', byteWidth: (type.bits / 8) as ByteWidth };
    case 'fixed-size-binary':
      return { kind: 'fixed', byteWidth: type.byteWidth };
    case 'date':
      return { kind: 'fixed', byteWidth: 4 };
    case 'time':
    case 'timestamp':
      return { kind: 'fixed', byteWidth: 8 };
    case 'decimal':
    case 'month-day-nano':
      return { kind: 'fixed', byteWidth: 16 };
    case 'utf8':
    case 'binary':
      return { kind: 'bytes' };
    default:
      return nestedStorage(type);
  }
}

type NestedArrowType = Extract<
  ArrowType,
  { kind: 'list' | 'fixed-size-list' | 'struct' | 'map' | 'sparse-union' }
>;

function nestedStorage(type: NestedArrowType): Storage {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', item: arrowTypeStorage(type.item.type) };
    case 'fixed-size-list':
      return { kind: 'array', size: type.size, item: arrowTypeStorage(type.item.type) };
    case 'struct':
      return { kind: 'struct', fields: type.fields.map((field) => arrowTypeStorage(field.type)) };
    case 'map': {
      const fields = [type.key, type.value].map((field) => arrowTypeStorage(field.type));
      return { kind: 'list', item: { kind: 'struct', fields } };
    }
    case 'sparse-union':
      return {
        kind: 'union',
        members: type.members.map((member) => arrowTypeStorage(member.type)),
      };
    default:
      return assertNever(type);
  }
}

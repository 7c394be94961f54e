/**
 * The type table: how every DuckDB type travels. One row per type: the Arrow type that clients read
 * (`result`), whether a value and its type survive it (`lossless`), and the Arrow type between workers
 * (`exchange`) where it differs. Exchange storage is the raw width of DuckDB's own vectors and always
 * lossless. DuckDB's `arrow_lossless_conversion` is the model for the extension types.
 *
 * Clients read plain utf8 and binary (never large, view or dictionary encoded), since drivers differ
 * in the rest.
 */
import { assertNever } from '../assert.ts';
import type { Column, ColumnType, NamedType, PlainTypeId } from './column-type.ts';

export type TimeUnit = 'second' | 'millisecond' | 'microsecond' | 'nanosecond';

/** The Arrow types that pages use. */
export type ArrowType =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bits: 32 | 64 }
  /** 128 bits wide. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'fixed-size-binary'; readonly byteWidth: 8 | 16 }
  | { readonly kind: 'utf8' }
  | { readonly kind: 'binary' }
  /** Days since 1970-01-01 in 32 bits. */
  | { readonly kind: 'date' }
  /** 64 bits wide. */
  | { readonly kind: 'time'; readonly unit: 'microsecond' | 'nanosecond' }
  /** `zoned`: an instant, shown in the session's time zone; else a wall clock reading. */
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly zoned: boolean }
  | { readonly kind: 'month-day-nano' }
  | { readonly kind: 'list'; readonly item: ArrowField }
  | { readonly kind: 'fixed-size-list'; readonly size: number; readonly item: ArrowField }
  | { readonly kind: 'struct'; readonly fields: readonly ArrowField[] }
  | { readonly kind: 'map'; readonly key: ArrowField; readonly value: ArrowField }
  | { readonly kind: 'sparse-union'; readonly members: readonly ArrowField[] };

export interface ArrowExtension {
  readonly name: string;
  readonly metadata: string;
}

export interface ArrowField {
  readonly name: string;
  readonly type: ArrowType;
  readonly extension?: ArrowExtension;
  /** Arrow demands it of a map's entries and keys; every other field may be NULL. */
  readonly nullable?: false;
}

/** `result`: what clients read. `exchange`: what workers pass to each other. */
export type PageLayout = 'result' | 'exchange';

/** An Arrow type with the extension that says what it means. */
export interface ArrowStorage {
  readonly type: ArrowType;
  readonly extension?: ArrowExtension;
}

export interface TypeRow {
  readonly result: ArrowStorage;
  /** The storage between workers, where it is not `result`. */
  readonly exchange?: ArrowStorage;
  /** A client can tell DuckDB's type and value from the result. */
  readonly lossless: boolean;
  readonly note?: string;
}

const int = (bits: 8 | 16 | 32 | 64, signed: boolean): ArrowType => ({ kind: 'int', bits, signed });
const timestamp = (unit: TimeUnit, zoned: boolean): ArrowType => ({
  kind: 'timestamp',
  unit,
  zoned,
});
const RAW_16: ArrowType = { kind: 'fixed-size-binary', byteWidth: 16 };
const BINARY: ArrowType = { kind: 'binary' };

/** The canonical extension for types that Arrow has no name for. */
function opaque(typeName: string): ArrowExtension {
  const metadata = JSON.stringify({ type_name: typeName, vendor_name: 'DuckDB' });
  return { name: 'arrow.opaque', metadata };
}

function lossless(type: ArrowType, extension?: ArrowExtension): TypeRow {
  return { result: extension === undefined ? { type } : { type, extension }, lossless: true };
}

const field = (name: string, type: ArrowType): ArrowField => ({ name, type });
const list = (type: ArrowType): ArrowType => ({ kind: 'list', item: field('item', type) });
const struct = (...fields: ArrowField[]): ArrowType => ({ kind: 'struct', fields });

/** VARIANT as DuckDB stores it: keys, tree nodes, typed values and their bytes. */
const VARIANT_STORAGE = struct(
  field('keys', list({ kind: 'utf8' })),
  field(
    'children',
    list(struct(field('keys_index', int(32, false)), field('values_index', int(32, false)))),
  ),
  field(
    'values',
    list(struct(field('type_id', int(8, false)), field('byte_offset', int(32, false)))),
  ),
  field('data', BINARY),
);

export const PLAIN_TYPES: Readonly<Record<PlainTypeId, TypeRow>> = {
  BOOLEAN: {
    result: { type: { kind: 'bool' } },
    exchange: { type: int(8, true), extension: { name: 'arrow.bool8', metadata: '' } },
    lossless: true,
  },
  TINYINT: lossless(int(8, true)),
  SMALLINT: lossless(int(16, true)),
  INTEGER: lossless(int(32, true)),
  BIGINT: lossless(int(64, true)),
  HUGEINT: lossless(RAW_16, opaque('hugeint')),
  UTINYINT: lossless(int(8, false)),
  USMALLINT: lossless(int(16, false)),
  UINTEGER: lossless(int(32, false)),
  UBIGINT: lossless(int(64, false)),
  UHUGEINT: lossless(RAW_16, opaque('uhugeint')),
  FLOAT: lossless({ kind: 'float', bits: 32 }),
  DOUBLE: lossless({ kind: 'float', bits: 64 }),
  DATE: lossless({ kind: 'date' }),
  TIME: lossless({ kind: 'time', unit: 'microsecond' }),
  TIME_NS: lossless({ kind: 'time', unit: 'nanosecond' }),
  'TIME WITH TIME ZONE': lossless({ kind: 'fixed-size-binary', byteWidth: 8 }, opaque('time_tz')),
  TIMESTAMP: lossless(timestamp('microsecond', false)),
  TIMESTAMP_S: lossless(timestamp('second', false)),
  TIMESTAMP_MS: lossless(timestamp('millisecond', false)),
  TIMESTAMP_NS: lossless(timestamp('nanosecond', false)),
  'TIMESTAMP WITH TIME ZONE': lossless(timestamp('microsecond', true)),
  INTERVAL: {
    result: { type: { kind: 'month-day-nano' } },
    exchange: { type: RAW_16, extension: opaque('interval') },
    lossless: true,
    note: 'microseconds become nanoseconds: beyond ±292 years of them the query fails with OUT_OF_RANGE',
  },
  VARCHAR: lossless({ kind: 'utf8' }),
  BLOB: lossless(BINARY),
  BIT: lossless(BINARY, opaque('bit')),
  UUID: {
    result: { type: RAW_16, extension: { name: 'arrow.uuid', metadata: '' } },
    exchange: { type: RAW_16, extension: opaque('uuid') },
    lossless: true,
    note: 'big-endian bytes for clients, DuckDB’s own order between workers',
  },
  BIGNUM: lossless(BINARY, opaque('bignum')),
  JSON: lossless({ kind: 'utf8' }, { name: 'arrow.json', metadata: '' }),
  VARIANT: {
    ...lossless(VARIANT_STORAGE, opaque('variant')),
    note: 'DuckDB’s own storage; cast to JSON for a form that other programs read',
  },
  NULL: lossless({ kind: 'null' }),
};

/** The row of any type; nested types are lossless when their children are. */
export function typeRow(type: ColumnType): TypeRow {
  switch (type.id) {
    case 'DECIMAL':
      return {
        result: { type: { kind: 'decimal', precision: type.width, scale: type.scale } },
        exchange: { type: decimalStorage(type.width), extension: opaque('decimal') },
        lossless: true,
      };
    case 'ENUM':
      return {
        result: { type: { kind: 'utf8' } },
        exchange: { type: enumStorage(type.values.length), extension: opaque('enum') },
        lossless: false,
        note: 'values arrive as text; the dictionary and its order do not',
      };
    case 'GEOMETRY':
      return lossless(BINARY, { name: 'geoarrow.wkb', metadata: geometryMetadata(type.crs) });
    case 'LIST':
    case 'ARRAY':
    case 'STRUCT':
    case 'MAP':
    case 'UNION':
      return nestedRow(type);
    default:
      return PLAIN_TYPES[type.id];
  }
}

/** How a column travels in a page of the layout. */
export function arrowField(column: Column, layout: PageLayout): ArrowField {
  return { name: column.name, ...arrowStorage(column.type, layout) };
}

type NestedType = Extract<ColumnType, { id: 'LIST' | 'ARRAY' | 'STRUCT' | 'MAP' | 'UNION' }>;

function arrowStorage(type: ColumnType, layout: PageLayout): ArrowStorage {
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
    case 'STRUCT':
    case 'MAP':
    case 'UNION':
      return nestedStorage(type, layout);
    default: {
      const row = typeRow(type);
      return layout === 'exchange' ? (row.exchange ?? row.result) : row.result;
    }
  }
}

function nestedStorage(type: NestedType, layout: PageLayout): ArrowStorage {
  switch (type.id) {
    case 'LIST':
      return {
        type: { kind: 'list', item: arrowField({ name: 'item', type: type.child }, layout) },
      };
    case 'ARRAY': {
      const item = arrowField({ name: 'item', type: type.child }, layout);
      return { type: { kind: 'fixed-size-list', size: type.size, item } };
    }
    case 'STRUCT':
      return { type: { kind: 'struct', fields: fieldsOf(type.fields, layout) } };
    case 'MAP': {
      const key = arrowField({ name: 'key', type: type.key }, layout);
      const value = arrowField({ name: 'value', type: type.value }, layout);
      return { type: { kind: 'map', key: { ...key, nullable: false }, value } };
    }
    case 'UNION':
      return unionStorage(type.members, layout);
    default:
      return assertNever(type);
  }
}

/** Between workers a union is DuckDB's own struct of a tag and all members, which can also be NULL itself. */
function unionStorage(members: readonly NamedType[], layout: PageLayout): ArrowStorage {
  const fields = fieldsOf(members, layout);
  if (layout === 'result') return { type: { kind: 'sparse-union', members: fields } };
  const tag: ArrowField = { name: '', type: int(8, false) };
  return { type: { kind: 'struct', fields: [tag, ...fields] }, extension: opaque('union') };
}

function nestedRow(type: NestedType): TypeRow {
  const children = childTypes(type).map(typeRow);
  const row: TypeRow = {
    result: nestedStorage(type, 'result'),
    exchange: nestedStorage(type, 'exchange'),
    lossless: type.id !== 'UNION' && children.every((child) => child.lossless),
  };
  if (type.id !== 'UNION') return row;
  return { ...row, note: 'a NULL union arrives as NULL of its first member' };
}

function childTypes(type: NestedType): readonly ColumnType[] {
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
      return [type.child];
    case 'STRUCT':
      return type.fields.map((field) => field.type);
    case 'MAP':
      return [type.key, type.value];
    case 'UNION':
      return type.members.map((member) => member.type);
    default:
      return assertNever(type);
  }
}

function fieldsOf(members: readonly NamedType[], layout: PageLayout): ArrowField[] {
  return members.map((member) => arrowField(member, layout));
}

/** DuckDB keeps a decimal in the smallest integer that holds its digits. */
function decimalStorage(width: number): ArrowType {
  if (width <= 4) return int(16, true);
  if (width <= 9) return int(32, true);
  return width <= 18 ? int(64, true) : RAW_16;
}

/** DuckDB keeps an enum as an index of the smallest width that can count its values. */
function enumStorage(valueCount: number): ArrowType {
  if (valueCount <= 0xff) return int(8, false);
  return valueCount <= 0xffff ? int(16, false) : int(32, false);
}

function geometryMetadata(crs: string | undefined): string {
  return crs === undefined ? '{}' : JSON.stringify({ crs });
}

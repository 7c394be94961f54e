import { RecordBatchReader, type Field } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import {
  encodeSchemaMessage,
  END_OF_STREAM,
} from '../../../../services/common/page/schema-message.ts';
import { PLAIN_TYPES, type PageLayout } from '../../../../services/common/plan/type-table.ts';
import type {
  Column,
  ColumnType,
  PlainTypeId,
} from '../../../../services/common/plan/column-type.ts';

function fieldsOf(
  columns: readonly Column[],
  options: { layout?: PageLayout; timeZone?: string } = {},
): Field[] {
  const stream = Buffer.concat([encodeSchemaMessage(columns, options), END_OF_STREAM]);
  const reader = RecordBatchReader.from(stream).open();
  return reader.schema.fields;
}

function describeField(field: Field): string {
  const extension = field.metadata.get('ARROW:extension:name');
  const metadata = field.metadata.get('ARROW:extension:metadata');
  return [`${field.type}`, extension, metadata].filter(Boolean).join(' ');
}

const columnOf = (type: ColumnType): Column => ({ name: 'c', type });

const opaque = (name: string): string =>
  `arrow.opaque {"type_name":"${name}","vendor_name":"DuckDB"}`;

/** What an Arrow library makes of each type. */
const RESULT_TYPES: Readonly<Record<PlainTypeId, string>> = {
  BOOLEAN: 'Bool',
  TINYINT: 'Int8',
  SMALLINT: 'Int16',
  INTEGER: 'Int32',
  BIGINT: 'Int64',
  HUGEINT: `FixedSizeBinary[16] ${opaque('hugeint')}`,
  UTINYINT: 'Uint8',
  USMALLINT: 'Uint16',
  UINTEGER: 'Uint32',
  UBIGINT: 'Uint64',
  UHUGEINT: `FixedSizeBinary[16] ${opaque('uhugeint')}`,
  FLOAT: 'Float32',
  DOUBLE: 'Float64',
  DATE: 'Date32<DAY>',
  TIME: 'Time64<MICROSECOND>',
  TIME_NS: 'Time64<NANOSECOND>',
  'TIME WITH TIME ZONE': `FixedSizeBinary[8] ${opaque('time_tz')}`,
  TIMESTAMP: 'Timestamp<MICROSECOND>',
  TIMESTAMP_S: 'Timestamp<SECOND>',
  TIMESTAMP_MS: 'Timestamp<MILLISECOND>',
  TIMESTAMP_NS: 'Timestamp<NANOSECOND>',
  'TIMESTAMP WITH TIME ZONE': 'Timestamp<MICROSECOND, Europe/Berlin>',
  INTERVAL: 'Interval<MONTH_DAY_NANO>',
  VARCHAR: 'Utf8',
  BLOB: 'Binary',
  BIT: `Binary ${opaque('bit')}`,
  UUID: 'FixedSizeBinary[16] arrow.uuid',
  BIGNUM: `Binary ${opaque('bignum')}`,
  JSON: 'Utf8 arrow.json',
  VARIANT: `Struct<{keys:List<Utf8>, children:List<Struct<{keys_index:Uint32, values_index:Uint32}>>, values:List<Struct<{type_id:Uint8, byte_offset:Uint32}>>, data:Binary}> ${opaque('variant')}`,
  NULL: 'Null',
};

const NESTED: readonly (readonly [ColumnType, string, string])[] = [
  [{ id: 'DECIMAL', width: 9, scale: 2 }, 'Decimal[9e+2]', `Int32 ${opaque('decimal')}`],
  [
    { id: 'DECIMAL', width: 38, scale: 0 },
    'Decimal[38e0]',
    `FixedSizeBinary[16] ${opaque('decimal')}`,
  ],
  [{ id: 'ENUM', values: ['a', 'b'] }, 'Utf8', `Uint8 ${opaque('enum')}`],
  [
    { id: 'GEOMETRY', crs: 'OGC:CRS84' },
    'Binary geoarrow.wkb {"crs":"OGC:CRS84"}',
    'Binary geoarrow.wkb {"crs":"OGC:CRS84"}',
  ],
  [{ id: 'LIST', child: { id: 'BOOLEAN' } }, 'List<Bool>', 'List<Int8>'],
  [
    { id: 'ARRAY', child: { id: 'DATE' }, size: 3 },
    'FixedSizeList[3]<Date32<DAY>>',
    'FixedSizeList[3]<Date32<DAY>>',
  ],
  [
    { id: 'MAP', key: { id: 'VARCHAR' }, value: { id: 'INTEGER' } },
    'Map<{key:Utf8, value:Int32}>',
    'Map<{key:Utf8, value:Int32}>',
  ],
  [
    {
      id: 'UNION',
      members: [
        { name: 'n', type: { id: 'INTEGER' } },
        { name: 's', type: { id: 'VARCHAR' } },
      ],
    },
    'Union<Int32 | Utf8>',
    `Struct<{:Uint8, n:Int32, s:Utf8}> ${opaque('union')}`,
  ],
];

describe('encodeSchemaMessage', () => {
  it.each(Object.entries(RESULT_TYPES))('says %s in Arrow', (id, expected) => {
    const [field] = fieldsOf([columnOf({ id: id as PlainTypeId })], { timeZone: 'Europe/Berlin' });
    expect(describeField(field!)).toBe(expected);
    expect(Object.hasOwn(PLAIN_TYPES, id)).toBe(true);
  });

  it.each(NESTED)('says %o in Arrow, for clients and between workers', (type, result, exchange) => {
    expect(describeField(fieldsOf([columnOf(type)])[0]!)).toBe(result);
    expect(describeField(fieldsOf([columnOf(type)], { layout: 'exchange' })[0]!)).toBe(exchange);
  });

  it('lets everything be NULL but the entries of a map and their keys, as Arrow demands', () => {
    const type: ColumnType = { id: 'MAP', key: { id: 'DATE' }, value: { id: 'DATE' } };
    const [field] = fieldsOf([columnOf(type)]);
    const [entries] = field!.type.children as Field[];
    const [key, value] = entries!.type.children as Field[];
    const nullable = [field, entries, key, value].map((each) => each!.nullable);
    expect(nullable).toEqual([true, false, false, true]);
  });

  it('keeps names as they are, twice the same too, and lets every column be NULL', () => {
    const names = ['a', 'a', '', 'ümlaut "quoted"'];
    const fields = fieldsOf(names.map((name) => ({ name, type: { id: 'INTEGER' } })));
    expect(fields.map((field) => field.name)).toEqual(names);
    expect(fields.every((field) => field.nullable)).toBe(true);
  });
});

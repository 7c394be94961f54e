import {
  type ColumnType,
  type NamedType,
  type PlainTypeId,
} from '../../common/plan/column-type.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { fieldSet, Fields } from './fields.ts';
import { type Json } from './json-reader.ts';

const PLAIN_TYPES: ReadonlySet<string> = new Set<PlainTypeId>([
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'UHUGEINT',
  'FLOAT',
  'DOUBLE',
  'DATE',
  'TIME',
  'TIME_NS',
  'TIME WITH TIME ZONE',
  'TIMESTAMP',
  'TIMESTAMP_S',
  'TIMESTAMP_MS',
  'TIMESTAMP_NS',
  'TIMESTAMP WITH TIME ZONE',
  'INTERVAL',
  'VARCHAR',
  'BLOB',
  'BIT',
  'UUID',
  'BIGNUM',
  'NULL',
]);

const TYPE = fieldSet('id type_info');
const INFO = fieldSet('type alias extension_info');
const STRING_INFO = fieldSet('collation', INFO);
const DECIMAL_INFO = fieldSet('width scale', INFO);
const ENUM_INFO = fieldSet('values_count values', INFO);
const LIST_INFO = fieldSet('child_type', INFO);
const ARRAY_INFO = fieldSet('child_type size', INFO);
const STRUCT_INFO = fieldSet('child_types', INFO);
const STRUCT_FIELD = fieldSet('first second');

/** A serialized LogicalType. Named types (an alias) and extension types are not supported. */
export function decodeType(value: Json | undefined): ColumnType {
  const type = new Fields(value, 'a type', TYPE);
  const id = type.text('id');
  const info = type.json('type_info');
  // What it is stored as stands there.
  if (id === 'VARIANT') return { id };
  if (info === null) {
    if (!PLAIN_TYPES.has(id)) throw new UnsupportedError(`type ${id}`);
    return { id: id as PlainTypeId };
  }
  return decodeTypeInfo(id, info);
}

export function decodeTypes(values: readonly Json[]): readonly ColumnType[] {
  return values.map(decodeType);
}

function decodeTypeInfo(id: string, info: Json): ColumnType {
  switch (id) {
    case 'VARCHAR': {
      const fields = new Fields(info, 'type VARCHAR', STRING_INFO);
      // The binder has put the collation's own functions where values are compared.
      if (fields.text('type') === 'STRING_TYPE_INFO') {
        fields.expectEmpty('alias');
        fields.expectEmpty('extension_info');
        return { id };
      }
      if (fields.text('alias') !== 'JSON')
        throw new UnsupportedError(`type ${fields.text('alias')}`);
      fields.expectEmpty('extension_info');
      return { id: 'JSON' };
    }
    case 'DECIMAL': {
      const fields = unnamed(info, id, DECIMAL_INFO);
      return { id, width: fields.index('width'), scale: fields.index('scale') };
    }
    case 'ENUM':
      return { id, values: unnamed(info, id, ENUM_INFO).texts('values') };
    case 'LIST':
      return { id, child: decodeType(unnamed(info, id, LIST_INFO).json('child_type')) };
    case 'ARRAY': {
      const fields = unnamed(info, id, ARRAY_INFO);
      return { id, child: decodeType(fields.json('child_type')), size: fields.index('size') };
    }
    case 'STRUCT':
      return { id, fields: decodeMembers(info, id) };
    case 'UNION':
      // The first member is the tag that says which of the others is set.
      return { id, members: decodeMembers(info, id).slice(1) };
    case 'MAP':
      return decodeMap(info);
    default:
      throw new UnsupportedError(`type ${id}`);
  }
}

function unnamed(info: Json, id: string, known: ReadonlySet<string>): Fields {
  const fields = new Fields(info, `type ${id}`, known);
  fields.expectEmpty('alias');
  fields.expectEmpty('extension_info');
  return fields;
}

function decodeMembers(info: Json, id: string): readonly NamedType[] {
  return unnamed(info, id, STRUCT_INFO)
    .list('child_types')
    .map((value) => {
      const member = new Fields(value, `type ${id}`, STRUCT_FIELD);
      return { name: member.text('first'), type: decodeType(member.json('second')) };
    });
}

function decodeMap(info: Json): ColumnType {
  const entry = decodeType(unnamed(info, 'MAP', LIST_INFO).json('child_type'));
  const [key, value] = entry.id === 'STRUCT' ? entry.fields : [];
  if (key === undefined || value === undefined) throw new UnsupportedError('shape of type MAP');
  return { id: 'MAP', key: key.type, value: value.type };
}

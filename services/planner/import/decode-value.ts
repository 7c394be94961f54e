import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { type Constant } from '../logical/expression.ts';
import { UnsupportedError } from '../logical/unsupported.ts';
import { decodeType } from './decode-type.ts';
import { bigintOf, fieldSet, Fields, textOf } from './fields.ts';
import { type Json } from './json-reader.ts';

const VALUE = fieldSet('type is_null value');
const HUGE = fieldSet('upper lower');
const INTERVAL = fieldSet('months days micros');
const CHILDREN = fieldSet('children');
const UTINYINT: ColumnType = { id: 'UTINYINT' };

/** A serialized Value with its type. */
export function decodeConstant(value: Json | undefined): Constant {
  const fields = new Fields(value, 'a constant', VALUE);
  const type = decodeType(fields.json('type'));
  return { kind: 'constant', type, value: decodeDatum(fields, type) };
}

function decodeDatum(fields: Fields, type: ColumnType): Datum {
  return fields.flag('is_null') ? null : decodePresent(fields.json('value'), type);
}

function decodePresent(value: Json, type: ColumnType): Datum {
  const where = `a ${type.id} constant`;
  switch (type.id) {
    case 'BOOLEAN':
      if (typeof value !== 'boolean') throw new UnsupportedError(`shape of ${where}`);
      return value;
    case 'FLOAT':
    case 'DOUBLE':
      if (typeof value === 'bigint') return Number(value);
      if (typeof value !== 'number') throw new UnsupportedError(`shape of ${where}`);
      return value;
    case 'HUGEINT':
    case 'UHUGEINT':
    case 'UUID':
      return decodeHuge(value, where);
    case 'DECIMAL':
      return type.width > 18 ? decodeHuge(value, where) : bigintOf(value, where);
    case 'INTERVAL':
      return decodeInterval(value, where);
    case 'VARCHAR':
    case 'JSON':
      return textOf(value, where);
    case 'BLOB':
      return { kind: 'bytes', text: textOf(value, where) };
    case 'LIST':
    case 'ARRAY':
    case 'STRUCT':
    case 'MAP':
    case 'UNION':
      return decodeNested(value, type);
    case 'BIT':
    case 'BIGNUM':
    case 'NULL':
    case 'GEOMETRY':
    case 'VARIANT':
      throw new UnsupportedError(where);
    default:
      return bigintOf(value, where);
  }
}

function decodeHuge(value: Json, where: string): bigint {
  const fields = new Fields(value, where, HUGE);
  return (bigintOf(fields.json('upper'), where) << 64n) + bigintOf(fields.json('lower'), where);
}

function decodeInterval(value: Json, where: string): Datum {
  const fields = new Fields(value, where, INTERVAL);
  return {
    kind: 'interval',
    months: bigintOf(fields.json('months'), where),
    days: bigintOf(fields.json('days'), where),
    micros: bigintOf(fields.json('micros'), where),
  };
}

function decodeNested(value: Json, type: ColumnType): Datum {
  const children = new Fields(value, `a ${type.id} constant`, CHILDREN).list('children');
  const typeOfChild = childTypes(type);
  return {
    kind: 'nested',
    children: children.map((child, position) =>
      decodeDatum(new Fields(child, `a ${type.id} constant`, VALUE), typeOfChild(position)),
    ),
  };
}

/** The type of the n-th child of a nested value; members of a UNION follow its tag. */
function childTypes(type: ColumnType): (position: number) => ColumnType {
  const memberOf = (members: readonly ColumnType[], position: number): ColumnType => {
    const member = members[position];
    if (member === undefined) throw new UnsupportedError(`shape of a ${type.id} constant`);
    return member;
  };
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
      return () => type.child;
    case 'STRUCT':
      return (position) =>
        memberOf(
          type.fields.map((field) => field.type),
          position,
        );
    case 'UNION':
      return (position) =>
        memberOf([UTINYINT, ...type.members.map((member) => member.type)], position);
    case 'MAP': {
      const fields = [
        { name: 'key', type: type.key },
        { name: 'value', type: type.value },
      ];
      return () => ({ id: 'STRUCT', fields });
    }
    default:
      throw new UnsupportedError(`shape of a ${type.id} constant`);
  }
}

import {
  type ColumnType,
  formatColumnType,
  quoteIdentifier,
  quoteString,
} from '../../../common/plan/column-type.ts';
import { type Datum, type IntervalDatum } from '../../logical/datum.ts';
import { type Constant } from '../../logical/expression.ts';
import { UnsupportedError } from '../../logical/unsupported.ts';
import {
  dateText,
  hasDateText,
  hasTimestampText,
  timestampText,
  timeText,
  timeWithZoneText,
} from './calendar-text.ts';
import { hasTypeText, writeNull, writeSample } from './write-type.ts';

/** A constant as SQL that DuckDB binds to exactly this value and type, whatever stands around it. */
export function writeConstant(constant: Constant): string {
  return writeDatum(constant.value, constant.type);
}

/**
 * The shortest form that is right where the other operand has the constant's type: comparisons and integer
 * arithmetic convert a literal to their other side.
 */
export function writeBareConstant(constant: Constant): string {
  const { value, type } = constant;
  if (typeof value === 'bigint' && isPlainInteger(type)) return signed(String(value));
  if (typeof value === 'bigint' && type.id === 'DECIMAL' && type.scale > 0) {
    return signed(decimalText(value, type.scale));
  }
  return writeConstant(constant);
}

/** Integers that a literal reaches without a cast in between. */
function isPlainInteger(type: ColumnType): boolean {
  return ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UTINYINT', 'USMALLINT', 'UINTEGER'].includes(
    type.id,
  );
}

function writeDatum(value: Datum, type: ColumnType): string {
  if (value === null) return writeNull(type);
  switch (typeof value) {
    case 'boolean':
      return value ? 'TRUE' : 'FALSE';
    case 'string':
      return type.id === 'JSON' ? `${writeText(value)}::JSON` : writeText(value);
    case 'number':
      return writeFloat(value, type);
    case 'bigint':
      return writeInteger(value, type);
    default:
      return writeCompound(value, type);
  }
}

/** Line breaks are escaped, so that a statement can be laid out line by line. */
function writeText(text: string): string {
  if (text.includes('\0')) return `decode(${quoteString(blobText(text))}::BLOB)`;
  if (!/[\n\r]/.test(text)) return quoteString(text);
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `E'${escaped}'`;
}

/** As a BLOB's text, bytes beyond plain characters as `\\xAA`: the parser takes no NUL in a string. */
function blobText(text: string): string {
  return encodeURIComponent(text).replaceAll('%', '\\x');
}

/** A negative number in parentheses: a cast would bind tighter than its sign. */
function signed(digits: string): string {
  return digits.startsWith('-') ? `(${digits})` : digits;
}

function writeFloat(value: number, type: ColumnType): string {
  const typeName = formatColumnType(type);
  if (!Number.isFinite(value) || Object.is(value, -0)) {
    return `'${Number.isNaN(value) ? 'nan' : value === 0 ? '-0' : value < 0 ? '-inf' : 'inf'}'::${typeName}`;
  }
  // Only a literal with an exponent is a DOUBLE to the parser; others are decimals and would be rounded twice.
  const digits = String(value);
  const literal = signed(digits.includes('e') ? digits : `${digits}e0`);
  return type.id === 'DOUBLE' ? literal : `${literal}::${typeName}`;
}

function writeInteger(value: bigint, type: ColumnType): string {
  switch (type.id) {
    case 'INTEGER':
      return value > -2_147_483_648n ? signed(String(value)) : `(${value})::INTEGER`;
    case 'HUGEINT':
    case 'UHUGEINT':
    case 'UBIGINT':
      return `'${value}'::${type.id}`;
    case 'DECIMAL':
      return writeDecimal(value, type);
    case 'DATE':
      return hasDateText(value) ? `DATE '${dateText(value)}'` : `make_date(${value})`;
    case 'TIME':
      return `TIME '${timeText(value, 1_000_000n)}'`;
    case 'TIME_NS':
      return `'${timeText(value, 1_000_000_000n)}'::TIME_NS`;
    case 'TIME WITH TIME ZONE':
      return `'${timeWithZoneText(value)}'::TIMETZ`;
    case 'TIMESTAMP':
      return `TIMESTAMP '${microsecondsText(value)}'`;
    case 'TIMESTAMP_S':
      return `'${timestampText(value, 1n)}'::TIMESTAMP_S`;
    case 'TIMESTAMP_MS':
      return `'${timestampText(value, 1000n)}'::TIMESTAMP_MS`;
    case 'TIMESTAMP_NS':
      return writeNanoseconds(value);
    case 'TIMESTAMP WITH TIME ZONE':
      return writeTimestampWithZone(value);
    case 'UUID':
      return `'${uuidText(value)}'::UUID`;
    case 'ENUM':
      return writeEnum(value, type.values, formatColumnType(type));
    default:
      return `${signed(String(value))}::${formatColumnType(type)}`;
  }
}

/** Only in nanoseconds does DuckDB's arithmetic reach a time before the first day that its casts read. */
function writeNanoseconds(value: bigint): string {
  const perSecond = 1_000_000_000n;
  if (!hasTimestampText(value, perSecond)) return `make_timestamp_ns(${value})`;
  return `'${timestampText(value, perSecond)}'::TIMESTAMP_NS`;
}

function microsecondsText(value: bigint): string {
  const perSecond = 1_000_000n;
  if (!hasTimestampText(value, perSecond)) throw new UnsupportedError('a TIMESTAMP without a text');
  return timestampText(value, perSecond);
}

/** With its offset, so that the session's time zone has no say. */
function writeTimestampWithZone(value: bigint): string {
  const text = microsecondsText(value);
  return `'${text.endsWith('infinity') ? text : `${text}+00`}'::TIMESTAMPTZ`;
}

function writeDecimal(value: bigint, type: ColumnType & { id: 'DECIMAL' }): string {
  const text = decimalText(value, type.scale);
  // A literal has at most 38 digits; with a cast from text there is no such doubt.
  const literal = type.width > 18 ? `'${text}'` : signed(text);
  return `${literal}::${formatColumnType(type)}`;
}

function decimalText(value: bigint, scale: number): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const sign = value < 0n ? '-' : '';
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** The sign bit is flipped in storage, so that UUIDs sort as their text does. */
function uuidText(value: bigint): string {
  const bits = BigInt.asUintN(128, value ^ (1n << 127n));
  const hex = bits.toString(16).padStart(32, '0');
  return [8, 12, 16, 20, 32].map((end, i) => hex.slice([0, 8, 12, 16, 20][i], end)).join('-');
}

function writeEnum(position: bigint, values: readonly string[], typeName: string): string {
  const value = values[Number(position)];
  if (value === undefined) throw new UnsupportedError('ENUM constant outside its values');
  return `${writeText(value)}::${typeName}`;
}

function writeCompound(
  value: Exclude<Datum, null | boolean | string | number | bigint>,
  type: ColumnType,
): string {
  switch (value.kind) {
    case 'bytes':
      return `${quoteString(value.text)}::${formatColumnType(type)}`;
    case 'interval':
      return writeInterval(value);
    case 'nested':
      return writeNested(value.children, type);
  }
}

function writeInterval(interval: IntervalDatum): string {
  const { months, days, micros } = interval;
  // DuckDB reads the number before it looks at the sign.
  if (micros === -(2n ** 63n)) throw new UnsupportedError('the smallest INTERVAL');
  const parts = [
    ...(months === 0n ? [] : [`${months} months`]),
    ...(days === 0n ? [] : [`${days} days`]),
    ...(micros === 0n ? [] : [`${micros} microseconds`]),
  ];
  return `INTERVAL '${parts.length === 0 ? '0 days' : parts.join(' ')}'`;
}

function writeNested(children: readonly Datum[], type: ColumnType): string {
  const typeName = formatColumnType(type);
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
      return writeList(children, type.child, typeName);
    case 'STRUCT':
      return writeStruct(children, type.fields, typeName);
    case 'MAP':
      return writeMap(children, type);
    case 'UNION': {
      const tag = Number(children[0]);
      const member = type.members[tag];
      const value = children[tag + 1];
      if (member === undefined || value === undefined) throw new UnsupportedError('UNION constant');
      const written = `union_value(${quoteIdentifier(member.name)} := ${writeDatum(value, member.type)})`;
      return `${written}::${typeName}`;
    }
    default:
      throw new UnsupportedError(`nested ${type.id} constant`);
  }
}

/** What has no text of its type binds to it by its items. */
function writeList(children: readonly Datum[], child: ColumnType, typeName: string): string {
  const items = children.map((item) => writeDatum(item, child));
  if (hasTypeText(child)) return `[${items.join(', ')}]::${typeName}`;
  return items.length === 0 ? `[${writeSample(child)}][2:]` : `[${items.join(', ')}]`;
}

function writeStruct(
  children: readonly Datum[],
  fields: readonly { readonly name: string; readonly type: ColumnType }[],
  typeName: string,
): string {
  const values = fields.map((field, i) => ({
    name: field.name,
    sql: writeDatum(children[i] ?? null, field.type),
  }));
  // The fields of row(…) have no names, and their type no text.
  if (values.some(({ name }) => name === ''))
    return `row(${values.map(({ sql }) => sql).join(', ')})`;
  const packed = values.map(({ name, sql }) => `${quoteIdentifier(name)} := ${sql}`).join(', ');
  return `struct_pack(${packed})::${typeName}`;
}

function writeMap(entries: readonly Datum[], type: ColumnType & { id: 'MAP' }): string {
  const column = (position: number, item: ColumnType): string => {
    const items = entries.map((entry) => {
      if (entry === null || typeof entry !== 'object' || entry.kind !== 'nested') {
        throw new UnsupportedError('MAP constant');
      }
      return writeDatum(entry.children[position] ?? null, item);
    });
    return `[${items.join(', ')}]::${formatColumnType(item)}[]`;
  };
  return `map(${column(0, type.key)}, ${column(1, type.value)})`;
}

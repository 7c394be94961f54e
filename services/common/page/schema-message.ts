/** Arrow IPC schema messages: what a client reads first, before the pages of the result. */
import { Binary } from 'apache-arrow/fb/binary';
import { Bool } from 'apache-arrow/fb/bool';
import { Date as ArrowDate } from 'apache-arrow/fb/date';
import { DateUnit } from 'apache-arrow/fb/date-unit';
import { Decimal } from 'apache-arrow/fb/decimal';
import { Endianness } from 'apache-arrow/fb/endianness';
import { Field } from 'apache-arrow/fb/field';
import { FixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Int } from 'apache-arrow/fb/int';
import { Interval } from 'apache-arrow/fb/interval';
import { IntervalUnit } from 'apache-arrow/fb/interval-unit';
import { KeyValue } from 'apache-arrow/fb/key-value';
import { List } from 'apache-arrow/fb/list';
import { Map as ArrowMap } from 'apache-arrow/fb/map';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { Null } from 'apache-arrow/fb/null';
import { Precision } from 'apache-arrow/fb/precision';
import { Schema } from 'apache-arrow/fb/schema';
import { Struct_ } from 'apache-arrow/fb/struct-';
import { Time } from 'apache-arrow/fb/time';
import { TimeUnit as ArrowTimeUnit } from 'apache-arrow/fb/time-unit';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { Union } from 'apache-arrow/fb/union';
import { UnionMode } from 'apache-arrow/fb/union-mode';
import { Utf8 } from 'apache-arrow/fb/utf8';
import { Builder, type Offset } from 'flatbuffers';
import { assertNever } from '../assert.ts';
import type { Column } from '../plan/column-type.ts';
import {
  type ArrowExtension,
  type ArrowField,
  arrowField,
  type ArrowType,
  type PageLayout,
  type TimeUnit,
} from '../plan/type-table.ts';
import { encapsulate, finishMessage } from './record-batch-message.ts';

/** Ends an Arrow IPC stream. */
export const END_OF_STREAM: Uint8Array = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

export interface SchemaOptions {
  /** `result` unless said otherwise. */
  readonly layout?: PageLayout;
  /** The IANA name that TIMESTAMP WITH TIME ZONE columns carry; UTC unless said otherwise. */
  readonly timeZone?: string;
}

/** The schema of a stream of pages, in its encapsulated form. */
export function encodeSchemaMessage(
  columns: readonly Column[],
  options: SchemaOptions = {},
): Uint8Array {
  const { layout = 'result', timeZone = 'UTC' } = options;
  const builder = new Builder(1024);
  const fields = columns.map((column) =>
    encodeField(builder, arrowField(column, layout), timeZone),
  );
  const fieldsVector = Schema.createFieldsVector(builder, fields);
  Schema.startSchema(builder);
  Schema.addEndianness(builder, Endianness.Little);
  Schema.addFields(builder, fieldsVector);
  const header = Schema.endSchema(builder);
  const { Schema: headerType } = MessageHeader;
  return encapsulate(finishMessage(builder, { headerType, header, bodyBytes: 0 }));
}

function encodeField(builder: Builder, field: ArrowField, timeZone: string): Offset {
  const children = childrenOf(field.type).map((child) => encodeField(builder, child, timeZone));
  const name = builder.createString(field.name);
  const childrenVector = Field.createChildrenVector(builder, children);
  const metadata = field.extension && encodeExtension(builder, field.extension);
  const type = encodeType(builder, field.type, timeZone);
  Field.startField(builder);
  Field.addName(builder, name);
  Field.addNullable(builder, field.nullable ?? true);
  Field.addTypeType(builder, type.id);
  Field.addType(builder, type.offset);
  Field.addChildren(builder, childrenVector);
  if (metadata !== undefined) Field.addCustomMetadata(builder, metadata);
  return Field.endField(builder);
}

function childrenOf(type: ArrowType): readonly ArrowField[] {
  switch (type.kind) {
    case 'list':
    case 'fixed-size-list':
      return [type.item];
    case 'struct':
      return type.fields;
    case 'sparse-union':
      return type.members;
    case 'map': {
      const entries: ArrowType = { kind: 'struct', fields: [type.key, type.value] };
      return [{ name: 'entries', type: entries, nullable: false }];
    }
    default:
      return [];
  }
}

function encodeExtension(builder: Builder, extension: ArrowExtension): Offset {
  const entries = [
    ['ARROW:extension:name', extension.name],
    ['ARROW:extension:metadata', extension.metadata],
  ].map(([key, value]) => {
    const keyOffset = builder.createString(key);
    const valueOffset = builder.createString(value);
    KeyValue.startKeyValue(builder);
    KeyValue.addKey(builder, keyOffset);
    KeyValue.addValue(builder, valueOffset);
    return KeyValue.endKeyValue(builder);
  });
  return Field.createCustomMetadataVector(builder, entries);
}

interface EncodedType {
  readonly id: Type;
  readonly offset: Offset;
}

function encodeType(builder: Builder, type: ArrowType, timeZone: string): EncodedType {
  switch (type.kind) {
    case 'int':
      return { id: Type.Int, offset: Int.createInt(builder, type.bits, type.signed) };
    case 'float': {
      const precision = type.bits === 32 ? Precision.SINGLE : Precision.DOUBLE;
      return {
        id: Type.FloatingPoint,
        offset: FloatingPoint.createFloatingPoint(builder, precision),
      };
    }
    case 'decimal': {
      const offset = Decimal.createDecimal(builder, type.precision, type.scale, 128);
      return { id: Type.Decimal, offset };
    }
    case 'fixed-size-binary': {
      const offset = FixedSizeBinary.createFixedSizeBinary(builder, type.byteWidth);
      return { id: Type.FixedSizeBinary, offset };
    }
    case 'date':
      return { id: Type.Date, offset: ArrowDate.createDate(builder, DateUnit.DAY) };
    case 'time':
      return { id: Type.Time, offset: Time.createTime(builder, TIME_UNITS[type.unit], 64) };
    case 'timestamp': {
      const zone = type.zoned ? builder.createString(timeZone) : 0;
      const offset = Timestamp.createTimestamp(builder, TIME_UNITS[type.unit], zone);
      return { id: Type.Timestamp, offset };
    }
    case 'month-day-nano':
      return {
        id: Type.Interval,
        offset: Interval.createInterval(builder, IntervalUnit.MONTH_DAY_NANO),
      };
    default:
      return encodeUnparameterized(builder, type);
  }
}

type UnparameterizedKind =
  | 'null'
  | 'bool'
  | 'utf8'
  | 'binary'
  | 'list'
  | 'fixed-size-list'
  | 'struct'
  | 'map'
  | 'sparse-union';

function encodeUnparameterized(
  builder: Builder,
  type: Extract<ArrowType, { kind: UnparameterizedKind }>,
): EncodedType {
  switch (type.kind) {
    case 'null':
      return { id: Type.Null, offset: Null.createNull(builder) };
    case 'bool':
      return { id: Type.Bool, offset: Bool.createBool(builder) };
    case 'utf8':
      return { id: Type.Utf8, offset: Utf8.createUtf8(builder) };
    case 'binary':
      return { id: Type.Binary, offset: Binary.createBinary(builder) };
    case 'list':
      return { id: Type.List, offset: List.createList(builder) };
    case 'fixed-size-list':
      return {
        id: Type.FixedSizeList,
        offset: FixedSizeList.createFixedSizeList(builder, type.size),
      };
    case 'struct':
      return { id: Type.Struct_, offset: Struct_.createStruct_(builder) };
    case 'map':
      return { id: Type.Map, offset: ArrowMap.createMap(builder, false) };
    case 'sparse-union': {
      const typeIds = Union.createTypeIdsVector(builder, Int32Array.from(type.members.keys()));
      return { id: Type.Union, offset: Union.createUnion(builder, UnionMode.Sparse, typeIds) };
    }
    default:
      return assertNever(type);
  }
}

const TIME_UNITS: Readonly<Record<TimeUnit, ArrowTimeUnit>> = {
  second: ArrowTimeUnit.SECOND,
  millisecond: ArrowTimeUnit.MILLISECOND,
  microsecond: ArrowTimeUnit.MICROSECOND,
  nanosecond: ArrowTimeUnit.NANOSECOND,
};

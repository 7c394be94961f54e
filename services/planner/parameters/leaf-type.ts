/** Arrow types without children as DuckDB's types, in its storage units; what those cannot hold is refused. */
import { Date as ArrowDate } from 'apache-arrow/fb/date';
import { DateUnit } from 'apache-arrow/fb/date-unit';
import { Decimal } from 'apache-arrow/fb/decimal';
import { Duration } from 'apache-arrow/fb/duration';
import { type Field } from 'apache-arrow/fb/field';
import { FixedSizeBinary } from 'apache-arrow/fb/fixed-size-binary';
import { FloatingPoint } from 'apache-arrow/fb/floating-point';
import { Int } from 'apache-arrow/fb/int';
import { Interval } from 'apache-arrow/fb/interval';
import { IntervalUnit } from 'apache-arrow/fb/interval-unit';
import { Precision } from 'apache-arrow/fb/precision';
import { Time } from 'apache-arrow/fb/time';
import { TimeUnit } from 'apache-arrow/fb/time-unit';
import { Timestamp } from 'apache-arrow/fb/timestamp';
import { Type } from 'apache-arrow/fb/type';
import { type ColumnType, type PlainTypeId } from '../../common/plan/column-type.ts';
import { type BytesDatum, type Datum } from '../logical/datum.ts';
import { littleEndian, signedInteger, text, viewOf } from './bytes.ts';

/** Where the bytes of a value are; a number is their width. */
export type LeafStorage = number | 'bits' | 'offsets-32' | 'offsets-64' | 'views';

export interface LeafType {
  readonly storage: LeafStorage;
  readonly type: ColumnType;
  /** @throws Error for bytes that are no value of the type */
  readonly decode: (bytes: Uint8Array) => Datum;
}

/** Undefined for a type with children. @throws Error for one that has no type here */
export function leafType(field: Field): LeafType | undefined {
  switch (field.typeType()) {
    case Type.Bool:
      return { storage: 'bits', type: { id: 'BOOLEAN' }, decode: ([bit]) => bit === 1 };
    case Type.Int:
      return integerType(detailsOf(field, new Int()));
    case Type.FloatingPoint:
      return floatType(detailsOf(field, new FloatingPoint()).precision());
    case Type.Decimal:
      return decimalType(detailsOf(field, new Decimal()));
    case Type.Date:
      return dateType(detailsOf(field, new ArrowDate()).unit());
    case Type.Time:
      return timeType(detailsOf(field, new Time()));
    case Type.Timestamp:
      return timestampType(detailsOf(field, new Timestamp()));
    case Type.Duration:
      return durationType(detailsOf(field, new Duration()).unit());
    case Type.Interval:
      return intervalType(detailsOf(field, new Interval()).unit());
    case Type.FixedSizeBinary:
      return blobType(detailsOf(field, new FixedSizeBinary()).byteWidth());
    default:
      return variableType(field.typeType());
  }
}

/** What an Arrow type says beyond its kind. */
export function detailsOf<T>(field: Field, into: T): T {
  const details = field.type(into) as T | null;
  if (details === null) throw unsupported(Type[field.typeType()]);
  return details;
}

export function unsupported(type: string | undefined): Error {
  return new Error(`the Arrow type ${type ?? 'of it'} is not supported`);
}

function variableType(type: Type): LeafType | undefined {
  switch (type) {
    case Type.Utf8:
      return { storage: 'offsets-32', type: { id: 'VARCHAR' }, decode: text };
    case Type.LargeUtf8:
      return { storage: 'offsets-64', type: { id: 'VARCHAR' }, decode: text };
    case Type.Utf8View:
      return { storage: 'views', type: { id: 'VARCHAR' }, decode: text };
    case Type.Binary:
      return blobType('offsets-32');
    case Type.LargeBinary:
      return blobType('offsets-64');
    case Type.BinaryView:
      return blobType('views');
    default:
      return undefined;
  }
}

const INTEGERS: ReadonlyMap<number, PlainTypeId> = new Map([
  [8, 'TINYINT'],
  [16, 'SMALLINT'],
  [32, 'INTEGER'],
  [64, 'BIGINT'],
]);

function integerType(int: Int): LeafType {
  const [bits, isSigned] = [int.bitWidth(), int.isSigned()];
  const id = INTEGERS.get(bits);
  if (id === undefined) throw unsupported(`Int(${bits})`);
  return {
    storage: bits / 8,
    type: { id: isSigned ? id : (`U${id}` as PlainTypeId) },
    decode: isSigned ? signedInteger : littleEndian,
  };
}

function floatType(precision: Precision): LeafType {
  switch (precision) {
    case Precision.HALF:
      return { storage: 2, type: { id: 'FLOAT' }, decode: halfFloat };
    case Precision.SINGLE:
      return float(4, 'FLOAT', (view) => view.getFloat32(0, true));
    case Precision.DOUBLE:
      return float(8, 'DOUBLE', (view) => view.getFloat64(0, true));
    default:
      throw unsupported('FloatingPoint');
  }
}

function float(
  storage: number,
  id: 'FLOAT' | 'DOUBLE',
  read: (view: DataView) => number,
): LeafType {
  return { storage, type: { id }, decode: (bytes) => read(viewOf(bytes)) };
}

/** A sign, 5 bits of exponent, 10 of fraction (IEEE 754 binary16). */
function halfFloat(bytes: Uint8Array): number {
  const bits = viewOf(bytes).getUint16(0, true);
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  const sign = bits >> 15 === 1 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  const significand = exponent === 0 ? fraction : fraction + 1024;
  return sign * significand * 2 ** (Math.max(exponent, 1) - 25);
}

const MAX_DECIMAL_WIDTH = 38;
const DECIMAL_BITS: readonly number[] = [32, 64, 128, 256];

function decimalType(decimal: Decimal): LeafType {
  const [width, scale, bits] = [decimal.precision(), decimal.scale(), decimal.bitWidth()];
  const isHeld = width >= 1 && width <= MAX_DECIMAL_WIDTH && scale >= 0 && scale <= width;
  if (!isHeld || !DECIMAL_BITS.includes(bits)) throw unsupported(`Decimal(${width}, ${scale})`);
  const limit = 10n ** BigInt(width);
  return {
    storage: bits / 8,
    type: { id: 'DECIMAL', width, scale },
    decode: (bytes) => within(signedInteger(bytes), 1n - limit, limit - 1n),
  };
}

const MS_PER_DAY = 86_400_000n;

function dateType(unit: DateUnit): LeafType {
  const type = { id: 'DATE' } as const;
  if (unit === DateUnit.DAY) return { storage: 4, type, decode: signedInteger };
  return { storage: 8, type, decode: (bytes) => divided(signedInteger(bytes), MS_PER_DAY) };
}

const SECONDS_PER_DAY = 86_400n;
const PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};

function timeType(time: Time): LeafType {
  const unit = time.unit();
  const limit = SECONDS_PER_DAY * PER_SECOND[unit];
  const ticks = (bytes: Uint8Array): bigint => within(signedInteger(bytes), 0n, limit);
  const storage = time.bitWidth() / 8;
  if (unit === TimeUnit.NANOSECOND) return { storage, type: { id: 'TIME_NS' }, decode: ticks };
  return { storage, type: { id: 'TIME' }, decode: (bytes) => toMicros(ticks(bytes), unit) };
}

const TIMESTAMPS: Readonly<Record<TimeUnit, PlainTypeId>> = {
  [TimeUnit.SECOND]: 'TIMESTAMP_S',
  [TimeUnit.MILLISECOND]: 'TIMESTAMP_MS',
  [TimeUnit.MICROSECOND]: 'TIMESTAMP',
  [TimeUnit.NANOSECOND]: 'TIMESTAMP_NS',
};

/** With a zone, of whatever name, it is an instant. */
function timestampType(timestamp: Timestamp): LeafType {
  const unit = timestamp.unit();
  if ((timestamp.timezone() ?? '') === '') {
    return { storage: 8, type: { id: TIMESTAMPS[unit] }, decode: signedInteger };
  }
  const type: ColumnType = { id: 'TIMESTAMP WITH TIME ZONE' };
  return { storage: 8, type, decode: (bytes) => toMicros(signedInteger(bytes), unit) };
}

function durationType(unit: TimeUnit): LeafType {
  const decode = (bytes: Uint8Array): Datum => interval(0, 0, toMicros(signedInteger(bytes), unit));
  return { storage: 8, type: { id: 'INTERVAL' }, decode };
}

function intervalType(unit: IntervalUnit): LeafType {
  const leaf = (storage: number, read: (view: DataView) => Datum): LeafType => {
    return { storage, type: { id: 'INTERVAL' }, decode: (bytes) => read(viewOf(bytes)) };
  };
  switch (unit) {
    case IntervalUnit.YEAR_MONTH:
      return leaf(4, (view) => interval(view.getInt32(0, true), 0, 0n));
    case IntervalUnit.DAY_TIME:
      return leaf(8, (view) => {
        const micros = toMicros(BigInt(view.getInt32(4, true)), TimeUnit.MILLISECOND);
        return interval(0, view.getInt32(0, true), micros);
      });
    case IntervalUnit.MONTH_DAY_NANO:
      return leaf(16, (view) => {
        const micros = toMicros(view.getBigInt64(8, true), TimeUnit.NANOSECOND);
        return interval(view.getInt32(0, true), view.getInt32(4, true), micros);
      });
    default:
      throw unsupported('Interval');
  }
}

function interval(months: number, days: number, micros: bigint): Datum {
  return { kind: 'interval', months: BigInt(months), days: BigInt(days), micros };
}

function blobType(storage: LeafStorage): LeafType {
  return { storage, type: { id: 'BLOB' }, decode: blob };
}

/** Every byte as DuckDB's cast reads it. */
function blob(bytes: Uint8Array): BytesDatum {
  const digits = Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
  return { kind: 'bytes', text: digits.join('') };
}

const MAX_INT64 = 2n ** 63n - 1n;

function toMicros(value: bigint, unit: TimeUnit): bigint {
  const micros = PER_SECOND[TimeUnit.MICROSECOND];
  const perSecond = PER_SECOND[unit];
  if (perSecond > micros) return divided(value, perSecond / micros);
  return within(value * (micros / perSecond), -MAX_INT64, MAX_INT64);
}

/** No digit is lost without a word. */
function divided(value: bigint, divisor: bigint): bigint {
  if (value % divisor !== 0n) throw new Error(`${value} is finer than DuckDB's type`);
  return value / divisor;
}

export function within(value: bigint, min: bigint, max: bigint): bigint {
  if (value < min || value > max) throw new Error(`${value} is out of range`);
  return value;
}

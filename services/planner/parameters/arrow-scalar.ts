/** Numbers and times of Arrow as DuckDB's, in its storage units; what DuckDB's type cannot hold is refused. */
import {
  type Data,
  DateUnit,
  type Date_,
  type Decimal,
  type Duration,
  type Int,
  type Interval,
  IntervalUnit,
  type Time,
  type Timestamp,
  TimeUnit,
} from 'apache-arrow';
import { type ColumnType, type PlainTypeId } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';
import { type ArrowReader, unsupported } from './arrow-type.ts';
import { fixedBytesAt, integerAt, littleEndian, viewOf } from './arrow-bytes.ts';

const INTEGERS: Readonly<Record<Int['bitWidth'], PlainTypeId>> = {
  8: 'TINYINT',
  16: 'SMALLINT',
  32: 'INTEGER',
  64: 'BIGINT',
};

export function integerReader({ bitWidth, isSigned }: Int, data: Data): ArrowReader {
  const id = INTEGERS[bitWidth];
  const type = { id: isSigned ? id : (`U${id}` as PlainTypeId) };
  return { type, read: (row) => integerAt(data, row) };
}

const MAX_DECIMAL_WIDTH = 38;

export function decimalReader(type: Decimal, data: Data): ArrowReader {
  const { precision: width, scale, bitWidth } = type;
  const isKnown = width >= 1 && width <= MAX_DECIMAL_WIDTH && scale >= 0 && scale <= width;
  if (!isKnown) throw unsupported(type);
  const limit = 10n ** BigInt(width);
  return {
    type: { id: 'DECIMAL', width, scale },
    read: (row) => {
      const value = BigInt.asIntN(bitWidth, littleEndian(fixedBytesAt(data, row, bitWidth / 8)));
      return within(value, 1n - limit, limit - 1n);
    },
  };
}

const MS_PER_DAY = 86_400_000n;

export function dateReader({ unit }: Date_, data: Data): ArrowReader {
  const type = { id: 'DATE' } as const;
  if (unit === DateUnit.DAY) return { type, read: (row) => integerAt(data, row) };
  return { type, read: (row) => divided(integerAt(data, row), MS_PER_DAY) };
}

const SECONDS_PER_DAY = 86_400n;
const PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1_000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};

export function timeReader({ unit }: Time, data: Data): ArrowReader {
  const limit = SECONDS_PER_DAY * PER_SECOND[unit];
  const read = (row: number): bigint => within(integerAt(data, row), 0n, limit);
  if (unit === TimeUnit.NANOSECOND) return { type: { id: 'TIME_NS' }, read };
  return { type: { id: 'TIME' }, read: (row) => toMicros(read(row), unit) };
}

const TIMESTAMPS: Readonly<Record<TimeUnit, PlainTypeId>> = {
  [TimeUnit.SECOND]: 'TIMESTAMP_S',
  [TimeUnit.MILLISECOND]: 'TIMESTAMP_MS',
  [TimeUnit.MICROSECOND]: 'TIMESTAMP',
  [TimeUnit.NANOSECOND]: 'TIMESTAMP_NS',
};

/** With a zone, of whatever name, it is an instant. */
export function timestampReader({ unit, timezone }: Timestamp, data: Data): ArrowReader {
  if (timezone === null || timezone === undefined) {
    return { type: { id: TIMESTAMPS[unit] }, read: (row) => integerAt(data, row) };
  }
  const type: ColumnType = { id: 'TIMESTAMP WITH TIME ZONE' };
  return { type, read: (row) => toMicros(integerAt(data, row), unit) };
}

export function durationReader({ unit }: Duration, data: Data): ArrowReader {
  return {
    type: { id: 'INTERVAL' },
    read: (row) => interval(0, 0, toMicros(integerAt(data, row), unit)),
  };
}

export function intervalReader(type: Interval, data: Data): ArrowReader {
  const view = (row: number, byteWidth: number): DataView =>
    viewOf(fixedBytesAt(data, row, byteWidth));
  const reader = (read: ArrowReader['read']): ArrowReader => ({ type: { id: 'INTERVAL' }, read });
  switch (type.unit) {
    case IntervalUnit.YEAR_MONTH:
      return reader((row) => interval(view(row, 4).getInt32(0, true), 0, 0n));
    case IntervalUnit.DAY_TIME:
      return reader((row) => {
        const value = view(row, 8);
        const micros = toMicros(BigInt(value.getInt32(4, true)), TimeUnit.MILLISECOND);
        return interval(0, value.getInt32(0, true), micros);
      });
    case IntervalUnit.MONTH_DAY_NANO:
      return reader((row) => {
        const value = view(row, 16);
        const micros = toMicros(value.getBigInt64(8, true), TimeUnit.NANOSECOND);
        return interval(value.getInt32(0, true), value.getInt32(4, true), micros);
      });
    default:
      throw unsupported(type);
  }
}

function interval(months: number, days: number, micros: bigint): Datum {
  return { kind: 'interval', months: BigInt(months), days: BigInt(days), micros };
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

import {
  Binary,
  BinaryView,
  Bool,
  type DataType,
  Date_,
  DateUnit,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  Float16,
  Int8,
  Int32,
  Int64,
  Interval,
  IntervalUnit,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  makeData,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  TimeMicrosecond,
  TimeMillisecond,
  TimeSecond,
  Timestamp,
  TimeUnit,
  Utf8,
  Utf8View,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import { formatColumnType } from '../../../../services/common/plan/column-type.ts';
import type { Datum } from '../../../../services/planner/logical/datum.ts';
import { readParameters } from '../../../../services/planner/parameters/read-parameters.ts';

interface Sent {
  readonly type: DataType;
  readonly vector: Vector;
  readonly extension?: string;
}

function stream(columns: Readonly<Record<string, Sent>>, format: 'stream' | 'file' = 'stream') {
  const fields = Object.entries(columns).map(([name, { type, extension }]) => {
    const metadata =
      extension === undefined ? [] : ([['ARROW:extension:name', extension]] as const);
    return new Field(name, type, true, new Map(metadata));
  });
  const vectors = Object.values(columns).map(({ vector }) => vector);
  const rows = vectors[0]?.length ?? 0;
  const children = vectors.map((vector) => vector.data[0]!);
  const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children });
  const schema = new Schema(fields);
  return tableToIPC(new Table([new RecordBatch(schema, struct as never)]), format);
}

/** A column of what the library itself makes of values. */
function values(type: DataType, items: readonly unknown[]): Sent {
  return { type, vector: vectorFromArray(items, type) };
}

/** A column of given storage. */
function stored(type: DataType, data: ArrayBufferView, extension?: string): Sent {
  const vector = new Vector([makeData({ type, length: 1, nullCount: 0, data } as never)]);
  return extension === undefined ? { type, vector } : { type, vector, extension };
}

function read(sent: Sent): { readonly type: string; readonly value: Datum } {
  const constant = readParameters(stream({ x: sent })).get('x');
  if (constant === undefined) throw new Error('no x');
  return { type: formatColumnType(constant.type), value: constant.value };
}

function refusal(bytes: Uint8Array): string {
  try {
    readParameters(bytes);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'INVALID_PARAMETER') return error.message;
    throw error;
  }
  throw new Error('read');
}

const words = (...items: number[]): Int32Array => Int32Array.from(items);
const ticks = (item: bigint): BigInt64Array => BigInt64Array.of(item);
const interval = (months: bigint, days: bigint, micros: bigint): Datum => {
  return { kind: 'interval', months, days, micros };
};

describe('Arrow types that DuckDB does not write', () => {
  it.each<[string, Sent, string, Datum]>([
    ['null', values(new Null(), [null]), '"NULL"', null],
    ['float16', values(new Float16(), [0.5]), 'FLOAT', 0.5],
    ['date64', stored(new Date_(DateUnit.MILLISECOND), ticks(-86_400_000n)), 'DATE', -1n],
    ['time32 of seconds', stored(new TimeSecond(), words(86_399)), 'TIME', 86_399_000_000n],
    ['time32 of ms', stored(new TimeMillisecond(), words(1)), 'TIME', 1_000n],
    [
      'zoned seconds',
      stored(new Timestamp(TimeUnit.SECOND, 'Asia/Tokyo'), ticks(-1n)),
      'TIMESTAMP WITH TIME ZONE',
      -1_000_000n,
    ],
    [
      'zoned nanoseconds',
      stored(new Timestamp(TimeUnit.NANOSECOND, 'UTC'), ticks(-5_000n)),
      'TIMESTAMP WITH TIME ZONE',
      -5n,
    ],
    [
      'duration',
      stored(new Duration(TimeUnit.MILLISECOND), ticks(-3n)),
      'INTERVAL',
      interval(0n, 0n, -3000n),
    ],
    [
      'months',
      stored(new Interval(IntervalUnit.YEAR_MONTH), words(-14)),
      'INTERVAL',
      interval(-14n, 0n, 0n),
    ],
    [
      'days and ms',
      stored(new Interval(IntervalUnit.DAY_TIME), words(2, -7)),
      'INTERVAL',
      interval(0n, 2n, -7000n),
    ],
    [
      'decimal256',
      stored(new Decimal(2, 20, 256), words(-150, -1, -1, -1, -1, -1, -1, -1)),
      'DECIMAL(20,2)',
      -150n,
    ],
    ['decimal32', stored(new Decimal(1, 5, 32), words(-15)), 'DECIMAL(5,1)', -15n],
    [
      'fixed bytes',
      stored(new FixedSizeBinary(3), Uint8Array.of(0, 255, 65)),
      'BLOB',
      { kind: 'bytes', text: '\\x00\\xff\\x41' },
    ],
    ['categories', values(new Dictionary(new Utf8(), new Int32()), ['b']), 'VARCHAR', 'b'],
    ['no category', values(new Dictionary(new Utf8(), new Int32()), [null]), 'VARCHAR', null],
    ['bool8', stored(new Int8(), Int8Array.of(2), 'arrow.bool8'), 'BOOLEAN', true],
    ['an unknown extension', stored(new Int32(), words(2), 'acme.id'), 'INTEGER', 2n],
  ])('are read: %s', (_, sent, type, value) => {
    expect(read(sent)).toEqual({ type, value });
  });

  it('are read: text and bytes of every layout', () => {
    for (const text of ['', 'short', 'a text too long for the inside of a view é', '\uFEFFx']) {
      const bytes = new TextEncoder().encode(text);
      for (const type of [new Utf8(), new LargeUtf8(), new Utf8View()]) {
        expect(read(variable(type, bytes))).toEqual({ type: 'VARCHAR', value: text });
      }
      const hex = [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
      for (const type of [new Binary(), new LargeBinary(), new BinaryView()]) {
        expect(read(variable(type, bytes)).value).toEqual({ kind: 'bytes', text: hex });
      }
    }
  });

  it('are read: a list of wide offsets', () => {
    const item = new Field('item', new Int32(), true);
    const child = vectorFromArray([7, null, 8], new Int32()).data[0]!;
    const valueOffsets = BigInt64Array.of(1n, 3n);
    const type = new LargeList(item);
    const vector = new Vector([makeData({ type, length: 1, nullCount: 0, valueOffsets, child })]);
    const value = { kind: 'nested', children: [null, 8n] };
    expect(read({ type, vector })).toEqual({ type: 'INTEGER[]', value });
  });
});

/** One value of a text or binary column, in its layout. */
function variable(type: DataType, bytes: Uint8Array): Sent {
  const isView = type instanceof Utf8View || type instanceof BinaryView;
  const isLarge = type instanceof LargeUtf8 || type instanceof LargeBinary;
  if (!isView) {
    const valueOffsets = isLarge
      ? BigInt64Array.of(0n, BigInt(bytes.length))
      : Int32Array.of(0, bytes.length);
    const parts = { type, length: 1, nullCount: 0, valueOffsets, data: bytes };
    return { type, vector: new Vector([makeData(parts as never)]) };
  }
  const view = new Uint8Array(16);
  new DataView(view.buffer).setInt32(0, bytes.length, true);
  view.set(bytes.length <= 12 ? bytes : bytes.subarray(0, 4), 4);
  const variadicBuffers = bytes.length <= 12 ? [] : [bytes];
  const parts = { type, length: 1, nullCount: 0, views: view, variadicBuffers };
  return { type, vector: new Vector([makeData(parts as never)]) };
}

describe('values that DuckDB’s type cannot hold', () => {
  it.each<[string, Sent, string]>([
    ['half a day', stored(new Date_(DateUnit.MILLISECOND), ticks(1n)), 'finer than'],
    ['a nanosecond', stored(new Timestamp(TimeUnit.NANOSECOND, 'UTC'), ticks(1n)), 'finer than'],
    ['an age', stored(new Duration(TimeUnit.SECOND), ticks(2n ** 62n)), 'out of range'],
    ['before midnight', stored(new TimeMicrosecond(), ticks(-1n)), 'out of range'],
    ['past midnight', stored(new TimeSecond(), words(86_401)), 'out of range'],
    ['a digit more', stored(new Decimal(0, 3, 128), words(1000, 0, 0, 0)), 'out of range'],
    ['wide digits', stored(new Decimal(0, 39, 256), words(1, 0, 0, 0, 0, 0, 0, 0)), 'Decimal'],
    ['a negative scale', stored(new Decimal(-2, 5, 128), words(1, 0, 0, 0)), 'Decimal'],
    ['broken text', variable(new Utf8(), Uint8Array.of(0xff)), 'x cannot be used'],
    [
      'a short UUID',
      stored(new FixedSizeBinary(8), new Uint8Array(8), 'arrow.uuid'),
      'not stored in 16 bytes',
    ],
    ['a nameless field', values(new Struct([new Field('', new Int32())]), [{ '': 1 }]), 'no name'],
    ['an unknown opaque type', stored(new Int32(), words(1), 'arrow.opaque'), 'not supported'],
  ])('are refused: %s', (_, sent, message) => {
    const told = refusal(stream({ x: sent }));
    expect(told).toContain('the parameter x cannot be used');
    expect(told).toContain(message);
  });
});

describe('the stream', () => {
  const one = values(new Int64(), [1n]);

  it('names values without regard to case', () => {
    expect([...readParameters(stream({ 1: one, Name: one })).keys()]).toEqual(['1', 'name']);
    expect(refusal(stream({ a: one, A: one }))).toBe('there are two parameters a');
  });

  it('has one row', () => {
    expect(refusal(stream({ a: values(new Int64(), []) }))).toContain('0 rows');
    expect(refusal(stream({ a: values(new Int64(), [1n, 2n]) }))).toContain('2 rows');
  });

  it('may have no columns at all, as drivers send it for no values', () => {
    expect(readParameters(stream({})).size).toBe(0);
  });

  it('is a stream and not a file, JSON or nothing much', () => {
    expect(refusal(stream({ a: one }, 'file'))).toContain('not an Arrow IPC stream');
    expect(refusal(Buffer.from('{"schema":{}}'))).toContain('not an Arrow IPC stream');
    expect(refusal(Uint8Array.of(1))).toContain('not an Arrow IPC stream');
    expect(refusal(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))).toContain(
      'it has no schema',
    );
  });

  it('answers any damage with an error or values, and nothing worse', () => {
    const whole = stream({
      a: values(new Utf8(), ['some text']),
      b: values(new List(new Field('item', new Int64())), [[1n, null, 3n]]),
      c: values(new Dictionary(new Utf8(), new Int32()), ['k']),
      d: values(new Bool(), [true]),
      e: values(new Decimal(2, 20, 128), [new Uint32Array([150, 0, 0, 0])]),
    });
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(damage, fc.integer({ min: 0, max: whole.length }), (bytes, length) => {
        const copy = Uint8Array.from(whole);
        for (const [offset, byte] of bytes) copy[offset] = byte;
        for (const damaged of [copy, whole.slice(0, length)]) {
          try {
            readParameters(damaged);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_PARAMETER' });
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Constants of every type that the planner writes, anywhere in their range. */
import fc from 'fast-check';
import type { ColumnType } from '../../services/common/plan/column-type.ts';
import type { Datum } from '../../services/planner/logical/datum.ts';
import type { Constant } from '../../services/planner/logical/expression.ts';

const MAX_INT64 = 2n ** 63n - 1n;

function integers(type: ColumnType, min: bigint, max: bigint): fc.Arbitrary<Constant> {
  const value = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n));
  return value.map((datum) => ({ kind: 'constant', type, value: datum }));
}

const DECIMALS: fc.Arbitrary<Constant> = fc
  .integer({ min: 1, max: 38 })
  .chain((width) => fc.tuple(fc.constant(width), fc.integer({ min: 0, max: width })))
  .chain(([width, scale]) => {
    const limit = 10n ** BigInt(width) - 1n;
    return integers({ id: 'DECIMAL', width, scale }, -limit, limit);
  });

const TEXT = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom("it's", 'a\nb', 'tab\t', '\0', '\\x', ''),
);

const FLAT: fc.Arbitrary<Constant> = fc.oneof(
  fc.boolean().map((value): Constant => ({ kind: 'constant', type: { id: 'BOOLEAN' }, value })),
  integers({ id: 'TINYINT' }, -128n, 127n),
  integers({ id: 'SMALLINT' }, -(2n ** 15n), 2n ** 15n - 1n),
  integers({ id: 'INTEGER' }, -(2n ** 31n), 2n ** 31n - 1n),
  integers({ id: 'BIGINT' }, -(2n ** 63n), MAX_INT64),
  integers({ id: 'HUGEINT' }, -(2n ** 127n), 2n ** 127n - 1n),
  integers({ id: 'UTINYINT' }, 0n, 255n),
  integers({ id: 'USMALLINT' }, 0n, 2n ** 16n - 1n),
  integers({ id: 'UINTEGER' }, 0n, 2n ** 32n - 1n),
  integers({ id: 'UBIGINT' }, 0n, 2n ** 64n - 1n),
  integers({ id: 'UHUGEINT' }, 0n, 2n ** 128n - 1n),
  DECIMALS,
  // DuckDB's first and last day; its infinities are the numbers next to the ends of the storage.
  integers({ id: 'DATE' }, -2_147_483_648n, 2_147_483_646n),
  fc.constantFrom<Constant>(
    { kind: 'constant', type: { id: 'DATE' }, value: 2_147_483_647n },
    { kind: 'constant', type: { id: 'DATE' }, value: -2_147_483_647n },
    { kind: 'constant', type: { id: 'DATE' }, value: -2_147_483_648n },
    { kind: 'constant', type: { id: 'TIMESTAMP' }, value: MAX_INT64 },
    { kind: 'constant', type: { id: 'TIMESTAMP WITH TIME ZONE' }, value: -MAX_INT64 },
    { kind: 'constant', type: { id: 'TIMESTAMP_NS' }, value: -MAX_INT64 },
  ),
  integers({ id: 'TIMESTAMP' }, -9_223_372_022_400_000_000n, MAX_INT64 - 1n),
  integers({ id: 'TIMESTAMP WITH TIME ZONE' }, -9_223_372_022_400_000_000n, MAX_INT64 - 1n),
  integers({ id: 'TIMESTAMP_S' }, -9_223_372_022_400n, 9_223_372_036_854n),
  integers({ id: 'TIMESTAMP_MS' }, -9_223_372_022_400_000n, 9_223_372_036_854_775n),
  // DuckDB computes with earlier ones, but refuses to serialise a plan that holds one.
  integers({ id: 'TIMESTAMP_NS' }, -9_223_286_400_000_000_000n, MAX_INT64 - 1n),
  integers({ id: 'TIME' }, 0n, 86_400_000_000n),
  integers({ id: 'TIME_NS' }, 0n, 86_400_000_000_000n),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 86_400_000_000n }), fc.bigInt({ min: 0n, max: 115_198n }))
    .map(([micros, offset]): Constant => {
      return {
        kind: 'constant',
        type: { id: 'TIME WITH TIME ZONE' },
        value: (micros << 24n) | offset,
      };
    }),
  integers({ id: 'UUID' }, -(2n ** 127n), 2n ** 127n - 1n),
  fc.oneof(fc.double(), fc.constantFrom(-0, Infinity, -Infinity, 5e-324)).map((value): Constant => {
    return { kind: 'constant', type: { id: 'DOUBLE' }, value };
  }),
  fc.oneof(fc.float(), fc.constantFrom(-0, Infinity)).map((value): Constant => {
    return { kind: 'constant', type: { id: 'FLOAT' }, value };
  }),
  TEXT.map((value): Constant => ({ kind: 'constant', type: { id: 'VARCHAR' }, value })),
  fc.json().map((value): Constant => ({ kind: 'constant', type: { id: 'JSON' }, value })),
  fc.uint8Array({ maxLength: 8 }).map((bytes): Constant => {
    const text = [...bytes].map(blobByte).join('');
    return { kind: 'constant', type: { id: 'BLOB' }, value: { kind: 'bytes', text } };
  }),
  fc
    .record({
      kind: fc.constant('interval' as const),
      months: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }),
      days: fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n }),
      micros: fc.bigInt({ min: -MAX_INT64, max: MAX_INT64 }),
    })
    .map((value): Constant => ({ kind: 'constant', type: { id: 'INTERVAL' }, value })),
  fc.integer({ min: 0, max: 2 }).map((position): Constant => {
    const values = ['b', "a'", 'c d'];
    return { kind: 'constant', type: { id: 'ENUM', values }, value: BigInt(position) };
  }),
);

/** As DuckDB prints it: plain characters as they are, the others as `\\xAA`. */
function blobByte(byte: number): string {
  const isPlain = byte >= 0x20 && byte < 0x7f && !`\\'"`.includes(String.fromCharCode(byte));
  return isPlain
    ? String.fromCharCode(byte)
    : `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}

/** Items of one type: copies of a constant and NULLs. */
const ITEMS = fc.tuple(FLAT, fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }));

const items = (value: Datum, present: readonly boolean[]): Datum => ({
  kind: 'nested',
  children: present.map((isPresent) => (isPresent ? value : null)),
});

const NESTED: fc.Arbitrary<Constant> = fc.oneof(
  ITEMS.map(([{ type, value }, present]): Constant => {
    return { kind: 'constant', type: { id: 'LIST', child: type }, value: items(value, present) };
  }),
  ITEMS.map(([{ type, value }, present]): Constant => {
    const array = { id: 'ARRAY', child: type, size: present.length } as const;
    return { kind: 'constant', type: array, value: items(value, present) };
  }),
  fc.array(FLAT, { minLength: 1, maxLength: 3 }).map((fields): Constant => {
    const types = fields.map(({ type }, i) => ({ name: `f "${i}`, type }));
    const children = fields.map(({ value }) => value);
    return {
      kind: 'constant',
      type: { id: 'STRUCT', fields: types },
      value: { kind: 'nested', children },
    };
  }),
  fc.tuple(FLAT, FLAT).map(([key, value]): Constant => {
    const entry: Datum = { kind: 'nested', children: [key.value, value.value] };
    const type = { id: 'MAP', key: key.type, value: value.type } as const;
    return { kind: 'constant', type, value: { kind: 'nested', children: [entry] } };
  }),
);

const PRESENT = fc.oneof({ weight: 4, arbitrary: FLAT }, { weight: 1, arbitrary: NESTED });

export const CONSTANTS: fc.Arbitrary<Constant> = fc.oneof(
  { weight: 9, arbitrary: PRESENT },
  { weight: 1, arbitrary: PRESENT.map((constant): Constant => ({ ...constant, value: null })) },
);

/** The types that expressions of the grammar have: how a table's columns give them, and constants of them. */

export interface FuzzType {
  /** As SQL writes it; also the `sort` of its expressions. */
  readonly sql: string;
  /** Over the columns of the fuzz tables. */
  readonly sources: readonly string[];
  readonly constants: readonly string[];
}

const ENUM = "ENUM('', '12', 'red', 'green')";
const UNION = 'UNION(n INTEGER, t VARCHAR)';
export const STRUCT = 'STRUCT(a INTEGER, b VARCHAR)';
export const MAP = 'MAP(VARCHAR, INTEGER)';

/** Written by hand; the first ones are what most of SQL works with. */
export const FUZZ_TYPES: readonly FuzzType[] = [
  type('INTEGER', ['k', 'k', 'k', 'k % 3'], ['0', '1', '-1', '5', '2147483647']),
  type('VARCHAR', ['g', 'g', 'g'], ["'red'", "''", "'12'", "'%e%'", "'x''y'"]),
  type('BIGINT', ['v', 'v', 'k::BIGINT'], ['0', '3', '-100', '9007199254740993']),
  type('BOOLEAN', ['b', 'k > 3'], ['TRUE', 'FALSE']),
  type('DOUBLE', ['d', 'v / 8'], ["'nan'", "'inf'", '0', '0.5', '-2.25']),
  type('DECIMAL(10,2)', ['m'], ['0', '1.25', '-99999999.99']),
  type('DATE', ['dt'], ["'2024-02-29'", "'1969-12-31'", "'infinity'"]),
  type('TIMESTAMP', ['ts', 'dt::TIMESTAMP'], ["'1970-01-01 00:00:00.5'", "'-infinity'"]),
  type('INTEGER[]', ['l', '[k, ti]'], ['[]', '[1, NULL]', '[3, 1, 2]']),
  type(STRUCT, ['s'], ["{'a': 1, 'b': 'z'}", "{'a': NULL, 'b': 'red'}"]),
  type('TINYINT', ['ti'], ['0', '-128', '127']),
  type('SMALLINT', ['si'], ['0', '32767']),
  type(
    'HUGEINT',
    ['v::HUGEINT * 1000000000000000'],
    ['0', '170141183460469231731687303715884105727'],
  ),
  type('UTINYINT', ['ut'], ['0', '255']),
  type('USMALLINT', ['us'], ['0', '65535']),
  type('UINTEGER', ['ui'], ['0', '4294967295']),
  type('UBIGINT', ['ub'], ['0', "'18446744073709551615'"]),
  type('UHUGEINT', ['ub::UHUGEINT * 2'], ['0', "'340282366920938463463374607431768211455'"]),
  type('FLOAT', ['f'], ["'nan'", '0.5', '-2.25']),
  type(
    'DECIMAL(30,6)',
    ['w', 'm::DECIMAL(30,6)'],
    ['0', '-0.000001', '999999999999999999999999.5'],
  ),
  type('TIME', ['tm'], ["'00:00:00'", "'23:59:59.999999'"]),
  type('TIMESTAMP WITH TIME ZONE', ['tz'], ["'2024-11-03 05:30:00+00'"]),
  type('INTERVAL', ['iv'], ["'1 month 2 days'", "'-1 second'"]),
  type('UUID', ['id'], ["'550e8400-e29b-41d4-a716-446655440000'"]),
  type('BLOB', ['bl'], ["'\\x00\\xAA'", "''"]),
  type('VARCHAR[]', ['lt'], ["['a', 'b']", '[NULL]']),
  type(MAP, ['mp'], ["MAP {'a': 1}", 'MAP {}']),
  type(`${STRUCT}[]`, ['ls', '[s]'], ['[]', "[{'a': 1, 'b': 'z'}]"]),
  type('JSON', ['j'], [`'{"a": 1}'`, `'[1, 2]'`]),
  type('TIMESTAMP_S', ['ts::TIMESTAMP_S'], ["'2024-01-01 01:02:03'"]),
  type('TIMESTAMP_MS', ['ts::TIMESTAMP_MS'], ["'2024-01-01 01:02:03.004'"]),
  type('TIMESTAMP_NS', ['ts::TIMESTAMP_NS'], ["'2024-01-01 01:02:03.000000004'"]),
  type('TIME WITH TIME ZONE', ['tm::TIMETZ'], ["'12:00:00+02'"]),
  type('BIT', ["(CASE WHEN b THEN '101' ELSE '000011110000' END)::BIT"], ["'0'", "'1011'"]),
  type('BIGNUM', ['v::BIGNUM'], ["'123456789012345678901234567890'"]),
  type('INTEGER[2]', ['[k, ti]'], ['[1, NULL]', '[0, 0]']),
  type(ENUM, ["CASE WHEN g IN ('', '12', 'red', 'green') THEN g END"], ["'red'", "''"]),
  type(
    UNION,
    [`CASE WHEN b THEN union_value(n := k)::${UNION} ELSE union_value(t := g)::${UNION} END`],
    ['1', "'red'"],
  ),
];

export const TYPE_NAMES: ReadonlySet<string> = new Set(FUZZ_TYPES.map(({ sql }) => sql));

export function fuzzType(sql: string): FuzzType {
  const found = FUZZ_TYPES.find((candidate) => candidate.sql === sql);
  return found ?? { sql, sources: [], constants: ['NULL'] };
}

function type(sql: string, sources: readonly string[], constants: readonly string[]): FuzzType {
  return { sql, sources, constants };
}

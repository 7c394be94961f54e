/**
 * A fingerprint of DuckDB's `hash()` over values of every type. Rows are partitioned by `hash()`, so workers
 * whose fingerprints differ would send equal keys to different tasks: such a worker is refused.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert } from '../assert.ts';
import type { ColumnType } from '../plan/column-type.ts';

/** SQL of some values of each type; DuckDB hashes by physical type, so all widths of decimals are there. */
const SAMPLES: Readonly<Record<ColumnType['id'], readonly string[]>> = {
  BOOLEAN: ['true', 'false'],
  TINYINT: ['(-7)::TINYINT'],
  SMALLINT: ['(-300)::SMALLINT'],
  INTEGER: ['42::INTEGER', 'NULL::INTEGER'],
  BIGINT: ['42::BIGINT', '(-9007199254740993)::BIGINT'],
  HUGEINT: ['(-170141183460469231731687303715884105727)::HUGEINT'],
  UTINYINT: ['200::UTINYINT'],
  USMALLINT: ['60000::USMALLINT'],
  UINTEGER: ['4000000000::UINTEGER'],
  UBIGINT: ['18000000000000000000::UBIGINT'],
  UHUGEINT: ['340282366920938463463374607431768211455::UHUGEINT'],
  FLOAT: ['1.5::FLOAT', "'-0.0'::FLOAT", "'NaN'::FLOAT"],
  DOUBLE: ['1.5::DOUBLE', "'-0.0'::DOUBLE", "'NaN'::DOUBLE", "'infinity'::DOUBLE"],
  DATE: ["DATE '1999-12-31'", "'infinity'::DATE"],
  TIME: ["TIME '12:34:56.789'"],
  TIME_NS: ["'12:34:56.789012345'::TIME_NS"],
  'TIME WITH TIME ZONE': ["'12:34:56+02'::TIMETZ"],
  TIMESTAMP: ["TIMESTAMP '1999-12-31 23:59:59.5'"],
  TIMESTAMP_S: ["'1999-12-31 23:59:59'::TIMESTAMP_S"],
  TIMESTAMP_MS: ["'1999-12-31 23:59:59.5'::TIMESTAMP_MS"],
  TIMESTAMP_NS: ["'1999-12-31 23:59:59.123456789'::TIMESTAMP_NS"],
  'TIMESTAMP WITH TIME ZONE': ["'1999-12-31 23:59:59+02'::TIMESTAMPTZ"],
  INTERVAL: ["INTERVAL '13 months 2 days 3 seconds'"],
  VARCHAR: ["''", "'short'", "'longer than twelve bytes, hence on the heap'"],
  BLOB: ["'\\x00\\xFF'::BLOB"],
  BIT: ["'0101'::BIT"],
  UUID: ["'00112233-4455-6677-8899-aabbccddeeff'::UUID"],
  BIGNUM: ["'123456789012345678901234567890123456789012'::BIGNUM"],
  JSON: [`'{"a":1}'::JSON`],
  VARIANT: ['{a: 1}::VARIANT'],
  NULL: ['NULL'],
  DECIMAL: ['1.5::DECIMAL(4,1)', '1.5::DECIMAL(9,1)', '1.5::DECIMAL(18,1)', '1.5::DECIMAL(38,1)'],
  ENUM: ["'b'::ENUM('a', 'b')"],
  GEOMETRY: ["'POINT(1 2)'::GEOMETRY"],
  LIST: ['[1, NULL, 3]', '[]::INTEGER[]'],
  ARRAY: ['[1, 2]::INTEGER[2]'],
  STRUCT: ["{a: 1, b: 'x'}", 'NULL::STRUCT(a INTEGER)'],
  MAP: ["MAP {'k': 1}"],
  UNION: ['union_value(n := 1)::UNION(n INTEGER, s VARCHAR)'],
};

/** One row, one text column. */
export const HASH_FINGERPRINT_SQL = `SELECT md5(concat_ws(' ', ${Object.values(SAMPLES)
  .flat()
  .map((sample) => `hash(${sample})`)
  .join(', ')}))`;

/** The fingerprint of this process's DuckDB: 32 hexadecimal digits. */
export async function hashFingerprint(connection: DuckDBConnection): Promise<string> {
  const reader = await connection.runAndReadAll(HASH_FINGERPRINT_SQL);
  const fingerprint = reader.getRows()[0]?.[0];
  assert(typeof fingerprint === 'string', 'md5 gives text');
  return fingerprint;
}

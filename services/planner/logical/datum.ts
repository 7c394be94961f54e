/**
 * A constant of any DuckDB type, lossless and as plain data; its ColumnType stands beside it.
 *
 * | type | datum |
 * |---|---|
 * | any, NULL | `null` |
 * | BOOLEAN | `boolean` |
 * | all integers, and everything DuckDB stores as one | `bigint` in the storage unit: DECIMAL unscaled, DATE days, TIME and TIMESTAMP ticks, UUID the raw hugeint, ENUM the position |
 * | FLOAT, DOUBLE | `number` (Infinity, NaN and -0 included) |
 * | VARCHAR, JSON | `string` |
 * | BLOB, BIT, BIGNUM | `BytesDatum`: the text DuckDB itself casts back |
 * | INTERVAL | `IntervalDatum` |
 * | LIST, ARRAY, STRUCT, MAP (its entries), UNION (tag, then members) | `NestedDatum`, children in order |
 */
export type Datum =
  null | boolean | bigint | number | string | BytesDatum | IntervalDatum | NestedDatum;

/** Bytes in DuckDB's own text form: `\xAA` escapes for a BLOB, zeros and ones for a BIT, digits for a BIGNUM. */
export interface BytesDatum {
  readonly kind: 'bytes';
  readonly text: string;
}

export interface IntervalDatum {
  readonly kind: 'interval';
  readonly months: bigint;
  readonly days: bigint;
  readonly micros: bigint;
}

export interface NestedDatum {
  readonly kind: 'nested';
  readonly children: readonly Datum[];
}

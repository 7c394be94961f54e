/**
 * The type that a PIVOT takes in place of values where its column holds none. DuckDB makes one of its own for each such
 * statement; no list in parentheses can be empty.
 */
export const NO_PIVOT_VALUES = 'skein_no_pivot_values';

export const CREATE_NO_PIVOT_VALUES = `CREATE TYPE ${NO_PIVOT_VALUES} AS ENUM (SELECT '' WHERE false)`;

/** A string in a DuckDB vector: a 32-bit length, then 12 bytes of it, or 4 bytes of it and a pointer to all. */
export const STRING_ENTRY_BYTES = 16;
export const MAX_INLINE_BYTES = 12;

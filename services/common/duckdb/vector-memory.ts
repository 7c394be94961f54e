/** Copies of DuckDB's vector memory. */
import duckdb from '@duckdb/node-bindings';
import { EngineError } from '../error.ts';
import { allSet, intersect } from '../page/bitmap.ts';
import type { Bitmap } from '../page/column-vector.ts';

/** More than this of one vector is not copied; a chunk so large comes from a handful of monstrous values. */
const MAX_VECTOR_BYTES = 0x7fff_ffff;

export function expectReadable(byteCount: number): void {
  if (byteCount <= MAX_VECTOR_BYTES) return;
  throw new EngineError(
    'OUT_OF_MEMORY',
    `2,048 rows of one column take ${byteCount} bytes; 2 GiB is the limit`,
  );
}

/** A copy of the first bytes of a vector's data, aligned to 8 bytes. */
export function readData(vector: duckdb.Vector, byteCount: number): Uint8Array {
  expectReadable(byteCount);
  return duckdb.vector_get_data(vector, byteCount);
}

/** The rows of `mask` that are not NULL; `undefined` = all. */
export function readValidity(
  vector: duckdb.Vector,
  rowCount: number,
  mask: Bitmap | undefined,
): Bitmap | undefined {
  const own: Bitmap | null = duckdb.vector_get_validity(vector, Math.ceil(rowCount / 64) * 8);
  const validity = intersect(own ?? undefined, mask, rowCount);
  return validity === undefined || allSet(validity, rowCount) ? undefined : validity;
}

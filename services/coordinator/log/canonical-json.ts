import { createHash } from 'node:crypto';

/**
 * JSON with sorted keys and without `undefined`, so that equal values have equal texts. Bytes are replaced by their
 * hash: a recording compares them and never needs them.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (each instanceof Uint8Array) return { $bytes: sha256(each) };
    if (each === null || typeof each !== 'object' || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('base64url');
}

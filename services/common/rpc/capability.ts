import { timingSafeEqual } from 'node:crypto';

/** Compares two secrets in a time that says nothing of them but their lengths. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Version of skein.internal.v1: coordinator and workers must have the same one, exactly. It rises with every change of
 * the definitions, and of what is meant by them: the SQL of fragments included.
 */
export const PROTOCOL_VERSION = 12;

/** Hash of the definitions that have this version; a test compares it with `proto/skein/internal/v1`. */
export const INTERNAL_CONTRACT = '56bb260488db781d';

/** The product's version, as package.json states it (a test compares them). */
export const VERSION = '0.1.0';

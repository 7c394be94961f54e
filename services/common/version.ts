/**
 * Version of skein.internal.v1: coordinator and workers must have the same one, exactly. It rises with every change of
 * the definitions, and of what is meant by them: the SQL of fragments included.
 */
export const PROTOCOL_VERSION = 11;

/** Hash of the definitions that have this version; a test compares it with `proto/skein/internal/v1`. */
export const INTERNAL_CONTRACT = 'cad3cd1860e47af4';

/** The product's version, as package.json states it (a test compares them). */
export const VERSION = '0.1.0';

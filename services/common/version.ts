/** Version of skein.internal.v1: coordinator and workers must have the same one, exactly. */
export const PROTOCOL_VERSION = 2;

/** The product's version, as package.json states it (a test compares them). */
export const VERSION = '0.1.0';

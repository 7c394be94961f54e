/** Bytes as values. */

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The most significant byte first. */
export function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The least significant byte first. */
export function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(bytes.toReversed());
}

export function signedInteger(bytes: Uint8Array): bigint {
  return BigInt.asIntN(bytes.length * 8, littleEndian(bytes));
}

/** The byte order mark is a character like any other; broken text is an error. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

export function text(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

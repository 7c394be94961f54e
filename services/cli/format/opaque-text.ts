/** Texts of DuckDB's own types that Arrow carries as opaque bytes. */
import { TimeUnit } from 'apache-arrow';
import { timeText } from './scalar-text.ts';

/** 16 bytes at `offset`, least significant first. */
export function littleEndianInteger(
  bytes: Uint8Array,
  offset: number,
  signedness: 'signed' | 'unsigned',
): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 16);
  const low = view.getBigUint64(0, true);
  const high = signedness === 'signed' ? view.getBigInt64(8, true) : view.getBigUint64(8, true);
  return (high << 64n) + low;
}

/** DuckDB prints a BLOB with every byte that is not printable ASCII, and the backslash, as \xHH. */
export function blobText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 32 && byte <= 126 && byte !== 0x5c && byte !== 0x27 && byte !== 0x22;
    text += plain
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

const MAX_OFFSET_SECONDS = 16 * 3600 - 1;

/** DuckDB's dtime_tz_t: 40 bits of microseconds above 24 bits of (MAX_OFFSET - offset seconds). */
export function timeWithZoneText(bytes: Uint8Array): string {
  const bits = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const offset = MAX_OFFSET_SECONDS - Number(bits & 0xff_ffffn);
  const size = Math.abs(offset);
  const parts = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60];
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  const zone = parts.map((part) => String(part).padStart(2, '0')).join(':');
  return `${timeText(bits >> 24n, TimeUnit.MICROSECOND)}${offset < 0 ? '-' : '+'}${zone}`;
}

/** DuckDB's BIGNUM: 3 bytes of header (top bit = positive), then the magnitude, most significant byte first;
 * of a negative number all bytes are inverted. */
export function bignumText(bytes: Uint8Array): string {
  const positive = ((bytes[0] ?? 0) & 0x80) !== 0;
  let magnitude = 0n;
  for (const byte of bytes.subarray(3))
    magnitude = (magnitude << 8n) | BigInt(positive ? byte : byte ^ 0xff);
  return String(positive ? magnitude : -magnitude);
}

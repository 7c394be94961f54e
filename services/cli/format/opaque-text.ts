/** Texts of values that arrive as bytes, as DuckDB's cast to VARCHAR writes them. */
import { TimeUnit } from 'apache-arrow';
import { timeText } from './scalar-text.ts';

/** Every byte that is not printable ASCII, the quotes and the backslash are \xHH. */
export function blobText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const isPlain = byte >= 32 && byte <= 126 && byte !== 0x5c && byte !== 0x27 && byte !== 0x22;
    text += isPlain
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

const MAX_OFFSET_SECONDS = 16 * 3600 - 1;

/** DuckDB's dtime_tz_t: 40 bits of microseconds above 24 bits of (MAX_OFFSET - offset seconds). */
export function timeWithZoneText(bits: bigint): string {
  const offset = MAX_OFFSET_SECONDS - Number(bits & 0xff_ffffn);
  return timeText(bits >> 24n, TimeUnit.MICROSECOND) + offsetText(offset);
}

/** An offset from UTC, with its sign. DuckDB leaves out what is zero, minutes before seconds too. */
export function offsetText(offsetSeconds: number): string {
  const size = Math.abs(offsetSeconds);
  const rest = [Math.floor(size / 60) % 60, size % 60].filter((part) => part !== 0);
  const parts = [Math.floor(size / 3600), ...rest].map((part) => String(part).padStart(2, '0'));
  return `${offsetSeconds < 0 ? '-' : '+'}${parts.join(':')}`;
}

/**
 * DuckDB's BIGNUM: 3 bytes of header (top bit = positive), then the magnitude, most significant byte first; of
 * a negative number all bytes are inverted.
 */
export function bignumText(bytes: Uint8Array): string {
  const isPositive = ((bytes[0] ?? 0) & 0x80) !== 0;
  const digits = bytes.subarray(3).map((byte) => (isPositive ? byte : byte ^ 0xff));
  const magnitude = BigInt(`0x0${Buffer.from(digits).toString('hex')}`);
  return String(isPositive ? magnitude : -magnitude);
}

/** DuckDB's bit string: the first byte counts the padding bits at the front of the second. */
export function bitText(bytes: Uint8Array): string {
  const bits = [...bytes.subarray(1)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.slice(bytes[0] ?? 0);
}

/** 16 bytes in network order. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  const parts = [[0, 8], [8, 12], [12, 16], [16, 20], [20]];
  return parts.map(([from, to]) => hex.slice(from, to)).join('-');
}

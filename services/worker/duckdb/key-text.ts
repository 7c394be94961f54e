/** Keys of a column as dynamic filters write them (common/dynamic-filter/key-domain.ts), and back as SQL. */
import { keyFormOf } from '../../common/dynamic-filter/key-domain.ts';
import type { ColumnVector, FixedColumn } from '../../common/page/column-vector.ts';
import { formatColumnType, quoteString, type ColumnType } from '../../common/plan/column-type.ts';

/** The key of a row that is not NULL. */
export type KeyReader = (row: number) => string;

/** Reads keys of a column in exchange layout; `undefined` for types without a text form. */
export function keyReader(type: ColumnType, column: ColumnVector): KeyReader | undefined {
  switch (keyFormOf(type)) {
    case 'integer':
      return column.kind === 'fixed' ? integerReader(type, column) : undefined;
    case 'text': {
      if (column.kind !== 'bytes') return undefined;
      const { bytes, starts, ends } = column;
      const { buffer, byteOffset } = bytes;
      return (row) => {
        const length = ends[row]! - starts[row]!;
        return Buffer.from(buffer, byteOffset + starts[row]!, length).toString('utf8');
      };
    }
    default:
      return undefined;
  }
}

function integerReader(type: ColumnType, column: FixedColumn): KeyReader | undefined {
  const isSigned = !type.id.startsWith('U');
  const { words, byteWidth } = column;
  const { buffer, byteOffset, length } = words;
  switch (byteWidth) {
    case 1:
    case 2: {
      const half = 2 ** (8 * byteWidth - 1);
      return (row) => {
        const word = words[row]!;
        return String(isSigned && word >= half ? word - 2 * half : word);
      };
    }
    case 4: {
      const signed = new Int32Array(buffer, byteOffset, length);
      return isSigned ? (row) => String(signed[row]!) : (row) => String(words[row]!);
    }
    case 8: {
      const signed = new Int32Array(buffer, byteOffset, length);
      return (row) => {
        const low = words[2 * row]!;
        const high = isSigned ? signed[2 * row + 1]! : words[2 * row + 1]!;
        const value = high * 2 ** 32 + low;
        if (Number.isSafeInteger(value)) return String(value);
        return String((BigInt(high) << 32n) | BigInt(low));
      };
    }
    default:
      return undefined;
  }
}

/** Days and ticks at the edge are DuckDB's infinities, which no arithmetic reaches. */
const MAX_DAYS = 2_000_000_000n;
const MAX_MICROS = 9_000_000_000_000_000_000n;

/** A key as a constant of its type; `undefined` when it has no plain form. */
export function keyLiteral(type: ColumnType, key: string): string | undefined {
  switch (type.id) {
    case 'VARCHAR':
      return key.includes('\0') ? undefined : quoteString(key);
    case 'DATE':
      return isWithin(key, MAX_DAYS) ? `(DATE '1970-01-01' + (${key}))` : undefined;
    case 'TIMESTAMP':
      return isWithin(key, MAX_MICROS) ? `make_timestamp(${key})` : undefined;
    case 'DECIMAL':
      return `'${decimalText(key, type.scale)}'::${formatColumnType(type)}`;
    default:
      return `'${key}'::${formatColumnType(type)}`;
  }
}

function isWithin(key: string, limit: bigint): boolean {
  const value = BigInt(key);
  return value < limit && value > -limit;
}

function decimalText(unscaled: string, scale: number): string {
  if (scale === 0) return unscaled;
  const sign = unscaled.startsWith('-') ? '-' : '';
  const digits = unscaled.slice(sign.length).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

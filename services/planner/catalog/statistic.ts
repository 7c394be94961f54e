import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Datum } from '../logical/datum.ts';

const DAY_MS = 86_400_000;

/** A bound of a column chunk as a constant of the type; `undefined` when the text does not say one exactly. */
export function readStatistic(text: string | undefined, type: ColumnType): Datum | undefined {
  if (text === undefined) return undefined;
  switch (type.id) {
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'BIGINT':
    case 'UTINYINT':
    case 'USMALLINT':
    case 'UINTEGER':
    case 'UBIGINT':
      return /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    case 'DECIMAL':
      return readDecimal(text, type.scale);
    case 'FLOAT':
    case 'DOUBLE': {
      const value = /^-?(\d|inf)/.test(text) ? Number(text.replace('inf', 'Infinity')) : Number.NaN;
      return Number.isNaN(value) ? undefined : value;
    }
    case 'DATE':
      return readDays(text);
    case 'TIMESTAMP':
      return readMicros(text);
    case 'VARCHAR':
      // A bound that was cut within a character is printed as bytes.
      return /\\x[0-9A-F]{2}/.test(text) ? undefined : text;
    default:
      return undefined;
  }
}

function readDecimal(text: string, scale: number): bigint | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3] ?? '';
  if (match === null || fraction.length > scale) return undefined;
  return BigInt(`${match[1]}${match[2]}${fraction.padEnd(scale, '0')}`);
}

/** Days since 1970-01-01 of a date in the years 1 to 9999; others are printed in ways of their own. */
function readDays(text: string): bigint | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  const milliseconds = match === null ? Number.NaN : Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds / DAY_MS);
}

function readMicros(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(text);
  const days = readDays(match?.[1] ?? '');
  if (match === null || days === undefined) return undefined;
  const seconds =
    BigInt(match[2] ?? 0) * 3600n + BigInt(match[3] ?? 0) * 60n + BigInt(match[4] ?? 0);
  const micros = BigInt((match[5] ?? '').padEnd(6, '0'));
  return (days * 86_400n + seconds) * 1_000_000n + micros;
}

/** Texts of scalar values, as DuckDB's cast to VARCHAR writes them. */
import { TimeUnit } from 'apache-arrow';

const TICKS_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1n,
  [TimeUnit.MILLISECOND]: 1000n,
  [TimeUnit.MICROSECOND]: 1_000_000n,
  [TimeUnit.NANOSECOND]: 1_000_000_000n,
};
const SECONDS_PER_DAY = 86_400n;
const INFINITE_DAYS = 2_147_483_647;
const INFINITE_TICKS = 9_223_372_036_854_775_807n;

/** `unscaled` × 10^-scale. */
export function scaledText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled);
  const sign = unscaled < 0n ? '-' : '';
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function doubleText(value: number): string {
  return floatingText(value, String(Math.abs(value)));
}

export function floatText(value: number): string {
  return floatingText(value, shortestFloat32(Math.abs(value)));
}

/** `shortest`: the fewest digits that read back as |value|, in any of JavaScript's notations. */
function floatingText(value: number, shortest: string): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (!Number.isFinite(value)) return `${sign}inf`;
  if (value === 0) return `${sign}0.0`;
  const [mantissa = '', exponentText = '0'] = shortest.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const leadingZeros = /^0*/.exec(whole + fraction)?.[0].length ?? 0;
  const digits = (whole + fraction).slice(leadingZeros).replace(/0+$/, '');
  const exponent = whole.length + Number(exponentText) - leadingZeros - 1;
  return sign + placePoint(digits, exponent);
}

/** Plain notation for exponents from -4 to 15, else scientific with two digits of exponent at least. */
function placePoint(digits: string, exponent: number): string {
  if (exponent < -4 || exponent > 15) {
    const mantissa = digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${whole}.${digits.slice(exponent + 1) || '0'}`;
}

function shortestFloat32(value: number): string {
  for (let precision = 1; precision <= 9; precision += 1) {
    const text = value.toPrecision(precision);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

/** Days since 1970-01-01; years before 1 as `(BC)`. */
export function dateText(days: number): string {
  if (days === INFINITE_DAYS) return 'infinity';
  if (days === -INFINITE_DAYS) return '-infinity';
  const { year, month, day } = civilFromDays(days);
  const shownYear = year > 0 ? year : 1 - year;
  const text = `${String(shownYear).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}`;
  return year > 0 ? text : `${text} (BC)`;
}

/** Howard Hinnant's civil_from_days: exact for all days that DuckDB's DATE has, unlike JavaScript's Date. */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

export function timeText(ticks: bigint, unit: TimeUnit): string {
  const perSecond = TICKS_PER_SECOND[unit];
  const seconds = ticks / perSecond;
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(twoDigits).join(':');
  return clock + fractionText(ticks % perSecond, perSecond);
}

/** Trailing zeros are not shown, and nothing when there is no fraction. */
function fractionText(ticks: bigint, perSecond: bigint): string {
  if (ticks === 0n) return '';
  const digits = String(ticks).padStart(String(perSecond).length - 1, '0');
  return `.${digits.replace(/0+$/, '')}`;
}

export function timestampText(ticks: bigint, unit: TimeUnit): string {
  if (ticks === INFINITE_TICKS) return 'infinity';
  if (ticks === -INFINITE_TICKS) return '-infinity';
  const perDay = TICKS_PER_SECOND[unit] * SECONDS_PER_DAY;
  const timeOfDay = ((ticks % perDay) + perDay) % perDay;
  const days = Number((ticks - timeOfDay) / perDay);
  const date = dateText(days);
  const time = timeText(timeOfDay, unit);
  return date.endsWith(' (BC)') ? `${date.slice(0, -5)} (BC) ${time}` : `${date} ${time}`;
}

export function intervalText(months: number, days: number, micros: bigint): string {
  const years = Math.trunc(months / 12);
  const parts: string[] = [];
  addPart(parts, years, 'year');
  addPart(parts, months % 12, 'month');
  addPart(parts, days, 'day');
  if (micros !== 0n || parts.length === 0) {
    const size = micros < 0n ? -micros : micros;
    parts.push((micros < 0n ? '-' : '') + timeText(size, TimeUnit.MICROSECOND));
  }
  return parts.join(' ');
}

function addPart(parts: string[], count: number, unit: string): void {
  if (count !== 0) parts.push(`${count} ${unit}${count === 1 || count === -1 ? '' : 's'}`);
}

/** 16 bytes in network order. */
export function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/** DuckDB's bit string: the first byte counts the padding bits at the front of the second. */
export function bitText(bytes: Uint8Array): string {
  const bits = [...bytes.subarray(1)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.slice(bytes[0] ?? 0);
}

function twoDigits(value: number | bigint): string {
  return String(value).padStart(2, '0');
}

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

/** 16 bytes at `offset`, least significant first. */
export function wideInteger(
  view: DataView,
  offset: number,
  signedness: 'signed' | 'unsigned',
): bigint {
  const low = view.getBigUint64(offset, true);
  const high =
    signedness === 'signed'
      ? view.getBigInt64(offset + 8, true)
      : view.getBigUint64(offset + 8, true);
  return (high << 64n) + low;
}

/** `unscaled` × 10^-scale. A type without digits before the point shows none, not even a zero. */
export function decimalText(
  unscaled: bigint,
  type: { readonly precision: number; readonly scale: number },
): string {
  const { precision, scale } = type;
  if (scale === 0) return String(unscaled);
  const sign = unscaled < 0n ? '-' : '';
  const size = String(unscaled < 0n ? -unscaled : unscaled);
  const digits = size.padStart(precision > scale ? scale + 1 : scale, '0');
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

export function doubleText(value: number): string {
  return floatingText(value, String);
}

export function floatText(value: number): string {
  return floatingText(value, shortestFloat32);
}

/** `shortest`: the fewest digits that read back as the number, in any of JavaScript's notations. */
function floatingText(value: number, shortest: (size: number) => string): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (!Number.isFinite(value)) return `${sign}inf`;
  if (value === 0) return `${sign}0.0`;
  const [mantissa = '', exponentText = '0'] = shortest(Math.abs(value)).split('e');
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

const MAX_FLOAT32_DIGITS = 9;
/** More than any tie between candidates has. */
const EXACT_DIGITS = 40;

/**
 * The fewest digits that read back as the same 32-bit float, and of these the nearest to it. Where that is not
 * one choice (a tie, or digits exactly between two floats) DuckDB takes the digits of the double.
 */
function shortestFloat32(value: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(EXACT_DIGITS).split('e');
  const digits = mantissa.replace('.', '');
  const [lower, upper] = float32Limits(value);
  for (let count = 1; count <= MAX_FLOAT32_DIGITS; count += 1) {
    const below = BigInt(digits.slice(0, count));
    const rest = digits.slice(count);
    const candidates = [below, below + 1n]
      .map((candidate) => `${candidate}e${Number(exponent) - count + 1}`)
      .filter((candidate) => Number(candidate) >= lower && Number(candidate) <= upper);
    if (candidates.length === 0) continue;
    const isTie = candidates.length === 2 && /^50*$/.test(rest);
    const nearest = (rest < '5' ? candidates[0] : candidates.at(-1)) ?? '';
    const isLimit = Number(nearest) === lower || Number(nearest) === upper;
    return isTie || isLimit ? String(value) : nearest;
  }
  return String(value);
}

/** The numbers between the float and its neighbours, all of which are doubles. */
function float32Limits(value: number): readonly [number, number] {
  const float = new Float32Array([value]);
  const bits = new Uint32Array(float.buffer);
  bits[0] = (bits[0] ?? 0) - 1;
  const previous = float[0] ?? 0;
  bits[0] += 2;
  const next = float[0] ?? 0;
  return [(value + previous) / 2, (value + (Number.isFinite(next) ? next : 2 ** 128)) / 2];
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

export function isFiniteTimestamp(ticks: bigint): boolean {
  return ticks !== INFINITE_TICKS && ticks !== -INFINITE_TICKS;
}

/** `zone`: what stands behind a finite instant, such as `+00`. */
export function timestampText(ticks: bigint, unit: TimeUnit, zone = ''): string {
  if (!isFiniteTimestamp(ticks)) return ticks > 0n ? 'infinity' : '-infinity';
  const perDay = TICKS_PER_SECOND[unit] * SECONDS_PER_DAY;
  const timeOfDay = ((ticks % perDay) + perDay) % perDay;
  const days = Number((ticks - timeOfDay) / perDay);
  const date = dateText(days);
  const time = timeText(timeOfDay, unit);
  return `${date} ${time}${zone}`;
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

function twoDigits(value: number | bigint): string {
  return String(value).padStart(2, '0');
}

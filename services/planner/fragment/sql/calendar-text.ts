/**
 * Text of DuckDB's dates and times from their storage units, as its casts read it back: proleptic Gregorian
 * calendar, `(BC)` after years before 1, any number of year digits.
 */

const MICROS_PER_SECOND = 1_000_000n;
const SECONDS_PER_DAY = 86_400n;
const INFINITE_DATE = 2_147_483_647n;
const INFINITE_TIMESTAMP = 9_223_372_036_854_775_807n;

/** Whether DuckDB's cast reads the text of a date: its arithmetic reaches one day before the infinite one. */
export function hasDateText(days: bigint): boolean {
  return days >= -INFINITE_DATE;
}

/** Whether DuckDB's casts read the text of a timestamp: they refuse the first day, of which no midnight is one. */
export function hasTimestampText(ticks: bigint, perSecond: bigint): boolean {
  const perDay = perSecond * SECONDS_PER_DAY;
  if (ticks === -INFINITE_TIMESTAMP) return true;
  return floorDivide(ticks, perDay) * perDay >= -INFINITE_TIMESTAMP;
}

/** Days since 1970-01-01. */
export function dateText(days: bigint): string {
  return infiniteText(days, INFINITE_DATE) ?? civilDate(days);
}

/** Ticks since midnight; `perSecond` of them make a second. */
export function timeText(ticks: bigint, perSecond: bigint): string {
  const seconds = ticks / perSecond;
  const clock = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map(twoDigits).join(':');
  return clock + fraction(ticks % perSecond, perSecond);
}

/** Ticks since 1970-01-01 00:00:00. */
export function timestampText(ticks: bigint, perSecond: bigint): string {
  const infinite = infiniteText(ticks, INFINITE_TIMESTAMP);
  if (infinite !== undefined) return infinite;
  const perDay = perSecond * SECONDS_PER_DAY;
  const days = floorDivide(ticks, perDay);
  return `${civilDate(days)} ${timeText(ticks - days * perDay, perSecond)}`;
}

/** DuckDB packs microseconds above 24 bits that hold the offset, counted down from its largest one. */
export function timeWithZoneText(bits: bigint): string {
  const largestOffset = 57_599n;
  const offset = largestOffset - (bits & 0xff_ffffn);
  const sign = offset < 0n ? '-' : '+';
  const magnitude = offset < 0n ? -offset : offset;
  return timeText(bits >> 24n, MICROS_PER_SECOND) + sign + timeText(magnitude, 1n);
}

function infiniteText(value: bigint, infinity: bigint): string | undefined {
  if (value === infinity) return 'infinity';
  return value === -infinity ? '-infinity' : undefined;
}

/** Howard Hinnant's civil_from_days: years begin in March, eras of 400 years. */
function civilDate(days: bigint): string {
  const shifted = days + 719_468n;
  const era = floorDivide(shifted, 146_097n);
  const dayOfEra = shifted - era * 146_097n;
  const yearOfEra = (dayOfEra - dayOfEra / 1460n + dayOfEra / 36_524n - dayOfEra / 146_096n) / 365n;
  const dayOfYear = dayOfEra - (365n * yearOfEra + yearOfEra / 4n - yearOfEra / 100n);
  const marchMonth = (5n * dayOfYear + 2n) / 153n;
  const day = dayOfYear - (153n * marchMonth + 2n) / 5n + 1n;
  const month = marchMonth < 10n ? marchMonth + 3n : marchMonth - 9n;
  const year = yearOfEra + era * 400n + (month <= 2n ? 1n : 0n);
  const [shownYear, suffix] = year > 0n ? [year, ''] : [1n - year, ' (BC)'];
  return `${String(shownYear).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}${suffix}`;
}

function fraction(ticks: bigint, perSecond: bigint): string {
  if (ticks === 0n) return '';
  const digits = String(perSecond).length - 1;
  return `.${String(ticks).padStart(digits, '0').replace(/0+$/, '')}`;
}

function twoDigits(value: bigint): string {
  return String(value).padStart(2, '0');
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

/** Instants as the clocks of a time zone show them. */
import { TimeUnit } from 'apache-arrow';
import { offsetText } from './opaque-text.ts';
import { isFiniteTimestamp, timestampText } from './scalar-text.ts';

const MICROS_PER_SECOND = 1_000_000n;
/** The instants that JavaScript's dates reach; no rule of a time zone changes beyond them. */
const MAX_DATE_SECONDS = 8_640_000_000_000;

/** DuckDB's text of a TIMESTAMP WITH TIME ZONE. `timeZone`: an IANA name. */
export function instantText(micros: bigint, timeZone: string): string {
  const format = timeZone === 'UTC' ? undefined : formatOf(timeZone);
  if (format === undefined || !isFiniteTimestamp(micros))
    return timestampText(micros, TimeUnit.MICROSECOND, '+00');
  const offset = offsetSeconds(micros, format);
  const local = micros + BigInt(offset) * MICROS_PER_SECOND;
  // DuckDB shows no seconds of the offsets that zones had before there were standard times.
  const shownOffset = Math.trunc(offset / 60) * 60;
  return timestampText(local, TimeUnit.MICROSECOND, offsetText(shownOffset));
}

/** undefined = a name that DuckDB knows and this runtime does not: instants are shown in UTC then. */
const formats = new Map<string, Intl.DateTimeFormat | undefined>();

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  if (!formats.has(timeZone)) formats.set(timeZone, createFormat(timeZone));
  return formats.get(timeZone);
}

function createFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    return undefined;
  }
}

/** What the zone's clocks are ahead of UTC. */
function offsetSeconds(micros: bigint, format: Intl.DateTimeFormat): number {
  const seconds = Number(micros / MICROS_PER_SECOND) - (micros % MICROS_PER_SECOND < 0n ? 1 : 0);
  const date = Math.max(-MAX_DATE_SECONDS, Math.min(MAX_DATE_SECONDS, seconds)) * 1000;
  const name = format.formatToParts(date).find((part) => part.type === 'timeZoneName')?.value ?? '';
  const [, sign, hours = '0', minutes = '0', rest = '0'] =
    /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name) ?? [];
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);
  return sign === '-' ? -size : size;
}

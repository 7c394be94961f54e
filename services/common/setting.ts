/** A named value that people set as text: how it is read, what it looks like, what it is for. */
export interface Setting<T> {
  readonly defaultValue: T;
  /** undefined = the text is not such a value. */
  readonly parse: (text: string) => T | undefined;
  /** What a value looks like, for error messages and documentation. */
  readonly form: string;
  readonly doc: string;
}

export function choice<const T extends string>(
  values: readonly [T, ...T[]],
  options: { readonly doc: string },
): Setting<T> {
  return {
    defaultValue: values[0],
    parse: (value) => values.find((candidate) => candidate === value),
    form: values.length === 1 ? `'${values[0]}'` : `one of ${values.join(', ')}`,
    doc: options.doc,
  };
}

/** One of several words, in any case and with blanks for underscores; the first is the default. */
export function words<const T extends string>(
  values: readonly [T, ...T[]],
  doc: string,
): Setting<T> {
  const plain = (value: string): string => value.trim().toLowerCase().replaceAll(' ', '_');
  return {
    ...choice(values, { doc }),
    parse: (value) => values.find((candidate) => candidate === plain(value)),
  };
}

const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** `64MiB`, `1GB`, `4096` → bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,15})\s*(B|KiB|MiB|GiB|KB|MB|GB)?$/.exec(text.trim());
  if (match === null) return undefined;
  const value = Number(match[1]) * (BYTE_UNITS[match[2] ?? ''] ?? 1);
  return Number.isSafeInteger(value) ? value : undefined;
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `5m`, `1h`, `2d` → milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9})\s*(ms|s|m|h|d)$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (DURATION_UNITS[match[2] ?? ''] ?? 1);
}

export function bytes(defaultText: string, doc: string): Setting<number> {
  return {
    defaultValue: parseBytes(defaultText) ?? 0,
    parse: parseBytes,
    form: 'a size such as 64MiB',
    doc,
  };
}

export function duration(defaultText: string, doc: string): Setting<number> {
  return {
    defaultValue: parseDurationMs(defaultText) ?? 0,
    parse: parseDurationMs,
    form: 'a duration such as 30s or 5m',
    doc,
  };
}

export function integer(
  range: { min: number; max: number; defaultValue: number },
  doc: string,
): Setting<number> {
  const { min, max, defaultValue } = range;
  const parse = (text: string): number | undefined => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return { defaultValue, parse, form: `a whole number from ${min} to ${max}`, doc };
}

export function text(defaultValue: string, doc: string): Setting<string> {
  return {
    defaultValue,
    parse: (value) => (value === '' ? undefined : value),
    form: 'a name',
    doc,
  };
}

export function flag(defaultValue: boolean, doc: string): Setting<boolean> {
  const parse = (value: string): boolean | undefined =>
    /^(true|on|1)$/i.test(value) ? true : /^(false|off|0)$/i.test(value) ? false : undefined;
  return { defaultValue, parse, form: 'true or false', doc };
}

/** A text that may be empty: a file, a directory, an address, a secret. */
export function optionalText(doc: string, defaultValue = ''): Setting<string> {
  return { defaultValue, parse: (value) => value, form: 'a text', doc };
}

const NAME = /^[\w.:=-]{1,64}$/;

/** `name,name`; blanks around them do not count, none is an empty text. */
export function names(doc: string): Setting<readonly string[]> {
  return {
    defaultValue: [],
    parse: (value) => parseNames(value, ','),
    form: 'names of letters, digits and _.:=-, separated by commas',
    doc,
  };
}

/** `wide/narrow`: where something is, from the widest segment to the narrowest. */
export function location(doc: string): Setting<readonly string[]> {
  return {
    defaultValue: [],
    parse: (value) => parseNames(value, '/'),
    form: 'names of letters, digits and _.:=-, separated by slashes',
    doc,
  };
}

function parseNames(value: string, separator: string): readonly string[] | undefined {
  if (value.trim() === '') return [];
  const parts = value.split(separator).map((part) => part.trim());
  return parts.every((part) => NAME.test(part)) ? parts : undefined;
}

/** `name=value,name=value`; values may hold anything but a comma. */
export function pairs(doc: string): Setting<Readonly<Record<string, string>>> {
  return { defaultValue: {}, parse: parsePairs, form: 'name=value, separated by commas', doc };
}

function parsePairs(value: string): Readonly<Record<string, string>> | undefined {
  const entries: (readonly [string, string])[] = [];
  for (const pair of value.split(',')) {
    if (pair.trim() === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) return undefined;
    entries.push([pair.slice(0, at).trim(), pair.slice(at + 1).trim()]);
  }
  return Object.fromEntries(entries);
}

/**
 * The registry of session properties: everything a client may set for its queries. Values arrive as text
 * (`session_properties` of SubmitQuery, `--set`); an unknown name or a bad value is INVALID_SESSION_PROPERTY.
 */
import { EngineError } from './error.ts';

interface Property<T> {
  readonly defaultValue: T;
  readonly parse: (text: string) => T | undefined;
  /** What a value looks like, for error messages and documentation. */
  readonly form: string;
  readonly doc: string;
}

export const SESSION_PROPERTIES = {
  distribution: choice(['auto', 'always', 'never'], {
    doc: 'Whether a query is cut into stages: auto decides by distribution_threshold.',
  }),
  distribution_threshold: bytes('64MiB', 'With distribution=auto, smaller estimated input runs as one fragment.'),
  scheduling: choice(['pipelined'], { doc: 'The scheduling discipline.' }),
  execution_policy: choice(['all-at-once'], { doc: 'Which stages start when.' }),
  retry_policy: choice(['none'], { doc: 'What a failure retries.' }),
  query_max_run_time: duration('1h', 'The query fails with QUERY_TIMEOUT when it runs longer.'),
  query_max_memory_per_task: bytes('0', 'DuckDB memory of one task; 0 = the worker decides.'),
  task_concurrency: integer({ min: 0, max: 64, defaultValue: 0 }, 'Tasks of a stage on each worker; 0 = the worker decides (min(4, cores)).'),
  hash_partition_count: integer({ min: 0, max: 1000, defaultValue: 0 }, 'Tasks of a hash-partitioned stage; 0 = task_concurrency × workers.'),
  broadcast_threshold: bytes('32MiB', 'The build side of a join up to this estimated size is broadcast.'),
  split_target_bytes: bytes('32MiB', 'Row groups are joined to splits of up to this size.'),
  result_replay_bytes: bytes('32MiB', 'How far behind the last page sent a result can be resumed.'),
  time_zone: text('UTC', 'The TimeZone of the session, as DuckDB names it.'),
} as const satisfies Record<string, Property<unknown>>;

export type SessionPropertyName = keyof typeof SESSION_PROPERTIES;

export type SessionProperties = {
  readonly [Name in SessionPropertyName]: (typeof SESSION_PROPERTIES)[Name]['defaultValue'];
};

/** All properties: the given texts parsed, the others at their defaults. Later maps win. */
export function parseSessionProperties(
  ...layers: readonly Readonly<Record<string, string>>[]
): SessionProperties {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(SESSION_PROPERTIES)) values[name] = property.defaultValue;
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer))) {
    values[name] = parseProperty(name, value);
  }
  return values as SessionProperties;
}

function parseProperty(name: string, value: string): unknown {
  if (!Object.hasOwn(SESSION_PROPERTIES, name)) {
    const known = Object.keys(SESSION_PROPERTIES).join(', ');
    throw new EngineError('INVALID_SESSION_PROPERTY', `unknown session property ${name}; known: ${known}`, {
      details: { property: name },
    });
  }
  const property = SESSION_PROPERTIES[name as SessionPropertyName];
  const parsed = property.parse(value);
  if (parsed === undefined) {
    throw new EngineError(
      'INVALID_SESSION_PROPERTY',
      `session property ${name} cannot be '${value}'; it is ${property.form}`,
      { details: { property: name } },
    );
  }
  return parsed;
}

function choice<const T extends string>(
  values: readonly [T, ...T[]],
  options: { readonly doc: string },
): Property<T> {
  return {
    defaultValue: values[0],
    parse: (value) => values.find((candidate) => candidate === value),
    form: values.length === 1 ? `'${values[0]}'` : `one of ${values.join(', ')}`,
    doc: options.doc,
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

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `1h`, `2d` → milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d{1,9})\s*(ms|s|m|h|d)$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (DURATION_UNITS[match[2] ?? ''] ?? 1);
}

function bytes(defaultText: string, doc: string): Property<number> {
  return { defaultValue: parseBytes(defaultText) ?? 0, parse: parseBytes, form: 'a size such as 64MiB', doc };
}

function duration(defaultText: string, doc: string): Property<number> {
  return {
    defaultValue: parseDurationMs(defaultText) ?? 0,
    parse: parseDurationMs,
    form: 'a duration such as 30s or 5m',
    doc,
  };
}

function integer(range: { min: number; max: number; defaultValue: number }, doc: string): Property<number> {
  const { min, max, defaultValue } = range;
  const parse = (text: string): number | undefined => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  };
  return { defaultValue, parse, form: `a whole number from ${min} to ${max}`, doc };
}

function text(defaultValue: string, doc: string): Property<string> {
  return { defaultValue, parse: (value) => (value === '' ? undefined : value), form: 'a name', doc };
}

/**
 * The registry of session properties: everything a client may set for its queries. Values arrive as text
 * (`session_properties` of SubmitQuery, `--set`); an unknown name or a bad value is INVALID_SESSION_PROPERTY.
 */
import { EngineError } from './error.ts';
import {
  bytes,
  choice,
  duration,
  flag,
  integer,
  names,
  optionalText,
  text,
  words,
} from './setting.ts';
import type { Setting } from './setting.ts';

export const SESSION_PROPERTIES = {
  distribution: choice(['auto', 'always', 'never'], {
    doc: 'Whether a query is cut into stages: auto decides by distribution_threshold.',
  }),
  distribution_threshold: bytes(
    '64MiB',
    'With distribution=auto, smaller estimated input runs as one fragment.',
  ),
  scheduling: choice(['pipelined', 'fault-tolerant', 'stage-barrier', 'regions'], {
    doc: 'The scheduling discipline.',
  }),
  execution_policy: choice(
    [
      'auto',
      'phased',
      'all-at-once',
      'legacy-phased',
      'event-driven',
      'stage-barrier',
      'pipelined-region',
    ],
    { doc: 'Which stages start when; auto is the first choice of the discipline.' },
  ),
  retry_policy: choice(['auto', 'none', 'query', 'task', 'stage', 'region'], {
    doc: 'What a failure retries; auto is the first choice of the discipline.',
  }),
  speculative_start: choice(['on', 'off'], {
    doc: 'With scheduling=fault-tolerant: whether a stage may begin before all that it reads is stored.',
  }),
  source: optionalText('The program that a query comes from, for selectors of resource groups.'),
  client_tags: names('Marks of a query, for selectors of resource groups.'),
  query_priority: integer(
    { min: 0, max: 10_000, defaultValue: 0 },
    'In a resource group whose policy is priority, queries with more go first.',
  ),
  query_max_run_time: duration('1h', 'The query fails with QUERY_TIMEOUT when it runs longer.'),
  query_retry_attempts: integer(
    { min: 0, max: 100, defaultValue: 4 },
    'With retry_policy=query: how often a query that fails is tried again.',
  ),
  retry_initial_delay: duration('10s', 'Before a query is tried again for the first time.'),
  retry_max_delay: duration('1m', 'The delay doubles with every retry, up to this.'),
  query_stall_timeout: duration(
    '5m',
    'A query that makes no progress for so long although nothing keeps it from going on fails; 0s = never.',
  ),
  query_max_memory_per_task: bytes('0', 'DuckDB memory of one task; 0 = the worker decides.'),
  task_concurrency: integer(
    { min: 0, max: 64, defaultValue: 0 },
    'Tasks of a stage on each worker; 0 = the worker decides (min(4, cores)).',
  ),
  hash_partition_count: integer(
    { min: 0, max: 1000, defaultValue: 0 },
    'Tasks of a hash-partitioned stage; 0 = task_concurrency × workers.',
  ),
  broadcast_threshold: bytes(
    '100MiB',
    'The build side of a join up to this estimated size is broadcast.',
  ),
  colocated_execution: choice(['on', 'off'], {
    doc: 'Whether joins, aggregations and windows on a key by which files lie apart run without exchange.',
  }),
  replicated_scans: choice(['on', 'off'], {
    doc: 'Whether each task of a join may read a small table itself in place of receiving its rows.',
  }),
  partial_aggregation: choice(['automatic', 'always', 'never'], {
    doc: 'Whether rows are aggregated before they are sent by their groups: automatic stops where it makes too few fewer.',
  }),
  partial_aggregation_min_rows: integer(
    { min: 1, max: 1_000_000_000, defaultValue: 100_000 },
    'Rows that a task aggregates before partial_aggregation=automatic may stop it.',
  ),
  dynamic_filtering: choice(['on', 'off'], {
    doc: 'Whether scans leave out rows that have no match in the other side of a join.',
  }),
  dynamic_filter_wait: duration(
    '5s',
    'How long a scan waits for its dynamic filters before it begins without them.',
  ),
  split_placement: choice(['uniform', 'topology'], {
    doc: 'How splits are dealt: evenly, or as near to the workers of their file as there is room.',
  }),
  split_affinity: choice(['none', 'file'], {
    doc: 'Whether a file is read by the workers that read it before, as long as that costs no balance.',
  }),
  locality_wait: duration(
    '3s',
    'With split_placement=topology: how long a split waits for room before it goes a level farther.',
  ),
  required_labels: names('The query runs on workers that have all of these labels.'),
  split_target_bytes: bytes('32MiB', 'Row groups are joined to splits of up to this size.'),
  result_replay_bytes: bytes('32MiB', 'How far behind the last page sent a result can be resumed.'),
  time_zone: text('UTC', 'The TimeZone of the session, as DuckDB names it.'),
  calendar: text('gregorian', "DuckDB's Calendar."),
  default_null_order: words(
    [
      'nulls_last',
      'nulls_first',
      'nulls_first_on_asc_last_on_desc',
      'nulls_last_on_asc_first_on_desc',
    ],
    'Where NULLs are sorted when a statement does not say.',
  ),
  default_order: words(['asc', 'desc'], 'How is sorted when a statement does not say.'),
  default_collation: optionalText('The collation of texts that have none of their own.'),
  integer_division: flag(false, 'Whether / divides whole numbers to whole numbers.'),
  ieee_floating_point_ops: flag(true, 'Whether dividing by zero gives infinities and NaN.'),
  order_by_non_integer_literal: flag(false, 'Whether ORDER BY takes constants without a meaning.'),
  pivot_limit: integer(
    { min: 1, max: 100_000, defaultValue: 100_000 },
    'Columns that a PIVOT may have at most.',
  ),
} as const satisfies Record<string, Setting<unknown>>;

/** Properties that are settings of DuckDB: their names there, and where they are set. */
export const DUCKDB_SETTINGS = {
  time_zone: { setting: 'TimeZone', isForRunning: true },
  calendar: { setting: 'Calendar', isForRunning: true },
  // Functions such as list_sort go by them.
  default_null_order: { setting: 'default_null_order', isForRunning: true },
  default_order: { setting: 'default_order', isForRunning: true },
  ieee_floating_point_ops: { setting: 'ieee_floating_point_ops', isForRunning: true },
  // Of no meaning once a statement is bound.
  default_collation: { setting: 'default_collation', isForRunning: false },
  integer_division: { setting: 'integer_division', isForRunning: false },
  order_by_non_integer_literal: { setting: 'order_by_non_integer_literal', isForRunning: false },
  pivot_limit: { setting: 'pivot_limit', isForRunning: false },
} as const satisfies Partial<
  Record<
    keyof typeof SESSION_PROPERTIES,
    { readonly setting: string; readonly isForRunning: boolean }
  >
>;

/** The property that a statement means by SET: names of DuckDB's settings are understood too, in any case. */
export function propertyNamed(name: string): string {
  const lower = name.toLowerCase();
  for (const [property, { setting }] of Object.entries(DUCKDB_SETTINGS)) {
    if (setting.toLowerCase() === lower) return property;
  }
  return lower;
}

/**
 * DuckDB's settings of a session: `planning` for binding its statements, `running` where its plans run. Defaults are
 * left out, but for the time zone.
 */
export function duckdbSettings(
  properties: SessionProperties,
  use: 'planning' | 'running',
): Readonly<Record<string, string>> {
  const settings: Record<string, string> = {};
  for (const [name, { setting, isForRunning }] of Object.entries(DUCKDB_SETTINGS)) {
    const property = name as keyof typeof DUCKDB_SETTINGS;
    const value = properties[property];
    const isSet = property === 'time_zone' || value !== SESSION_PROPERTIES[property].defaultValue;
    if (isSet && (isForRunning || use === 'planning')) settings[setting] = String(value);
  }
  return settings;
}

export type SessionPropertyName = keyof typeof SESSION_PROPERTIES;

export type SessionProperties = {
  readonly [Name in SessionPropertyName]: (typeof SESSION_PROPERTIES)[Name]['defaultValue'];
};

/** All properties: the given texts parsed, the others at their defaults. Later maps win. */
export function parseSessionProperties(
  ...layers: readonly Readonly<Record<string, string>>[]
): SessionProperties {
  const values: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(SESSION_PROPERTIES))
    values[name] = property.defaultValue;
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer))) {
    values[name] = parseProperty(name, value);
  }
  return values as SessionProperties;
}

function parseProperty(name: string, value: string): unknown {
  if (!Object.hasOwn(SESSION_PROPERTIES, name)) {
    const known = Object.keys(SESSION_PROPERTIES).join(', ');
    throw new EngineError(
      'INVALID_SESSION_PROPERTY',
      `unknown session property ${name}; known: ${known}`,
      {
        details: { property: name },
      },
    );
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

/**
 * The registry of session properties: everything a client may set for its queries. Values arrive as text
 * (`session_properties` of SubmitQuery, `--set`); an unknown name or a bad value is INVALID_SESSION_PROPERTY.
 */
import { EngineError } from './error.ts';
import { bytes, choice, duration, integer, text, type Setting } from './setting.ts';

export const SESSION_PROPERTIES = {
  distribution: choice(['auto', 'always', 'never'], {
    doc: 'Whether a query is cut into stages: auto decides by distribution_threshold.',
  }),
  distribution_threshold: bytes(
    '64MiB',
    'With distribution=auto, smaller estimated input runs as one fragment.',
  ),
  scheduling: choice(['pipelined'], { doc: 'The scheduling discipline.' }),
  execution_policy: choice(['all-at-once'], { doc: 'Which stages start when.' }),
  retry_policy: choice(['none'], { doc: 'What a failure retries.' }),
  query_max_run_time: duration('1h', 'The query fails with QUERY_TIMEOUT when it runs longer.'),
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
    '32MiB',
    'The build side of a join up to this estimated size is broadcast.',
  ),
  colocated_execution: choice(['on', 'off'], {
    doc: 'Whether joins, aggregations and windows on a key by which files lie apart run without exchange.',
  }),
  split_target_bytes: bytes('32MiB', 'Row groups are joined to splits of up to this size.'),
  result_replay_bytes: bytes('32MiB', 'How far behind the last page sent a result can be resumed.'),
  time_zone: text('UTC', 'The TimeZone of the session, as DuckDB names it.'),
} as const satisfies Record<string, Setting<unknown>>;

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

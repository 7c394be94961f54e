/**
 * The registry of configuration keys. Each can be given in the YAML file (`key: value`), in the environment
 * (`SKEIN_KEY`) and as a flag (`--key-with-dashes value`); a flag beats the environment beats the file. An unknown
 * key, or one of another role, is an error.
 */
import {
  bytes,
  choice,
  duration,
  flag,
  integer,
  location,
  names,
  optionalText,
  pairs,
  text,
  type Setting,
} from '../setting.ts';

export type Role = 'gateway' | 'coordinator' | 'planner' | 'worker';

export interface ConfigKey<T> extends Setting<T> {
  readonly roles: readonly Role[];
}

const ALL: readonly Role[] = ['gateway', 'coordinator', 'planner', 'worker'];
const SERVERS: readonly Role[] = ['gateway', 'coordinator', 'worker'];
/** Planners read what tables are made of, workers read them; a coordinator tells its planners how. */
const DATA_READERS: readonly Role[] = ['coordinator', 'planner', 'worker'];
const PORT = { min: 0, max: 65_535 };

export const CONFIG_KEYS = {
  log_level: of(
    ALL,
    choice(['info', 'trace', 'debug', 'warn', 'error', 'silent'], {
      doc: 'Least level of log lines.',
    }),
  ),
  host: of(SERVERS, text('127.0.0.1', 'Address that the gRPC server listens on.')),
  advertised_host: of(
    ['worker'],
    optionalText('Host by which others reach this worker; empty = host.'),
  ),
  tls_certificate_file: of(
    ALL,
    optionalText('PEM certificate of this process; empty = plain text.'),
  ),
  tls_key_file: of(ALL, optionalText('PEM key of the certificate.')),
  tls_ca_file: of(ALL, optionalText('PEM certificates that peers must be signed by (mutual TLS).')),

  gateway_port: of(
    ['gateway'],
    integer({ ...PORT, defaultValue: 7440 }, 'gRPC port of the gateway; 0 = a free one.'),
  ),
  session_secret: of(
    ['gateway'],
    optionalText('Key that signs client sessions; the same on all gateways. Empty = random.'),
  ),
  client_disconnect_grace: of(
    ['gateway'],
    duration('10s', 'A query whose client hung up in the middle of its result ends after so long.'),
  ),
  session_defaults: of(
    ['gateway'],
    pairs(
      'Session properties that hold unless a client sets them: name=value, separated by commas.',
    ),
  ),
  result_buffer: of(
    ['gateway'],
    bytes('16MiB', 'Pages that a gateway holds for one result stream.'),
  ),

  coordinator_port: of(
    ['coordinator'],
    integer({ ...PORT, defaultValue: 7441 }, 'gRPC port of the coordinator; 0 = a free one.'),
  ),
  coordinator_address: of(
    ['gateway', 'worker'],
    text('127.0.0.1:7441', 'host:port of the coordinator.'),
  ),
  max_running_queries: of(
    ['coordinator'],
    integer({ min: 1, max: 100_000, defaultValue: 100 }, 'Queries that run at once.'),
  ),
  max_queued_queries: of(
    ['coordinator'],
    integer(
      { min: 0, max: 1_000_000, defaultValue: 1000 },
      'Queries that wait; further ones are QUERY_QUEUE_FULL.',
    ),
  ),
  resource_groups_file: of(
    ['coordinator'],
    optionalText(
      'YAML file of resource groups, read again when it changes; empty = one group with the two limits above.',
    ),
  ),
  query_client_timeout: of(
    ['coordinator'],
    duration('5m', 'A query that no client asks about for so long is QUERY_ABANDONED.'),
  ),
  finished_query_max_age: of(
    ['coordinator'],
    duration('15m', 'How long an ended query is remembered.'),
  ),
  finished_query_max_count: of(
    ['coordinator'],
    integer({ min: 0, max: 100_000, defaultValue: 100 }, 'How many ended queries are remembered.'),
  ),
  heartbeat_interval: of(
    ['coordinator'],
    duration('500ms', 'How often a worker reports that it lives.'),
  ),
  // Processes that end are known at once: this is for machines that hang, and a busy one must not look like that.
  heartbeat_timeout: of(['coordinator'], duration('15s', 'A worker silent for so long is lost.')),
  worker_reconnect_grace: of(
    ['coordinator'],
    duration(
      '500ms',
      'How long a broken control stream may take to come back before the worker is lost.',
    ),
  ),
  kernel_recording_directory: of(
    ['coordinator'],
    optionalText('Where (event → effects) recordings of queries are written; empty = none.'),
  ),
  planner_processes: of(
    ['coordinator'],
    integer({ min: 1, max: 64, defaultValue: 1 }, 'Planner child processes.'),
  ),
  planner_timeout: of(['coordinator'], duration('30s', 'Planning a statement may take so long.')),
  planner_memory_limit: of(
    ['coordinator'],
    bytes('2GiB', 'Resident memory of a planner process, enforced by killing it.'),
  ),

  catalog: of(
    ['coordinator', 'planner', 'worker'],
    optionalText(
      'Catalog directories or s3://BUCKET/PREFIX: DIR or NAME=DIR, separated by commas; the DIR without a name is the default catalog.',
    ),
  ),
  duckdb_extensions: of(
    DATA_READERS,
    optionalText(
      'Files of DuckDB extensions that are loaded at start, separated by commas; s3:// needs httpfs.',
    ),
  ),
  s3_endpoint: of(DATA_READERS, optionalText('host:port of the object store; empty = AWS.')),
  s3_region: of(DATA_READERS, text('us-east-1', 'Region of the object store.')),
  s3_key_id: of(DATA_READERS, optionalText('Access key of the object store; empty = anonymous.')),
  s3_secret: of(
    DATA_READERS,
    optionalText('Secret of the access key. Rather an environment variable or s3_secret_file.'),
  ),
  s3_secret_file: of(DATA_READERS, optionalText('File that holds the secret of the access key.')),
  s3_session_token: of(DATA_READERS, optionalText('Token of a temporary access key.')),
  s3_url_style: of(
    DATA_READERS,
    choice(['vhost', 'path'], { doc: 'Whether buckets are part of the host or of the path.' }),
  ),
  s3_use_ssl: of(DATA_READERS, flag(true, 'Whether the object store is spoken to over TLS.')),
  planner_listen: of(
    ['planner'],
    text('127.0.0.1:0', 'host:port or unix:PATH that a planner listens on.'),
  ),

  worker_port: of(
    ['worker'],
    integer({ ...PORT, defaultValue: 7442 }, 'gRPC port of the worker; 0 = a free one.'),
  ),
  node_id: of(
    ['worker'],
    optionalText(
      'Name of this cluster member, [A-Za-z0-9_-]{1,64}; empty = made of host and port.',
    ),
  ),
  node_labels: of(['worker'], names('What this worker is or has, for required_labels of queries.')),
  node_location: of(
    ['worker'],
    location('Where this worker is, from the widest segment to the narrowest (eu/rack-7).'),
  ),
  cores: of(
    ['worker'],
    integer(
      { min: 0, max: 1024, defaultValue: 0 },
      'Cores that this worker uses; 0 = its share of the machine.',
    ),
  ),
  workers_on_machine: of(
    ['worker'],
    integer(
      { min: 1, max: 1024, defaultValue: 1 },
      'Workers that share this machine: each takes its part of cores and memory by default.',
    ),
  ),
  task_concurrency: of(
    ['worker'],
    integer(
      { min: 0, max: 64, defaultValue: 0 },
      'Slots, and tasks of a stage; 0 = min(4, cores).',
    ),
  ),
  worker_memory_limit: of(
    ['worker'],
    bytes('0', 'Memory for slots and pages; 0 = 70 % of the machine or container.'),
  ),
  page_memory_limit: of(
    ['worker'],
    bytes(
      '0',
      'Memory for pages in output buffers and input queues; 0 = a quarter of worker_memory_limit.',
    ),
  ),
  spill_directory: of(
    ['worker'],
    optionalText('Where tasks spill; empty = the temporary directory of the system.'),
  ),
  spill_limit: of(
    ['worker'],
    bytes(
      '64GiB',
      'Disk that pages may take: inputs that do not fit into memory, and stored outputs. As much again for DuckDB in all slots.',
    ),
  ),
  task_client_timeout: of(
    ['worker'],
    duration('2m', 'Without contact to the coordinator for so long, tasks end as TASK_ABANDONED.'),
  ),
} as const satisfies Record<string, ConfigKey<unknown>>;

export type ConfigKeyName = keyof typeof CONFIG_KEYS;

/** Values of all keys, by name; a role reads its own. */
export type ConfigValues = {
  readonly [Name in ConfigKeyName]: (typeof CONFIG_KEYS)[Name]['defaultValue'];
};

function of<T>(roles: readonly Role[], setting: Setting<T>): ConfigKey<T> {
  return { ...setting, roles };
}

import type { ConfigValues } from '../common/config/config-keys.ts';
import { loadRoleConfig } from '../common/config/load-role-config.ts';
import { dataAccessValues } from '../common/config/object-store.ts';
import { type TlsFiles, tlsFiles } from '../common/config/tls-files.ts';
import { EngineError } from '../common/error.ts';
import type { RootLimits } from './admission/resource-group-tree.ts';

export interface CoordinatorConfig {
  readonly host: string;
  /** 0 = a free one. */
  readonly port: number;
  readonly queries: {
    readonly clientTimeoutMs: number;
    readonly finishedQueryMaxAgeMs: number;
    readonly finishedQueryMaxCount: number;
  };
  readonly admission: {
    /** Empty = one group with the limits of the root. */
    readonly resourceGroupsFile: string;
    readonly rootLimits: RootLimits;
  };
  readonly workers: {
    readonly heartbeatIntervalMs: number;
    readonly heartbeatTimeoutMs: number;
    readonly reconnectGraceMs: number;
  };
  readonly planner: {
    readonly processCount: number;
    readonly timeoutMs: number;
    /** 0 = no limit. */
    readonly memoryLimitBytes: number;
    /** `DIR` or `NAME=DIR`, separated by commas. */
    readonly catalog: string;
    /** Configuration keys by which planners reach data, with their values. */
    readonly dataAccess: Readonly<Record<string, string>>;
  };
  /** Empty = no recordings. */
  readonly recordingDirectory: string;
  readonly tls: TlsFiles | undefined;
  readonly logLevel: string;
}

export function coordinatorConfigFromProcess(): CoordinatorConfig {
  return coordinatorConfig(loadRoleConfig('coordinator', process.argv.slice(2), process.env));
}

/** @throws EngineError INVALID_CONFIGURATION when values do not fit together */
export function coordinatorConfig(values: ConfigValues): CoordinatorConfig {
  if (values.heartbeat_timeout < 2 * values.heartbeat_interval) {
    throw new EngineError(
      'INVALID_CONFIGURATION',
      `heartbeat_timeout (${values.heartbeat_timeout} ms) must be at least twice heartbeat_interval ` +
        `(${values.heartbeat_interval} ms): one late heartbeat is no loss`,
      { details: { key: 'heartbeat_timeout' } },
    );
  }
  return Object.freeze({
    host: values.host,
    port: values.coordinator_port,
    queries: {
      clientTimeoutMs: values.query_client_timeout,
      finishedQueryMaxAgeMs: values.finished_query_max_age,
      finishedQueryMaxCount: values.finished_query_max_count,
    },
    admission: {
      resourceGroupsFile: values.resource_groups_file,
      rootLimits: {
        maxRunningQueries: values.max_running_queries,
        maxQueuedQueries: values.max_queued_queries,
      },
    },
    workers: {
      heartbeatIntervalMs: values.heartbeat_interval,
      heartbeatTimeoutMs: values.heartbeat_timeout,
      reconnectGraceMs: values.worker_reconnect_grace,
    },
    planner: {
      processCount: values.planner_processes,
      timeoutMs: values.planner_timeout,
      memoryLimitBytes: values.planner_memory_limit,
      catalog: values.catalog,
      dataAccess: dataAccessValues(values),
    },
    recordingDirectory: values.kernel_recording_directory,
    tls: tlsFiles(values),
    logLevel: values.log_level,
  });
}

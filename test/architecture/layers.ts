/**
 * The one table of the architecture: where in `services/` which layer lives.
 *
 * - `pure`: data in, data out. No node modules, no clock, no timers, no randomness, no environment.
 * - `local`: asynchronous but in memory; Clock, AbortSignal and ports are injected.
 * - `io`: sockets, DuckDB, files, processes.
 *
 * Imports go io → local → pure, never back. The longest matching path decides, so a file may differ from its
 * folder. A path without an entry fails the import rules: decide where it belongs, then write it down here.
 */
export type Layer = 'pure' | 'local' | 'io';

export const LAYERS: Readonly<Record<string, Layer>> = {
  // Files directly in services/common and the folders below it.
  'common/assert.ts': 'pure',
  'common/bounded-queue.ts': 'pure',
  'common/clock.ts': 'pure',
  'common/compare-text.ts': 'pure',
  'common/doorbell.ts': 'local',
  'common/error.ts': 'pure',
  'common/ids.ts': 'pure',
  'common/logger.ts': 'pure',
  'common/hash-text.ts': 'pure',
  'common/path-changes.ts': 'pure',
  'common/local-path-changes.ts': 'io',
  'common/random.ts': 'pure',
  'common/session-properties.ts': 'pure',
  'common/session-state.ts': 'pure',
  'common/setting.ts': 'pure',
  'common/system-clock.ts': 'io',
  'common/version.ts': 'pure',
  'common/config': 'pure',
  'common/config/load-role-config.ts': 'io',
  'common/config/object-store.ts': 'io',
  'common/dynamic-filter': 'pure',
  'common/plan': 'pure',
  'common/sharing': 'pure',
  'common/page': 'pure',
  'common/system': 'pure',
  'common/task': 'pure',
  'common/exchange': 'local',
  'common/duckdb': 'io',
  'common/process': 'io',
  'common/rpc': 'io',

  'gateway/main.ts': 'io',
  'gateway/config.ts': 'io',
  'gateway/auth': 'local',
  'gateway/result': 'local',
  'gateway/session': 'io',
  'gateway/rpc': 'io',
  'gateway/flight': 'io',
  'gateway/http': 'io',

  'planner/main.ts': 'io',
  'planner/config.ts': 'io',
  'planner/planning': 'local',
  'planner/catalog': 'local',
  'planner/catalog/node-file-tree.ts': 'io',
  'planner/duckdb': 'io',
  'planner/rpc': 'io',
  'planner/import': 'pure',
  'planner/statement': 'pure',
  'planner/parameters': 'pure',
  'planner/logical': 'pure',
  'planner/distribution': 'pure',
  'planner/fragment': 'pure',
  'planner/explain': 'pure',

  'coordinator/main.ts': 'io',
  'coordinator/config.ts': 'io',
  'coordinator/planner': 'io',
  'coordinator/split-source': 'local',
  'coordinator/explain': 'pure',
  'coordinator/system': 'local',
  'coordinator/scheduler': 'pure',
  'coordinator/cluster': 'pure',
  'coordinator/admission': 'pure',
  'coordinator/admission/query-admission.ts': 'local',
  'coordinator/admission/resource-groups-file.ts': 'io',
  'coordinator/runtime': 'local',
  'coordinator/query': 'local',
  'coordinator/query/may-change-session.ts': 'pure',
  'coordinator/log': 'io',
  'coordinator/rpc': 'io',

  'worker/main.ts': 'io',
  'worker/config.ts': 'io',
  'worker/task': 'local',
  'worker/task/slot-turns.ts': 'pure',
  'worker/task/task-state.ts': 'pure',
  'worker/memory': 'local',
  'worker/input': 'local',
  'worker/output': 'local',
  'worker/output/output-buffer-state.ts': 'pure',
  'worker/spill': 'io',
  'worker/spool': 'io',
  'worker/duckdb': 'io',
  'worker/rpc': 'io',

  cli: 'io',
  'cli/format': 'local',
};

/** Files that are alternatives of one decision: none of them knows another. What they share lies beside them. */
export const POLICIES: Readonly<Record<string, readonly string[]>> = {
  'coordinator/scheduler/execution-policy': [
    'all-at-once.ts',
    'phased.ts',
    'legacy-phased.ts',
    'event-driven.ts',
    'stage-barrier.ts',
    'pipelined-region.ts',
  ],
  'coordinator/scheduler/stage-scheduler': [
    'source-partitioned.ts',
    'fixed-source-partitioned.ts',
    'fixed-count.ts',
    'multi-source.ts',
    'scaled-writer.ts',
  ],
  'coordinator/scheduler/recovery': [
    'fail-query.ts',
    'retry-query.ts',
    'retry-task.ts',
    'resubmit-stage.ts',
    'restart-region.ts',
  ],
};

/** Packages that compute and nothing else, and so are open to pure code. */
export const PURE_PACKAGES: readonly string[] = ['apache-arrow', 'flatbuffers'];

/** Layer of a path relative to `services/`; undefined when the table does not know it. */
export function layerOf(path: string): Layer | undefined {
  const segments = path.split('/');
  for (let length = segments.length; length > 0; length--) {
    const layer = LAYERS[segments.slice(0, length).join('/')];
    if (layer !== undefined) return layer;
  }
  return undefined;
}

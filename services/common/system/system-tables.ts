/**
 * The catalog `system`: what the cluster knows of itself, as tables. This is the only list of their columns; planner,
 * worker and coordinator follow it. Only extended, at the end of a table.
 *
 * Units are in the names; what the counts mean says services/common/task/task-status.ts. States are in capitals.
 */
import type { Cell, CellColumn, CellTypeId } from '../page/row-pages.ts';

export const SYSTEM_CATALOG = 'system';

const COLUMN_TYPES = {
  /** Queries that run, wait or are remembered; a principal's own. */
  queries: {
    query_id: 'VARCHAR',
    state: 'VARCHAR',
    principal: 'VARCHAR',
    sql: 'VARCHAR',
    rung: 'VARCHAR',
    rung_reason: 'VARCHAR',
    error_code: 'VARCHAR',
    error_message: 'VARCHAR',
    blocked_reason: 'VARCHAR',
    create_time: 'TIMESTAMP WITH TIME ZONE',
    end_time: 'TIMESTAMP WITH TIME ZONE',
    elapsed_ms: 'DOUBLE',
    queued_ms: 'DOUBLE',
    planning_ms: 'DOUBLE',
    stages: 'BIGINT',
    tasks: 'BIGINT',
    splits: 'BIGINT',
    completed_splits: 'BIGINT',
    scanned_rows: 'BIGINT',
    scanned_bytes: 'BIGINT',
    output_rows: 'BIGINT',
    output_bytes: 'BIGINT',
    exchanged_bytes: 'BIGINT',
    cpu_ms: 'DOUBLE',
    peak_memory_bytes: 'BIGINT',
    spilled_bytes: 'BIGINT',
    stored_bytes: 'BIGINT',
    resource_group: 'VARCHAR',
    waits_in_group: 'VARCHAR',
    waits_for: 'VARCHAR',
  },
  /** Stages of those queries. */
  stages: {
    query_id: 'VARCHAR',
    stage_id: 'BIGINT',
    state: 'VARCHAR',
    partitioning: 'VARCHAR',
    blocked_reason: 'VARCHAR',
    blocked_on: 'VARCHAR',
    start_time: 'TIMESTAMP WITH TIME ZONE',
    start_reason: 'VARCHAR',
    end_time: 'TIMESTAMP WITH TIME ZONE',
    tasks: 'BIGINT',
    completed_tasks: 'BIGINT',
    splits: 'BIGINT',
    completed_splits: 'BIGINT',
    estimated_rows: 'DOUBLE',
    input_rows: 'BIGINT',
    input_bytes: 'BIGINT',
    scanned_rows: 'BIGINT',
    scanned_bytes: 'BIGINT',
    output_rows: 'BIGINT',
    output_bytes: 'BIGINT',
    cpu_ms: 'DOUBLE',
    busy_ms: 'DOUBLE',
    wall_ms: 'DOUBLE',
    blocked_ms: 'DOUBLE',
    peak_memory_bytes: 'BIGINT',
    spilled_bytes: 'BIGINT',
    stored_bytes: 'BIGINT',
  },
  /** Tasks of those stages. */
  tasks: {
    query_id: 'VARCHAR',
    stage_id: 'BIGINT',
    task_id: 'BIGINT',
    attempt: 'BIGINT',
    node_id: 'VARCHAR',
    state: 'VARCHAR',
    blocked_reason: 'VARCHAR',
    blocked_on: 'VARCHAR',
    create_time: 'TIMESTAMP WITH TIME ZONE',
    splits: 'BIGINT',
    completed_splits: 'BIGINT',
    input_rows: 'BIGINT',
    input_bytes: 'BIGINT',
    scanned_rows: 'BIGINT',
    scanned_bytes: 'BIGINT',
    output_rows: 'BIGINT',
    output_bytes: 'BIGINT',
    cpu_ms: 'DOUBLE',
    busy_ms: 'DOUBLE',
    wall_ms: 'DOUBLE',
    blocked_ms: 'DOUBLE',
    memory_bytes: 'BIGINT',
    peak_memory_bytes: 'BIGINT',
    spilled_bytes: 'BIGINT',
    stored_bytes: 'BIGINT',
  },
  /** The coordinator and the workers it knows. */
  nodes: {
    node_id: 'VARCHAR',
    role: 'VARCHAR',
    state: 'VARCHAR',
    address: 'VARCHAR',
    version: 'VARCHAR',
    cores: 'BIGINT',
    memory_bytes: 'BIGINT',
    running_tasks: 'BIGINT',
    join_time: 'TIMESTAMP WITH TIME ZONE',
    heartbeat_time: 'TIMESTAMP WITH TIME ZONE',
    page_memory_bytes: 'BIGINT',
    slot_memory_bytes: 'BIGINT',
  },
  /** Resource groups; `file_error` stands at the root: why the file, as it is now, is not what holds. */
  resource_groups: {
    resource_group: 'VARCHAR',
    policy: 'VARCHAR',
    weight: 'BIGINT',
    min_share: 'BIGINT',
    priority: 'BIGINT',
    running: 'BIGINT',
    queued: 'BIGINT',
    memory_bytes: 'BIGINT',
    cpu_ms: 'DOUBLE',
    hard_concurrency: 'BIGINT',
    soft_concurrency: 'BIGINT',
    max_queued: 'BIGINT',
    soft_memory_bytes: 'BIGINT',
    hard_memory_bytes: 'BIGINT',
    soft_cpu_ms: 'DOUBLE',
    hard_cpu_ms: 'DOUBLE',
    file_error: 'VARCHAR',
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, CellTypeId>>>>;

export type SystemTableName = keyof typeof COLUMN_TYPES;

/** A row by its columns' names. */
export type SystemRow<Table extends SystemTableName> = Readonly<
  Record<keyof (typeof COLUMN_TYPES)[Table], Cell>
>;

export const SYSTEM_TABLE_NAMES = Object.keys(
  COLUMN_TYPES,
).toSorted() as readonly SystemTableName[];

export function systemColumns(table: SystemTableName): readonly CellColumn[] {
  return Object.entries(COLUMN_TYPES[table]).map(([name, id]) => ({ name, type: { id } }));
}

/** The table of this name, in any case. */
export function findSystemTable(name: string): SystemTableName | undefined {
  return SYSTEM_TABLE_NAMES.find((table) => table === name.toLowerCase());
}

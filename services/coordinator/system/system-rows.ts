/** A snapshot as the rows of the catalog's tables. */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Cell } from '../../common/page/row-pages.ts';
import { COORDINATOR_NODE_ID } from '../../common/system/coordinator-location.ts';
import {
  systemColumns,
  type SystemRow,
  type SystemTableName,
} from '../../common/system/system-tables.ts';
import type { BlockedTimes, TaskStats } from '../../common/task/task-status.ts';
import { VERSION } from '../../common/version.ts';
import type { GroupDescription } from '../admission/group-description.ts';
import type { MemberDescription } from '../cluster/cluster-state.ts';
import type {
  StageDescription,
  StageDetail,
  TaskDescription,
} from '../scheduler/query-description.ts';
import type { WaitTargets } from '../scheduler/waits.ts';
import type { ClusterSnapshot, CoordinatorDescription, QuerySnapshot } from './cluster-snapshot.ts';

/** The rows of a table, cells in the order of its columns. */
export function systemRows(
  snapshot: ClusterSnapshot,
  table: SystemTableName,
): readonly (readonly Cell[])[] {
  const names = systemColumns(table).map(({ name }) => name);
  return namedRows(snapshot, table).map((row) => names.map((name) => row[name] ?? null));
}

function namedRows(
  snapshot: ClusterSnapshot,
  table: SystemTableName,
): readonly Readonly<Record<string, Cell>>[] {
  const { queries, coordinator, workers, resourceGroups } = snapshot;
  switch (table) {
    case 'queries':
      return queries.map(queryRow);
    case 'stages':
      return queries.flatMap((query) => query.stages.map((stage) => stageRow(query, stage)));
    case 'tasks':
      return queries.flatMap(({ stages }) => stages.flatMap(({ tasks }) => tasks.map(taskRow)));
    case 'nodes':
      return [coordinatorRow(coordinator), ...workers.map(workerRow)];
    case 'resource_groups':
      return resourceGroups.groups.map((group, index) =>
        resourceGroupRow(group, index === 0 ? resourceGroups.fileError : undefined),
      );
    default:
      return assertNever(table);
  }
}

function queryRow({ report }: QuerySnapshot): SystemRow<'queries'> {
  const { stages } = report;
  const total = (of: (stage: StageDescription) => number): number =>
    stages.reduce((sum, stage) => sum + of(stage), 0);
  const result = stages.at(-1)?.stats;
  return {
    query_id: report.queryId,
    state: stateText(report.phase),
    principal: report.principal.name,
    sql: report.sql,
    rung: textOrNull(report.rung),
    rung_reason: textOrNull(report.rungReason),
    error_code: report.error?.code ?? null,
    error_message: report.error?.message ?? null,
    blocked_reason: textOrNull(report.blockedReason),
    create_time: report.createdAt,
    end_time: report.endedAt ?? null,
    elapsed_ms: report.elapsedMs,
    queued_ms: report.queuedMs,
    planning_ms: report.planningMs,
    stages: stages.length,
    tasks: total(({ taskCount }) => taskCount),
    splits: total(({ splitCount }) => splitCount),
    completed_splits: total(({ stats }) => stats.splitsCompleted),
    scanned_rows: total(({ stats }) => stats.scannedRows),
    scanned_bytes: total(({ stats }) => stats.scannedBytes),
    output_rows: result?.outputRows ?? 0,
    output_bytes: result?.outputBytes ?? 0,
    exchanged_bytes: total(({ stats }) => stats.outputBytes) - (result?.outputBytes ?? 0),
    cpu_ms: total(({ stats }) => stats.cpuMs),
    peak_memory_bytes: report.peakMemoryBytes,
    spilled_bytes: total(({ stats }) => stats.spilledBytes),
    stored_bytes: total(({ stats }) => stats.storedBytes),
    resource_group: textOrNull(report.resourceGroup),
    waits_in_group: report.admissionWait?.group ?? null,
    waits_for: report.admissionWait?.factor ?? null,
  };
}

function resourceGroupRow(
  { path, running, queued, memoryBytes, cpuMs, terms }: GroupDescription,
  fileError: ErrorReport | undefined,
): SystemRow<'resource_groups'> {
  return {
    resource_group: path,
    policy: terms.policy,
    weight: terms.weight,
    min_share: terms.minShare,
    priority: terms.priority,
    running,
    queued,
    memory_bytes: memoryBytes,
    cpu_ms: cpuMs,
    hard_concurrency: terms.hardConcurrency,
    soft_concurrency: terms.softConcurrency,
    max_queued: terms.maxQueued,
    soft_memory_bytes: terms.softMemoryBytes,
    hard_memory_bytes: terms.hardMemoryBytes,
    soft_cpu_ms: terms.softCpuMs,
    hard_cpu_ms: terms.hardCpuMs,
    file_error: fileError?.message ?? null,
  };
}

function stageRow({ report }: QuerySnapshot, stage: StageDetail): SystemRow<'stages'> {
  return {
    query_id: report.queryId,
    stage_id: stage.stageId,
    state: stateText(stage.state),
    partitioning: stage.partitioning,
    blocked_reason: reasonOrNull(stage.blockedReason),
    blocked_on: targetsText(stage.waitsFor),
    start_time: stage.startedAt,
    start_reason: stage.startReason,
    end_time: stage.endedAt,
    tasks: stage.taskCount,
    completed_tasks: stage.completedTaskCount,
    splits: stage.splitCount,
    completed_splits: stage.stats.splitsCompleted,
    estimated_rows: stage.estimatedRows,
    ...measures(stage.stats),
  };
}

function taskRow(task: TaskDescription): SystemRow<'tasks'> {
  const { queryId, stageId, partitionId, attempt } = task.taskId;
  return {
    query_id: queryId,
    stage_id: stageId,
    task_id: partitionId,
    attempt,
    node_id: task.nodeId,
    state: stateText(task.state),
    blocked_reason: reasonOrNull(task.blockedReason),
    blocked_on: targetsText(task.waitsFor),
    create_time: task.createdAt,
    splits: task.splitCount,
    completed_splits: task.stats.splitsCompleted,
    memory_bytes: task.stats.memoryBytes,
    ...measures(task.stats),
  };
}

function measures(stats: TaskStats) {
  return {
    input_rows: stats.inputRows,
    input_bytes: stats.inputBytes,
    scanned_rows: stats.scannedRows,
    scanned_bytes: stats.scannedBytes,
    output_rows: stats.outputRows,
    output_bytes: stats.outputBytes,
    cpu_ms: stats.cpuMs,
    busy_ms: stats.busyMs,
    wall_ms: stats.wallMs,
    blocked_ms: totalOf(stats.blockedMs),
    peak_memory_bytes: stats.peakMemoryBytes,
    spilled_bytes: stats.spilledBytes,
    stored_bytes: stats.storedBytes,
  };
}

function totalOf(blocked: BlockedTimes): number {
  return Object.values(blocked).reduce((sum, waitedMs) => sum + waitedMs, 0);
}

function coordinatorRow(self: CoordinatorDescription): SystemRow<'nodes'> {
  return {
    node_id: COORDINATOR_NODE_ID,
    role: 'COORDINATOR',
    state: 'ACTIVE',
    address: self.address,
    version: VERSION,
    cores: self.cores,
    memory_bytes: self.memoryBytes,
    running_tasks: 0,
    join_time: self.startedAt,
    heartbeat_time: self.now,
    page_memory_bytes: 0,
    slot_memory_bytes: 0,
  };
}

function workerRow(member: MemberDescription): SystemRow<'nodes'> {
  return {
    node_id: member.node.nodeId,
    role: 'WORKER',
    // Out of reach at the moment: no query is given to it.
    state: stateText(member.state === 'reconnecting' ? 'lost' : member.state),
    address: member.node.address,
    version: member.version,
    cores: member.node.cores,
    memory_bytes: member.memoryBytes,
    running_tasks: member.load.runningTasks,
    join_time: member.joinedAt,
    heartbeat_time: member.heardAt,
    page_memory_bytes: member.load.pageMemoryBytes,
    slot_memory_bytes: member.load.slotMemoryBytes,
  };
}

function stateText(state: string): string {
  return state.toUpperCase().replaceAll('-', '_');
}

function textOrNull(text: string): string | null {
  return text === '' ? null : text;
}

/** `stages 1, 2; tasks 0.3.0; nodes worker-1; sources 7`; null when it waits for nobody. */
function targetsText({ stages, tasks, nodes, sources }: WaitTargets): string | null {
  const named = {
    stages,
    tasks: tasks.map((id) => `${id.stageId}.${id.partitionId}.${id.attempt}`),
    nodes,
    sources,
  };
  const parts = Object.entries(named).flatMap(([name, ids]) =>
    ids.length === 0 ? [] : `${name} ${ids.join(', ')}`,
  );
  return textOrNull(parts.join('; '));
}

function reasonOrNull(reason: string): string | null {
  return reason === 'none' ? null : reason;
}

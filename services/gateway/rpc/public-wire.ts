/** What the coordinator says of queries, nodes and tables → what skein.v1 says of them. */
import type { Duration } from '../../../proto/gen/google/protobuf/duration.ts';
import type { ErrorReport as InternalError } from '../../../proto/gen/skein/internal/v1/error.ts';
import type { TableDescription } from '../../../proto/gen/skein/internal/v1/planner.ts';
import type {
  NodeDescription,
  QueryInfo,
  StageInfo,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import type { Table } from '../../../proto/gen/skein/v1/catalog.ts';
import { type Node, NodeRole, NodeState } from '../../../proto/gen/skein/v1/cluster.ts';
import {
  type Error as PublicError,
  ErrorType,
  type Query,
  type QueryProgress,
} from '../../../proto/gen/skein/v1/query.ts';
import { ERROR_POLICIES, type ErrorType as ErrorTypeName } from '../../common/error.ts';
import {
  publicAdmissionWait,
  publicTaskWait,
  publicWait,
  publicWaitReason,
} from './public-wait.ts';
import { errorReportFromWire } from '../../common/rpc/error-wire.ts';

/** `session`: what the client carries into its next statement. */
export function publicQuery(info: QueryInfo, session: Uint8Array): Query {
  return {
    queryId: info.queryId,
    state: info.state,
    error: info.error === undefined ? undefined : publicError(info.error),
    sql: info.sql,
    session,
    principal: info.principal?.name ?? '',
    progress: publicProgress(info),
    createTime: new Date(info.createTimeMs),
    endTime: info.endTimeMs === undefined ? undefined : new Date(info.endTimeMs),
    rung: info.rung,
    rungReason: info.rungReason,
    resourceGroup: info.resourceGroup,
  };
}

const ERROR_TYPES: Readonly<Record<ErrorTypeName, ErrorType>> = {
  user: ErrorType.ERROR_TYPE_USER,
  internal: ErrorType.ERROR_TYPE_INTERNAL,
  'insufficient-resources': ErrorType.ERROR_TYPE_INSUFFICIENT_RESOURCES,
  external: ErrorType.ERROR_TYPE_EXTERNAL,
};

function publicError(wire: InternalError): PublicError {
  const report = errorReportFromWire(wire, 'query.error');
  const policy = ERROR_POLICIES[report.code];
  return {
    code: report.code,
    message: report.message,
    type: ERROR_TYPES[policy.type],
    position: report.position,
    details: report.details ?? {},
    retryable: policy.retry !== 'never',
  };
}

function publicProgress(info: QueryInfo): QueryProgress {
  const { stages } = info;
  const leaves = stages.filter((stage) => stage.totalSplits > 0);
  const root = stages.at(-1);
  return {
    totalSplits: sum(leaves, (stage) => stage.totalSplits),
    completedSplits: sum(leaves, (stage) => stage.completedSplits),
    inputRows: bigSum(stages, (stage) => stage.scannedRows),
    inputBytes: bigSum(stages, (stage) => stage.scannedBytes),
    outputRows: root?.outputRows ?? 0n,
    outputBytes: root?.outputBytes ?? 0n,
    exchangeBytes: bigSum(stages.slice(0, -1), (stage) => stage.outputBytes),
    peakMemoryBytes: info.peakMemoryBytes,
    elapsedTime: durationOf(info.elapsedMs),
    cpuTime: durationOf(sum(stages, (stage) => stage.cpuMs)),
    stages: stages.map((stage) => ({
      stage: stage.stage,
      state: stage.state,
      tasks: stage.tasks,
      completedTasks: stage.completedTasks,
      totalSplits: stage.totalSplits,
      completedSplits: stage.completedSplits,
      outputRows: stage.outputRows,
      outputBytes: stage.outputBytes,
      blockedReason: stage.blockedReason,
      wait: publicWait(stage.wait),
      waitingTasks: stage.waitingTasks.map(publicTaskWait),
      prunedRowGroups: stage.prunedRowGroups,
      prunedRows: stage.prunedRows,
      prunedBytes: stage.prunedBytes,
      filteredRows: stage.filteredRows,
    })),
    blockedReason: info.blockedReason,
    waitReason: publicWaitReason(info.blockedReason),
    admissionWait: publicAdmissionWait(info),
  };
}

function sum(stages: readonly StageInfo[], of: (stage: StageInfo) => number): number {
  return stages.reduce((total, stage) => total + of(stage), 0);
}

function bigSum(stages: readonly StageInfo[], of: (stage: StageInfo) => bigint): bigint {
  return stages.reduce((total, stage) => total + of(stage), 0n);
}

function durationOf(milliseconds: number): Duration {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((milliseconds - seconds * 1000) * 1e6) };
}

const NODE_ROLES: Readonly<Record<string, NodeRole>> = {
  coordinator: NodeRole.NODE_ROLE_COORDINATOR,
  worker: NodeRole.NODE_ROLE_WORKER,
};

const NODE_STATES: Readonly<Record<string, NodeState>> = {
  active: NodeState.NODE_STATE_ACTIVE,
  draining: NodeState.NODE_STATE_DRAINING,
  lost: NodeState.NODE_STATE_LOST,
};

export function publicNode(node: NodeDescription): Node {
  return {
    nodeId: node.nodeId,
    role: NODE_ROLES[node.role] ?? NodeRole.NODE_ROLE_UNSPECIFIED,
    state: NODE_STATES[node.state] ?? NodeState.NODE_STATE_UNSPECIFIED,
    address: node.address,
    version: node.version,
    cores: node.cores,
    memoryBytes: node.memoryBytes,
    runningTasks: node.runningTasks,
    joinTime: new Date(node.joinTimeMs),
    heartbeatTime: new Date(node.heartbeatTimeMs),
  };
}

export function publicTable(table: TableDescription): Table {
  return {
    catalog: table.catalog,
    schema: table.schema,
    name: table.name,
    columns: table.columns.map((column) => ({ name: column.name, type: column.type })),
  };
}

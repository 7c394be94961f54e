import type {
  NodeDescription,
  QueryInfo,
  StageInfo,
  Wait,
  WatchResultsResponse,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import {
  QueryState as WireQueryState,
  ResultCommitment as WireCommitment,
} from '../../../proto/gen/skein/internal/v1/query_coordinator.ts';
import { formatTaskId } from '../../common/ids.ts';
import { clipText } from '../../common/rpc/clip-text.ts';
import { columnsToWire } from '../../common/rpc/column-type-wire.ts';
import { errorReportToWire } from '../../common/rpc/error-wire.ts';
import { sessionToWire } from '../../common/rpc/session-wire.ts';
import { outputLocationToWire } from '../../common/rpc/split-wire.ts';
import { enumMapping } from '../../common/rpc/wire-field.ts';
import type { WaitReason } from '../../common/task/wait-reason.ts';
import { COORDINATOR_NODE_ID } from '../../common/system/coordinator-location.ts';
import { VERSION } from '../../common/version.ts';
import type { MemberDescription } from '../cluster/cluster-state.ts';
import type { CoordinatorDescription } from '../system/cluster-snapshot.ts';
import type { QueryPhase, QueryReport, ResultUpdate } from '../query/query-report.ts';
import type { StageDescription } from '../scheduler/query-description.ts';
import type { WaitTargets } from '../scheduler/waits.ts';

const PHASES = enumMapping<QueryPhase, WireQueryState>({
  queued: WireQueryState.QUERY_STATE_QUEUED,
  planning: WireQueryState.QUERY_STATE_PLANNING,
  starting: WireQueryState.QUERY_STATE_STARTING,
  running: WireQueryState.QUERY_STATE_RUNNING,
  finishing: WireQueryState.QUERY_STATE_FINISHING,
  finished: WireQueryState.QUERY_STATE_FINISHED,
  failed: WireQueryState.QUERY_STATE_FAILED,
});

const COMMITMENTS = enumMapping<ResultUpdate['commitment'], WireCommitment>({
  withheld: WireCommitment.RESULT_COMMITMENT_WITHHELD,
  committed: WireCommitment.RESULT_COMMITMENT_COMMITTED,
  superseded: WireCommitment.RESULT_COMMITMENT_SUPERSEDED,
});

/** A statement is as long as a message may be; what tells of it must fit in one, beside other things. */
const MAX_SQL_BYTES = 64 * 1024;

export function queryReportToWire(report: QueryReport): QueryInfo {
  return {
    queryId: report.queryId,
    state: PHASES.toWire(report.phase),
    error: report.error === undefined ? undefined : errorReportToWire(report.error),
    sql: clipText(report.sql, MAX_SQL_BYTES),
    principal: report.principal,
    createTimeMs: report.createdAt,
    endTimeMs: report.endedAt,
    elapsedMs: report.elapsedMs,
    rung: report.rung,
    rungReason: report.rungReason,
    stages: report.stages.map(stageToWire),
    blockedReason: report.blockedReason,
    peakMemoryBytes: BigInt(report.peakMemoryBytes),
    session: report.session === undefined ? undefined : sessionToWire(report.session),
    resourceGroup: report.resourceGroup,
    admissionWaitGroup: report.admissionWait?.group ?? '',
    admissionWaitFactor: report.admissionWait?.factor ?? '',
  };
}

function stageToWire({ stats, pruned, ...stage }: StageDescription): StageInfo {
  return {
    stage: stage.stageId,
    state: stage.state,
    tasks: stage.taskCount,
    completedTasks: stage.completedTaskCount,
    totalSplits: stage.splitCount,
    completedSplits: stats.splitsCompleted,
    inputRows: BigInt(stats.inputRows),
    inputBytes: BigInt(stats.inputBytes),
    scannedRows: BigInt(stats.scannedRows),
    scannedBytes: BigInt(stats.scannedBytes),
    outputRows: BigInt(stats.outputRows),
    outputBytes: BigInt(stats.outputBytes),
    cpuMs: stats.cpuMs,
    peakMemoryBytes: BigInt(stats.peakMemoryBytes),
    blockedReason: stage.blockedReason === 'none' ? '' : stage.blockedReason,
    wait: waitToWire(stage.blockedReason, stage.waitsFor),
    waitingTasks: stage.waitingTasks.map(({ taskId, reason, ...waitsFor }) => ({
      taskId: formatTaskId(taskId),
      wait: waitToWire(reason, waitsFor),
    })),
    prunedRowGroups: BigInt(pruned.rowGroups),
    prunedRows: BigInt(pruned.rows),
    prunedBytes: BigInt(pruned.bytes),
    filteredRows: BigInt(stats.filteredRows),
  };
}

function waitToWire(reason: WaitReason | 'none', waitsFor: WaitTargets): Wait {
  return {
    reason: reason === 'none' ? '' : reason,
    stages: waitsFor.stages,
    tasks: waitsFor.tasks.map(formatTaskId),
    nodes: waitsFor.nodes,
    sources: waitsFor.sources,
  };
}

/** `isFirst`: only the first message of a stream says what does not change. */
export function resultUpdateToWire(update: ResultUpdate, isFirst: boolean): WatchResultsResponse {
  return {
    attempt: update.attempt,
    columns: isFirst ? columnsToWire(update.columns) : [],
    capability: isFirst ? update.capability : new Uint8Array(),
    locations: update.locations.map(({ location, inlinePages }) => ({
      location: outputLocationToWire(location),
      inlinePages: inlinePages ?? [],
      isInline: inlinePages !== undefined,
    })),
    noMoreLocations: update.noMoreLocations,
    commitment: COMMITMENTS.toWire(update.commitment),
    resultReplayBytes: BigInt(update.resultReplayBytes),
    timeZone: update.timeZone,
  };
}

export function workerToWire(member: MemberDescription): NodeDescription {
  return {
    nodeId: member.node.nodeId,
    role: 'worker',
    // Out of reach at the moment: no query is given to it.
    state: member.state === 'reconnecting' ? 'lost' : member.state,
    address: member.node.address,
    version: member.version,
    cores: member.node.cores,
    memoryBytes: BigInt(member.memoryBytes),
    runningTasks: member.load.runningTasks,
    joinTimeMs: member.joinedAt,
    heartbeatTimeMs: member.heardAt,
  };
}

export function coordinatorToWire(self: CoordinatorDescription): NodeDescription {
  return {
    nodeId: COORDINATOR_NODE_ID,
    role: 'coordinator',
    state: 'active',
    address: self.address,
    version: VERSION,
    cores: self.cores,
    memoryBytes: BigInt(self.memoryBytes),
    runningTasks: 0,
    joinTimeMs: self.startedAt,
    heartbeatTimeMs: self.now,
  };
}

import type { Principal as WirePrincipal } from '../../../proto/gen/skein/internal/v1/security.ts';
import type { Task as WireTask } from '../../../proto/gen/skein/internal/v1/task.ts';
import type {
  BlockedTimes as WireBlockedTimes,
  TaskStats as WireTaskStats,
  TaskStatus as WireTaskStatus,
} from '../../../proto/gen/skein/internal/v1/task_status.ts';
import {
  TaskBlockedReason as WireBlockedReason,
  TaskState as WireTaskState,
} from '../../../proto/gen/skein/internal/v1/task_status.ts';
import { TaskStopKind as WireTaskStopKind } from '../../../proto/gen/skein/internal/v1/worker_control.ts';
import type { Instant, NodeInstanceId } from '../ids.ts';
import { formatTaskId, parseNodeId, parseTaskId } from '../ids.ts';
import type {
  BlockedTimes,
  Principal,
  TaskBlockedReason,
  TaskStateKind,
  TaskStats,
  TaskStatus,
  TaskStop,
  TaskUpdate,
} from '../task/task-status.ts';
import {
  collectedDomainFromWire,
  collectedDomainToWire,
  dynamicFilterFromWire,
  dynamicFilterToWire,
} from './dynamic-filter-wire.ts';
import { errorReportFromWire, errorReportToWire } from './error-wire.ts';
import {
  outputBuffersFromWire,
  outputBuffersToWire,
  outputBufferStatusFromWire,
  outputBufferStatusToWire,
} from './output-buffers-wire.ts';
import { planFragmentFromWire, planFragmentToWire } from './plan-wire.ts';
import { shareFromWire, shareToWire } from './share-wire.ts';
import { splitAssignmentFromWire, splitAssignmentToWire } from './split-wire.ts';
import {
  enumMapping,
  finite,
  invalidField,
  parsed,
  required,
  requiredText,
  safeInteger,
} from './wire-field.ts';

/** A query's capability is 32 random bytes. */
export const CAPABILITY_BYTES = 32;

const TASK_STATES = enumMapping<TaskStateKind, WireTaskState>({
  running: WireTaskState.TASK_STATE_RUNNING,
  flushing: WireTaskState.TASK_STATE_FLUSHING,
  finished: WireTaskState.TASK_STATE_FINISHED,
  canceling: WireTaskState.TASK_STATE_CANCELING,
  canceled: WireTaskState.TASK_STATE_CANCELED,
  aborting: WireTaskState.TASK_STATE_ABORTING,
  aborted: WireTaskState.TASK_STATE_ABORTED,
  failing: WireTaskState.TASK_STATE_FAILING,
  failed: WireTaskState.TASK_STATE_FAILED,
});

const BLOCKED_REASONS = enumMapping<TaskBlockedReason, WireBlockedReason>({
  none: WireBlockedReason.TASK_BLOCKED_REASON_NONE,
  'waiting-for-splits': WireBlockedReason.TASK_BLOCKED_REASON_WAITING_FOR_SPLITS,
  'waiting-for-input': WireBlockedReason.TASK_BLOCKED_REASON_WAITING_FOR_INPUT,
  'waiting-for-slot': WireBlockedReason.TASK_BLOCKED_REASON_WAITING_FOR_SLOT,
  'output-full': WireBlockedReason.TASK_BLOCKED_REASON_OUTPUT_FULL,
});

/** StopTask.kind. */
export const TASK_STOPS = enumMapping<TaskStop, WireTaskStopKind>({
  cancel: WireTaskStopKind.TASK_STOP_KIND_CANCEL,
  abort: WireTaskStopKind.TASK_STOP_KIND_ABORT,
});

/** Every internal request names its principal; an anonymous one is refused. */
export function principalFromWire(wire: WirePrincipal | undefined, field: string): Principal {
  return { name: requiredText(required(wire, field).name, `${field}.name`) };
}

/** The bytes are copied: decoded ones are a view that would keep the whole message alive. */
export function capabilityFromWire(wire: Uint8Array, field: string): Uint8Array {
  if (wire.length !== CAPABILITY_BYTES)
    throw invalidField(field, `is not ${CAPABILITY_BYTES} bytes long`);
  return Uint8Array.from(wire);
}

export function taskUpdateToWire(update: TaskUpdate): WireTask {
  return {
    taskId: formatTaskId(update.taskId),
    principal: update.principal,
    capability: update.capability,
    fragment: update.fragment === undefined ? undefined : planFragmentToWire(update.fragment),
    splitAssignments: update.splitAssignments.map(splitAssignmentToWire),
    outputBuffers: update.outputBuffers.map(outputBuffersToWire),
    deadlineMs: update.deadline,
    memoryLimitBytes: BigInt(update.memoryLimitBytes),
    profiled: update.isProfiled === true,
    dynamicFilters: (update.dynamicFilters ?? []).map(dynamicFilterToWire),
    share: update.share === undefined ? undefined : shareToWire(update.share),
  };
}

export function taskUpdateFromWire(wire: WireTask, field = 'task'): TaskUpdate {
  return {
    taskId: parsed(wire.taskId, parseTaskId, `${field}.task_id`),
    principal: principalFromWire(wire.principal, `${field}.principal`),
    capability: capabilityFromWire(wire.capability, `${field}.capability`),
    ...(wire.fragment === undefined
      ? {}
      : { fragment: planFragmentFromWire(wire.fragment, `${field}.fragment`) }),
    splitAssignments: wire.splitAssignments.map((assignment, i) =>
      splitAssignmentFromWire(assignment, `${field}.split_assignments[${i}]`),
    ),
    outputBuffers: wire.outputBuffers.map((buffers, i) =>
      outputBuffersFromWire(buffers, `${field}.output_buffers[${i}]`),
    ),
    deadline: finite(wire.deadlineMs, `${field}.deadline_ms`) as Instant,
    memoryLimitBytes: safeInteger(wire.memoryLimitBytes, `${field}.memory_limit_bytes`),
    ...(wire.profiled ? { isProfiled: true } : {}),
    ...dynamicFiltersFromWire(wire, field),
    ...(wire.share === undefined ? {} : { share: shareFromWire(wire.share, `${field}.share`) }),
  };
}

function dynamicFiltersFromWire(
  { dynamicFilters }: WireTask,
  field: string,
): Pick<TaskUpdate, 'dynamicFilters'> {
  if (dynamicFilters.length === 0) return {};
  return {
    dynamicFilters: dynamicFilters.map((filter, i) =>
      dynamicFilterFromWire(filter, `${field}.dynamic_filters[${i}]`),
    ),
  };
}

export function taskStatusToWire(status: TaskStatus): WireTaskStatus {
  return {
    taskId: formatTaskId(status.taskId),
    nodeId: status.nodeId,
    nodeInstanceId: status.nodeInstanceId,
    version: BigInt(status.version),
    state: TASK_STATES.toWire(status.state),
    error: status.error === undefined ? undefined : errorReportToWire(status.error),
    outputs: status.outputs.map(outputBufferStatusToWire),
    queuedSplitWeight: status.queuedSplitWeight,
    receivedSplits: status.receivedSplits.map(({ sourceId, sequenceId }) => ({
      sourceId,
      sequenceId: BigInt(sequenceId),
    })),
    blockedReason: BLOCKED_REASONS.toWire(status.blockedReason),
    stats: statsToWire(status.stats),
    inlineResult: status.inlinePages === undefined ? undefined : { pages: status.inlinePages },
    collectedDomains: (status.collectedDomains ?? []).map(collectedDomainToWire),
  };
}

export function taskStatusFromWire(wire: WireTaskStatus, field = 'task_status'): TaskStatus {
  return {
    taskId: parsed(wire.taskId, parseTaskId, `${field}.task_id`),
    nodeId: parsed(wire.nodeId, parseNodeId, `${field}.node_id`),
    nodeInstanceId: requiredText(
      wire.nodeInstanceId,
      `${field}.node_instance_id`,
    ) as NodeInstanceId,
    version: safeInteger(wire.version, `${field}.version`),
    state: TASK_STATES.fromWire(wire.state, `${field}.state`),
    ...(wire.error === undefined
      ? {}
      : { error: errorReportFromWire(wire.error, `${field}.error`) }),
    outputs: wire.outputs.map((output, i) =>
      outputBufferStatusFromWire(output, `${field}.outputs[${i}]`),
    ),
    queuedSplitWeight: wire.queuedSplitWeight,
    receivedSplits: wire.receivedSplits.map(({ sourceId, sequenceId }) => ({
      sourceId,
      sequenceId: safeInteger(sequenceId, `${field}.received_splits.sequence_id`),
    })),
    blockedReason: BLOCKED_REASONS.fromWire(wire.blockedReason, `${field}.blocked_reason`),
    stats: statsFromWire(required(wire.stats, `${field}.stats`), `${field}.stats`),
    ...(wire.inlineResult === undefined ? {} : { inlinePages: wire.inlineResult.pages }),
    ...collectedDomainsFromWire(wire, field),
  };
}

function collectedDomainsFromWire(
  { collectedDomains }: WireTaskStatus,
  field: string,
): Pick<TaskStatus, 'collectedDomains'> {
  if (collectedDomains.length === 0) return {};
  return {
    collectedDomains: collectedDomains.map((collected, i) =>
      collectedDomainFromWire(collected, `${field}.collected_domains[${i}]`),
    ),
  };
}

function statsToWire(stats: TaskStats): WireTaskStats {
  return {
    splitsCompleted: BigInt(stats.splitsCompleted),
    inputRows: BigInt(stats.inputRows),
    inputBytes: BigInt(stats.inputBytes),
    scannedRows: BigInt(stats.scannedRows),
    scannedBytes: BigInt(stats.scannedBytes),
    outputRows: BigInt(stats.outputRows),
    outputBytes: BigInt(stats.outputBytes),
    cpuMs: stats.cpuMs,
    busyMs: stats.busyMs,
    wallMs: stats.wallMs,
    blocked: {
      waitingForSplitsMs: stats.blockedMs['waiting-for-splits'],
      waitingForInputMs: stats.blockedMs['waiting-for-input'],
      waitingForSlotMs: stats.blockedMs['waiting-for-slot'],
      outputFullMs: stats.blockedMs['output-full'],
    },
    memoryBytes: BigInt(stats.memoryBytes),
    peakMemoryBytes: BigInt(stats.peakMemoryBytes),
    spilledBytes: BigInt(stats.spilledBytes),
    filteredRows: BigInt(stats.filteredRows),
    storedBytes: BigInt(stats.storedBytes),
    unaggregatedRows: BigInt(stats.unaggregatedRows),
  };
}

function statsFromWire(wire: WireTaskStats, field: string): TaskStats {
  return {
    splitsCompleted: safeInteger(wire.splitsCompleted, `${field}.splits_completed`),
    inputRows: safeInteger(wire.inputRows, `${field}.input_rows`),
    inputBytes: safeInteger(wire.inputBytes, `${field}.input_bytes`),
    scannedRows: safeInteger(wire.scannedRows, `${field}.scanned_rows`),
    scannedBytes: safeInteger(wire.scannedBytes, `${field}.scanned_bytes`),
    outputRows: safeInteger(wire.outputRows, `${field}.output_rows`),
    outputBytes: safeInteger(wire.outputBytes, `${field}.output_bytes`),
    cpuMs: finite(wire.cpuMs, `${field}.cpu_ms`),
    busyMs: finite(wire.busyMs, `${field}.busy_ms`),
    wallMs: finite(wire.wallMs, `${field}.wall_ms`),
    blockedMs: blockedTimesFromWire(required(wire.blocked, `${field}.blocked`), `${field}.blocked`),
    memoryBytes: safeInteger(wire.memoryBytes, `${field}.memory_bytes`),
    peakMemoryBytes: safeInteger(wire.peakMemoryBytes, `${field}.peak_memory_bytes`),
    spilledBytes: safeInteger(wire.spilledBytes, `${field}.spilled_bytes`),
    filteredRows: safeInteger(wire.filteredRows, `${field}.filtered_rows`),
    storedBytes: safeInteger(wire.storedBytes, `${field}.stored_bytes`),
    unaggregatedRows: safeInteger(wire.unaggregatedRows, `${field}.unaggregated_rows`),
  };
}

function blockedTimesFromWire(wire: WireBlockedTimes, field: string): BlockedTimes {
  return {
    'waiting-for-splits': finite(wire.waitingForSplitsMs, `${field}.waiting_for_splits_ms`),
    'waiting-for-input': finite(wire.waitingForInputMs, `${field}.waiting_for_input_ms`),
    'waiting-for-slot': finite(wire.waitingForSlotMs, `${field}.waiting_for_slot_ms`),
    'output-full': finite(wire.outputFullMs, `${field}.output_full_ms`),
  };
}

/** A worker's report of a task: what it changes for the task, its stage and its neighbours. */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { TaskStatus } from '../../common/task/task-status.ts';
import { selectAttempt } from './attempts.ts';
import { takeDomains } from './dynamic-filters.ts';
import { proveFailures } from './fault-tolerant/node-exclusion.ts';
import { onTaskFailed } from './failures.ts';
import { noteDue } from './launch-due.ts';
import { feedAttempt } from './partition-launch.ts';
import { isRetired, isWhole, partitionOf } from './partition-state.ts';
import { isQueryEnded } from './query-state.ts';
import { announceInlineResult } from './result-announcement.ts';
import { noteNodeChange } from './node-index.ts';
import { retriesPartitions } from './scheduler-options.ts';
import { findNode, rootStage } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { consumersOf } from './stage-link.ts';
import { abandonUnreadBuffers } from './stage-linkage.ts';
import { isSatisfied, wakePlacement } from './stage-scheduler/scan-feeding.ts';
import { countTask, hasStoredOutput, noteMemory } from './stage-state.ts';
import type { OutputState, StageState } from './stage-state.ts';
import { settleStage } from './stage-transitions.ts';
import { addresseeOf } from './status-check.ts';
import { endLease, learnNeeds, noteUsage } from './lease-state.ts';
import { noteComparison } from './slow-attempts.ts';
import { acceptTaskStatus, brokenPromise, isEnded } from './task-state.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

/** Takes a status if it is of this query's task, its worker's run and newer than what is known; else nothing changes. */
export function onTaskStatus(turn: Turn, status: TaskStatus): void {
  const { state } = turn;
  const found = addresseeOf(turn, status);
  if (found === undefined) return;
  const { stage, task } = found;
  const isOfThisRun =
    status.nodeId === task.nodeId && status.nodeInstanceId === task.nodeInstanceId;
  if (isOfThisRun) takeDomains(turn, task, status);
  const { kind } = task;
  const before = task.stats;
  const verdict = acceptTaskStatus(task, status, stage.fragment.rowLimit !== undefined);
  noteMemory(stage.memory, before, task.stats);
  noteMemory(state.memory, before, task.stats);
  if (verdict.kind === 'stale' || isRetired(stage, task)) return;
  countTask(stage.taskCounts, kind, -1);
  countTask(stage.taskCounts, task.kind, 1);
  stage.outputRows += task.stats.outputRows - before.outputRows;
  if (isEnded(task)) {
    task.endedAt = turn.now;
    endLease(state, task);
  }
  noteUsage(state, task);
  if (isQueryEnded(state.query.kind)) return;
  const error =
    verdict.kind === 'violation' ? verdict.error : findTruncation(state, stage, { task, status });
  if (error !== undefined) distrust(state, task);
  const failure = error ?? (hasFailed(task) ? failureOf(task, status) : undefined);
  if (failure === undefined) return concludeFrom(turn, stage, { task, status });
  return onTaskFailed(turn, { stage, task, error: failure });
}

/** What a worker that breaks the protocol says next is worth nothing: it gets no more tasks of this query. */
function distrust(state: QuerySchedulerState, { nodeId }: TaskState): void {
  const node = findNode(state, nodeId);
  if (node === undefined) return;
  node.isDistrusted = true;
  noteNodeChange(state);
}

interface Report {
  readonly task: TaskState;
  readonly status: TaskStatus;
}

function concludeFrom(turn: Turn, stage: StageState, { task, status }: Report): void {
  const { state } = turn;
  const isSelected = task.kind === 'finished' && selectAttempt(turn, stage, task);
  if (stage === rootStage(state) && (isSelected || !hasStoredOutput(stage)))
    announceInlineResult(turn, task, status.inlinePages);
  settleStage(turn, stage);
  if (isSelected) {
    learnNeeds(state, stage, needOf(task));
    noteComparison(stage);
    // It may have ended before its input has.
    turn.touched.add(stage);
    if (isWhole(stage)) proveFailures(state.failures, stage.stageId);
  }
  if (retriesPartitions(state.options)) {
    feedAttempt(turn, stage, task);
    noteDue(stage, partitionOf(stage, task));
  }
  if (task.kind === 'flushing' || task.kind === 'finished') {
    const received = new Map(status.receivedSplits.map((each) => [each.sourceId, each.sequenceId]));
    abandonUnreadBuffers(turn, { stage, task }, received);
  }
  wakePlacement(turn, stage, task);
  if (isSatisfied(stage) || isScaled(stage)) turn.touched.add(stage);
  // Consumers that still create tasks may have to hurry (T25), or need no more of them (T31).
  for (const consumer of consumersOf(state, stage)) {
    const isConcerned = task.overutilized.includes(true) || isScaled(consumer);
    if (consumer.kind === 'scheduling' && isConcerned) turn.touched.add(consumer);
  }
}

function isScaled({ fragment }: StageState): boolean {
  return fragment.partitioning.kind === 'scaled-writer';
}

function needOf({ memoryBytes, stats }: TaskState) {
  return { needBytes: memoryBytes, peakBytes: stats.peakMemoryBytes };
}

/** A clean end that cannot be one: rows would be missing from the result without an error. */
function findTruncation(
  state: QuerySchedulerState,
  stage: StageState,
  { task, status }: Report,
): ErrorReport | undefined {
  if (task.stop !== 'none' || status.state !== 'finished') return undefined;
  const { outputs } = stage;
  if (outputs.some((output) => output.kind === 'broadcast' && !output.noMoreBufferIds)) {
    return brokenPromise(task, 'finished before all of its readers were known');
  }
  const isRead = task.announcement !== 'none' || status.inlinePages !== undefined;
  if (stage === rootStage(state) && !isRead && !hasStoredOutput(stage)) {
    return brokenPromise(task, 'finished before its rows were read');
  }
  // All of its rows came with the status: there is nothing else to read.
  if (status.inlinePages !== undefined) return undefined;
  // Nobody could say what there is to read (F16, F34).
  const isSilent = (output: OutputState, index: number) =>
    output.retention === 'spooled' && status.outputs[index]?.storedBytes === undefined;
  if (outputs.some(isSilent))
    return brokenPromise(task, 'finished and does not say what it stored');
  return undefined;
}

function failureOf(task: TaskState, status: TaskStatus): ErrorReport {
  return (
    status.error ?? brokenPromise(task, `is ${status.state} without an order and gives no cause`)
  );
}

/** It stopped without an order, or says that it failed (T4). After an order to stop, neither matters. */
function hasFailed(task: TaskState): boolean {
  if (task.stop !== 'none') return false;
  switch (task.kind) {
    case 'planned':
    case 'running':
    case 'flushing':
    case 'finished':
      return false;
    case 'canceling':
    case 'canceled':
    case 'aborting':
    case 'aborted':
    case 'failing':
    case 'failed':
      return true;
    default:
      return assertNever(task.kind);
  }
}

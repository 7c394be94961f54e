/**
 * What becomes of partitions that are tried again when an attempt finishes or fails, and when stored outputs are lost
 * (SPEC.md, attempts and stored exchanges). The launcher starts what is missing.
 */
import type { ErrorReport } from '../../common/error.ts';
import type { NodeId, NodeInstanceId } from '../../common/ids.ts';
import type { LostOutput } from '../../common/task/fetch-failure.ts';
import { forgetSelection, select, selectionOf } from './fault-tolerant/output-selector.ts';
import { noteDue, noteStageDue } from './launch-due.ts';
import {
  attemptsOf,
  beginStageAttempt,
  hasAllPartitions,
  hasAllRows,
  isLive,
  isSelected,
  isZombie,
  partitionOf,
  selectedAttempt,
} from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { failUnrecoverably } from './query-transitions.ts';
import { retriesPartitions } from './scheduler-options.ts';
import { findStage, rootStage } from './scheduler-state.ts';
import { consumersOf, producersOf } from './stage-link.ts';
import { tellSelected } from './stage-linkage.ts';
import { countStored } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { moveStage, settleStage } from './stage-transitions.ts';
import type { TaskState } from './task-state.ts';
import { releaseOutput, stopTask } from './turn.ts';
import type { Turn } from './turn.ts';

interface NodeRun {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
}

export interface FailedAttempt {
  readonly stage: StageState;
  readonly task: TaskState;
  readonly error: ErrorReport;
}

/**
 * The first attempt of a partition to finish counts, and the others are stopped (R11, F16); a later one is ignored. True if
 * it is this one.
 */
export function selectAttempt(turn: Turn, stage: StageState, task: TaskState): boolean {
  const partition = partitionOf(stage, task);
  if (isSelected(stage, partition) || task.stop !== 'none') {
    releaseOutput(turn, stage, task);
    return false;
  }
  select(stage.selector, task.taskId, task.taskId.attempt);
  countStored(stage, task, 1);
  if (retriesPartitions(turn.state.options)) noteDue(stage, partition);
  // What was lost and is there again may be all that they have waited for.
  if (partition.attempts.length > 1)
    for (const consumer of consumersOf(turn.state, stage)) noteStageDue(consumer);
  for (const other of attemptsOf(stage, partition))
    if (other !== task) dropAttempt(turn, stage, other);
  settleStage(turn, stage);
  if (stage.kind === 'finished') stage.failedAttempts = 0;
  tellSelected(turn, stage, task);
  return true;
}

/** A failure that another attempt may not meet. `isCounted`: too many of them fail the query (S2). */
export function retryPartition(turn: Turn, failed: FailedAttempt, isCounted: boolean): void {
  const { stage, task, error } = failed;
  const partition = partitionOf(stage, task);
  if (isCounted && !isZombie(stage, task)) partition.failureCount += 1;
  dropAttempt(turn, stage, task);
  if (partition.failureCount >= turn.state.options.maxTaskFailures)
    failUnrecoverably(turn, error, stage);
}

/**
 * An attempt could not read a stored output (R19). All that this run of the worker has stored counts as lost at once, so
 * that the next attempt does not find it out output by output. What an earlier attempt of the stage says is ignored.
 */
export function resubmitStage(turn: Turn, failed: FailedAttempt, lost: LostOutput): void {
  const { stage, task, error } = failed;
  const producer = findStage(turn.state, lost.taskId.stageId);
  if (producer === undefined || !producersOf(turn.state, stage).includes(producer)) {
    retryPartition(turn, failed, true);
    return;
  }
  dropAttempt(turn, stage, task);
  if (isZombie(stage, task)) return;
  stage.failedAttempts += 1;
  if (stage.failedAttempts >= turn.state.options.maxStageAttempts)
    failUnrecoverably(turn, error, stage);
  else loseOutputs(turn, { run: lost, isGone: false, error });
}

export interface LostOutputs {
  readonly run: NodeRun;
  /** The run is gone: its outputs need no release, and who reads them need not wait to find out. */
  readonly isGone: boolean;
  readonly error: ErrorReport;
}

/** The selected outputs on this run of a worker are lost: their partitions are missing again (R16, R17). */
export function loseOutputs(turn: Turn, { run, isGone, error }: LostOutputs): void {
  for (const stage of turn.state.stages) {
    const lost = stage.partitions
      .map((partition) => selectedAttempt(stage, partition))
      .filter((task) => task !== undefined)
      .filter((task) => isRun(task, run) && task.announcement !== 'inline');
    if (lost.length === 0) continue;
    if (
      lost.some(({ announcement }) => announcement === 'location') &&
      !turn.state.result.isReleased
    )
      return failUnrecoverably(turn, error, stage);
    loseSelected(turn, stage, { lost, error });
    if (stage.fragment.determinism !== 'deterministic') continue;
    for (const consumer of consumersOf(turn.state, stage))
      if (consumer.kind !== 'finished') readAgain(turn, consumer, isGone);
  }
}

/** These outputs of the stage are gone. What has read a stage that comes out otherwise when it is run again, runs again too. */
export function loseSelected(
  turn: Turn,
  stage: StageState,
  { lost, error }: { readonly lost: readonly TaskState[]; readonly error: ErrorReport },
): void {
  for (const task of lost) unselect(turn, stage, task);
  reopen(turn, stage);
  if (stage.fragment.determinism === 'deterministic') return;
  for (const consumer of consumersOf(turn.state, stage)) rollBack(turn, consumer, error);
}

/** Its missing partitions begin anew when its inputs are whole again. */
function readAgain(turn: Turn, stage: StageState, isGone: boolean): void {
  beginStageAttempt(stage);
  if (!isGone) return;
  for (const task of stage.tasks)
    if (isLive(task) && task.kind !== 'flushing') dropAttempt(turn, stage, task);
}

/**
 * An input of it may come out otherwise this time: what it has made of the old one does not fit the new one. It runs again
 * whole, and so does all that has read it.
 */
function rollBack(turn: Turn, stage: StageState, error: ErrorReport): void {
  if (stage.tasks.length === 0) return;
  beginStageAttempt(stage);
  if (isAnnounced(turn, stage)) return failUnrecoverably(turn, error, stage);
  for (const task of stage.tasks) dropAttempt(turn, stage, task);
  for (const partition of stage.partitions) forget(stage, partition);
  reopen(turn, stage);
  for (const consumer of consumersOf(turn.state, stage)) rollBack(turn, consumer, error);
}

function unselect(turn: Turn, stage: StageState, task: TaskState): void {
  releaseOutput(turn, stage, task);
  forget(stage, partitionOf(stage, task));
}

function forget(stage: StageState, partition: PartitionState): void {
  const { partitionId } = partition;
  const { stageId } = stage;
  const isKnown = selectionOf(stage.selector, stageId, partitionId) !== 'unknown';
  if (!isKnown) return;
  const selected = selectedAttempt(stage, partition);
  if (selected !== undefined) countStored(stage, selected, -1);
  forgetSelection(stage.selector, { stageId, partitionId });
  if (stage.planning !== null) stage.planning.comparison = null;
}

/** Some of it is missing, unless what is left is enough; what feeds it is needed again. */
function reopen(turn: Turn, stage: StageState): void {
  if (stage.kind !== 'finished' || hasAllRows(stage)) return;
  moveStage(turn, stage, 'scheduled');
  for (const producer of producersOf(turn.state, stage)) takeUp(turn, producer);
}

/** It was cancelled while some of it was made again, since nobody read it any more; now somebody does. */
function takeUp(turn: Turn, stage: StageState): void {
  if (stage.kind !== 'canceled' || !hasAllPartitions(stage)) return;
  moveStage(turn, stage, 'scheduled');
  for (const producer of producersOf(turn.state, stage)) takeUp(turn, producer);
}

/** The client has been told where rows of it are, and may have taken some: they cannot be made again. */
function isAnnounced({ state }: Turn, stage: StageState): boolean {
  if (stage !== rootStage(state) || state.result.isReleased) return false;
  return stage.tasks.some(({ announcement }) => announcement !== 'none');
}

/** Neither its rows nor what it does are wanted any more. */
export function dropAttempt(turn: Turn, stage: StageState, task: TaskState): void {
  noteDue(stage, partitionOf(stage, task));
  if (isLive(task)) stopTask(turn, task, 'abort');
  releaseOutput(turn, stage, task);
}

function isRun(task: TaskState, run: NodeRun): boolean {
  return task.nodeId === run.nodeId && task.nodeInstanceId === run.nodeInstanceId;
}

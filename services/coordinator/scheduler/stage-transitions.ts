/** Every move of a stage, and what follows from it for its tasks, its split sources and its neighbours. */
import { assert } from '../../common/assert.ts';
import { finishSelection } from './fault-tolerant/output-selector.ts';
import { hasAllRows, isAllSelected, isLive } from './partition-state.ts';
import { retriesPartitions } from './scheduler-options.ts';
import { mayRetryQuery } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { consumersOf, producersOf } from './stage-link.ts';
import { abandonAllBuffers, tellTasksComplete } from './stage-linkage.ts';
import {
  canMoveStage,
  canScheduleMoreTasks,
  isStageDone,
  needsNoInput,
  stageStateOf,
} from './stage-state.ts';
import type { ScanState, StageState, StageStateKind } from './stage-state.ts';
import { releaseOutput, stopTask } from './turn.ts';
import type { Turn } from './turn.ts';

/** Moves a stage; its neighbours hear what they may conclude. Illegal moves are bugs. */
export function moveStage(turn: Turn, stage: StageState, to: StageStateKind): void {
  const from = stage.kind;
  assert(canMoveStage(from, to), `stage ${stage.stageId} cannot go from ${from} to ${to}`);
  setKind(turn, stage, to);
  turn.touched.add(stage);
  if (canScheduleMoreTasks(from) && !canScheduleMoreTasks(to)) tellTasksComplete(turn, stage);
  if (!needsNoInput(from) && needsNoInput(to)) cancelUnneededProducers(turn, stage);
}

/** All tasks and splits are given out: from here on its tasks move the stage. */
export function completeScheduling(turn: Turn, stage: StageState): void {
  assert(stage.partitions.length > 0, `stage ${stage.stageId} without tasks would look finished`);
  moveStage(turn, stage, 'scheduled');
  settleStage(turn, stage);
}

/** Lets the stage follow its tasks. */
export function settleStage(turn: Turn, stage: StageState): void {
  const { kind } = stage;
  if (kind !== 'scheduled' && kind !== 'running' && kind !== 'flushing') return;
  const next = retriesPartitions(turn.state.options)
    ? stageStateByPartitions(stage, kind)
    : stageStateOf(kind, stage.taskCounts);
  if (next === 'finished' && isAllSelected(stage))
    finishSelection(stage.selector, stage.stageId, stage.partitions.length);
  if (next !== kind) moveStage(turn, stage, next);
  if (next === 'finished' && retriesPartitions(turn.state.options)) stopUncounted(turn, stage);
}

/** What still runs is of partitions that are not needed. */
function stopUncounted(turn: Turn, stage: StageState): void {
  for (const task of stage.tasks) {
    if (!isLive(task)) continue;
    stopTask(turn, task, 'abort');
    releaseOutput(turn, stage, task);
  }
}

/** Where its partitions have brought a stage that tries them again: an attempt that failed is not the last word. */
function stageStateByPartitions<Kind extends StageStateKind>(
  stage: StageState,
  kind: Kind,
): Kind | 'running' | 'finished' {
  if (hasAllRows(stage)) return 'finished';
  return stage.taskCounts.running > 0 ? 'running' : kind;
}

/** Its rows are not needed: a clean end, never a failure (T18). */
export function cancelStage(turn: Turn, stage: StageState): void {
  if (isStageDone(stage.kind)) return;
  for (const scan of stage.scans) closeSource(turn, scan);
  for (const task of stage.tasks) stopTask(turn, task, 'cancel');
  moveStage(turn, stage, 'canceled');
  abandonAllBuffers(turn, stage);
}

/** The query has failed: `failed` for the stage where it began, `aborted` for the others. */
export function abandonStage(turn: Turn, stage: StageState, to: 'failed' | 'aborted'): void {
  for (const scan of stage.scans) closeSource(turn, scan);
  for (const task of stage.tasks) stopTask(turn, task, 'abort');
  // Not through moveStage: a failure concludes nothing for its neighbours (T15).
  if (!isStageDone(stage.kind)) setKind(turn, stage, to);
}

function setKind(turn: Turn, stage: StageState, to: StageStateKind): void {
  stage.kind = to;
  if (to === 'scheduling') stage.startedAt = turn.now;
  if (isStageDone(to)) stage.endedAt = turn.now;
}

/** No split of this scan is wanted any more, pending ones included. Does nothing for a closed one. */
export function closeSource(turn: Turn, scan: ScanState): void {
  if (scan.isClosed) return;
  scan.isClosed = true;
  scan.isLoading = false;
  scan.retryAt = null;
  scan.pending = [];
  if (!mayRetryQuery(turn.state)) releaseSource(turn, scan);
}

/** Nobody will read this scan again (T36). */
export function releaseSource(turn: Turn, scan: ScanState): void {
  if (scan.isReleased) return;
  scan.isReleased = true;
  turn.effects.push({ kind: 'close-split-source', sourceId: scan.sourceId });
}

/** What feeds only stages that read nothing more is cancelled, all the way down (T18). */
function cancelUnneededProducers(turn: Turn, stage: StageState): void {
  for (const producer of producersOf(turn.state, stage)) {
    if (!isNeeded(turn.state, producer)) cancelStage(turn, producer);
  }
}

function isNeeded(state: QuerySchedulerState, stage: StageState): boolean {
  const isRoot = stage.outputs.some((output) => output.consumer.kind === 'client');
  return isRoot || consumersOf(state, stage).some((consumer) => !needsNoInput(consumer.kind));
}

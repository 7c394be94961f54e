/** Regions of a query that has them: which stages restart together, and how (K24; SPEC.md, attempts and stored exchanges). */
import type { ErrorReport } from '../../common/error.ts';
import type { LostOutput } from '../../common/task/fetch-failure.ts';
import { createOutputSelector } from './fault-tolerant/output-selector.ts';
import { isLive, isWhole, selectedAttempt } from './partition-state.ts';
import { failUnrecoverably } from './query-transitions.ts';
import { rootStage, stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { consumersOf, createOutputs, producersOf, regionOf } from './stage-link.ts';
import { hasStoredOutput } from './stage-state.ts';
import type { ScanState, StageState } from './stage-state.ts';
import { releaseOutput, stopTask } from './turn.ts';
import type { Turn } from './turn.ts';

export interface RegionFailure {
  /** Stages in which something has failed or gone; none = only stored outputs were lost. */
  readonly hit: readonly StageState[];
  readonly error: ErrorReport;
  /** Against the limit of a region's failures. */
  readonly isCounted: boolean;
}

/** Restarts what a failure reaches. A result that the client was told of cannot be made again: its loss fails the query. */
export function restartRegions(turn: Turn, { hit, error, isCounted }: RegionFailure): void {
  const { state } = turn;
  if (state.suspectedFailure?.wait === 'final') return;
  const lost = state.stages.filter((stage) => isLost(stage) && isStillRead(state, stage));
  const { suspectedFailure: suspect } = state;
  const suspected = suspect === null ? [] : [stageOf(state, suspect.stageId)];
  const reached = regionsReached(state, [...hit, ...lost, ...suspected]);
  if (reached.size === 0) return;
  const isAnnounced = rootStage(state).tasks.some(({ announcement }) => announcement !== 'none');
  if (reached.has(rootStage(state)) && isAnnounced)
    return failUnrecoverably(turn, error, hit[0] ?? rootStage(state));
  for (const stage of isCounted ? hit : []) {
    stage.failedAttempts += 1;
    if (stage.failedAttempts >= state.options.maxTaskFailures)
      return failUnrecoverably(turn, error, stage);
  }
  state.suspectedFailure = null;
  for (const stage of state.stages) {
    if (reached.has(stage)) restart(turn, stage);
    turn.touched.add(stage);
  }
}

/** All that this run of a worker has stored counts as lost (R16); nothing is done about it yet. */
export function forgetOutputs(turn: Turn, { nodeId, nodeInstanceId }: LostOutput): void {
  for (const stage of turn.state.stages) {
    for (const task of stage.tasks) {
      const isThere = task.nodeId === nodeId && task.nodeInstanceId === nodeInstanceId;
      if (isThere && task.kind === 'finished') releaseOutput(turn, stage, task);
    }
  }
}

/** Regions of these stages, of what they need and is lost, and of all that has begun to read any of them. */
function regionsReached(
  state: QuerySchedulerState,
  first: readonly StageState[],
): ReadonlySet<StageState> {
  const reached = new Set<StageState>();
  const open = [...first];
  for (let stage = open.pop(); stage !== undefined; stage = open.pop()) {
    if (reached.has(stage)) continue;
    reached.add(stage);
    open.push(...regionOf(state, stage.stageId).map((id) => stageOf(state, id)));
    open.push(...producersOf(state, stage).filter(isLost));
    open.push(...consumersOf(state, stage).filter(({ kind }) => kind !== 'planned'));
  }
  return reached;
}

/** Some of what it has stored is not there any more. */
function isLost(stage: StageState): boolean {
  return (
    hasStoredOutput(stage) &&
    stage.partitions.some((partition) => selectedAttempt(stage, partition)?.isReleased === true)
  );
}

/** Somebody needs it: a stage that is not whole, or the client. What came inline is with the client. */
function isStillRead(state: QuerySchedulerState, stage: StageState): boolean {
  if (stage !== rootStage(state)) return !consumersOf(state, stage).every(isWhole);
  const isInline = stage.tasks.every(({ announcement }) => announcement === 'inline');
  return !isInline && !state.result.isReleased;
}

/** It begins anew, with all splits that it had; its tasks are of a new run, and what the old ones say changes nothing (K2). */
function restart(turn: Turn, stage: StageState): void {
  for (const task of stage.tasks) {
    if (isLive(task)) stopTask(turn, task, 'abort');
    releaseOutput(turn, stage, task);
  }
  stage.retired.push(...stage.tasks.splice(0));
  stage.partitions.length = 0;
  stage.selector = createOutputSelector(stage.stageId);
  stage.selectedBytes.length = 0;
  stage.run += 1;
  stage.kind = 'planned';
  stage.taskCounts = { planned: 0, running: 0, flushing: 0, finished: 0, stopping: 0, stopped: 0 };
  stage.outputs.splice(0, stage.outputs.length, ...createOutputs(turn.state, stage));
  stage.outputRows = 0;
  stage.isPlacementBlocked = false;
  for (const scan of stage.scans) rewind(scan);
}

/** A source that was closed early had given enough. */
function rewind(scan: ScanState): void {
  scan.pending = [...scan.placed.splice(0), ...scan.pending];
  scan.isExhausted ||= scan.isClosed;
  scan.isClosed = false;
  scan.splitCount = 0;
}

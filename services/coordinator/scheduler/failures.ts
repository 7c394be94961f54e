/** Failures of tasks, workers and split sources: carries out what the recovery policy decides about them. */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Instant, NodeId, NodeInstanceId } from '../../common/ids.ts';
import { spoolsOutputs } from './scheduler-options.ts';
import { loseOutputs, resubmitStage, retryPartition } from './attempts.ts';
import type { FailedAttempt } from './attempts.ts';
import { lostOutputOf } from '../../common/task/fetch-failure.ts';
import type { LostOutput } from '../../common/task/fetch-failure.ts';
import { queryRetryDelayMs } from './fault-tolerant/retry-delay.ts';
import { recoveryPolicyOf } from './policies.ts';
import { retryQuery } from './query-retry.ts';
import { forgetOutputs, restartRegions } from './regions.ts';
import { isQueryEnded } from './query-state.ts';
import { awaitCause, failQuery } from './query-transitions.ts';
import { stageOf } from './scheduler-state.ts';
import type { ScanOfStage, SuspectedFailure } from './scheduler-state.ts';
import { regionOf } from './stage-link.ts';
import type { StageState } from './stage-state.ts';
import { judgeAttempt } from './task-retries.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

/** A task failed that was to go on. */
export function onTaskFailed(turn: Turn, failed: FailedAttempt): void {
  const { state } = turn;
  if (isQueryEnded(state.query.kind)) return;
  const { stage, error } = failed;
  turn.touched.add(stage);
  turn.isAllDue = true;
  const decision = recoveryPolicyOf(state.options).onTaskFailed(error);
  switch (decision.kind) {
    case 'fail-query':
      return failQuery(turn, decision.error, stage);
    case 'await-cause':
      return awaitCause(turn, decision.error, stage);
    case 'retry-query':
      return retryQuery(turn, decision.error, stage);
    case 'retry-task':
      return retryPartition(turn, failed, decision.isCounted);
    case 'judge-attempt':
      return judgeAttempt(turn, failed);
    case 'resubmit-stage':
      return resubmitStage(turn, failed, decision.lost);
    case 'restart-region':
      // What a task of its own region streamed to it is gone for a reason that the other one knows.
      if (isWithinRegion(turn, stage, decision.lost)) return awaitCause(turn, error, stage);
      if (decision.lost !== undefined) forgetOutputs(turn, decision.lost);
      return restartRegions(turn, { hit: [stage], error, isCounted: true });
    default:
      return assertNever(decision);
  }
}

function isWithinRegion(
  { state }: Turn,
  { stageId }: StageState,
  lost: LostOutput | undefined,
): boolean {
  return lost !== undefined && regionOf(state, stageId).includes(lost.taskId.stageId);
}

/** A task whose rows were needed went with its worker. */
export interface LostTask {
  readonly stage: StageState;
  readonly task: TaskState;
}

/** A worker is gone, and these tasks with it. */
export function onTasksLost(turn: Turn, lost: LostNode, tasks: readonly LostTask[]): void {
  const { state } = turn;
  if (isQueryEnded(state.query.kind)) return;
  const explained = symptomOf(turn, lost);
  if (explained !== undefined) return failQuery(turn, lost.error, explained);
  const hit = [...new Set(tasks.map(({ stage }) => stage))];
  const decision = recoveryPolicyOf(state.options).onNodeLost(lost.error);
  switch (decision.kind) {
    case 'fail-query':
      if (hit.length > 0) failQuery(turn, decision.error, hit[0]);
      return;
    case 'retry-query':
      if (hit.length > 0) retryQuery(turn, decision.error, hit[0]);
      return;
    case 'replace-node':
      if (spoolsOutputs(state.options)) {
        for (const each of tasks) judgeAttempt(turn, { ...each, error: decision.error });
        return;
      }
      if (state.schedule.kind === 'regions')
        return restartRegions(turn, { hit, error: decision.error, isCounted: false });
      return loseOutputs(turn, { run: lost, isGone: true, error: decision.error });
    default:
      return assertNever(decision);
  }
}

/** The stage that is to fail for what it could not read on this run of a worker, whose loss is the cause (T5). */
function symptomOf({ state }: Turn, lost: LostNode): StageState | undefined {
  const { suspectedFailure: suspect } = state;
  if (suspect?.wait !== 'final') return undefined;
  const isThere = lostOutputOf(suspect.error)?.nodeInstanceId === lost.nodeInstanceId;
  return isThere ? stageOf(state, suspect.stageId) : undefined;
}

/**
 * A batch of splits could not be loaded, and nothing was lost with it: where only what failed is tried again, it is asked for
 * again after a while, under another number; too many failures in a row fail the query.
 */
export function onSplitsLost(turn: Turn, { stage, scan }: ScanOfStage, error: ErrorReport): void {
  const { kind } = recoveryPolicyOf(turn.state.options).onTaskFailed(error);
  switch (kind) {
    case 'retry-query':
      return retryQuery(turn, error, stage);
    case 'retry-task':
    case 'resubmit-stage':
    case 'restart-region':
      return loadAgain(turn, { stage, scan }, error);
    // Of described tasks, what deals splits fails with its source (F15).
    case 'judge-attempt':
    case 'fail-query':
    case 'await-cause':
      return failQuery(turn, error, stage);
    default:
      return assertNever(kind);
  }
}

function loadAgain(turn: Turn, { stage, scan }: ScanOfStage, error: ErrorReport): void {
  const { maxTaskFailures, retryDelays } = turn.state.options;
  scan.loadFailures += 1;
  if (scan.loadFailures >= maxTaskFailures) return failQuery(turn, error, stage);
  scan.batch += 1;
  const { sourceId, batch } = scan;
  const at = (turn.now + queryRetryDelayMs(scan.loadFailures, retryDelays)) as Instant;
  scan.retryAt = at;
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'split-retry', sourceId, batch }, at });
}

/** No cause followed a symptom: it is the cause. */
export function onCauseMissing(turn: Turn, { stageId, error, wait }: SuspectedFailure): void {
  const { state } = turn;
  const stage = stageOf(state, stageId);
  if (wait === 'final') return failQuery(turn, error, stage);
  state.suspectedFailure = { stageId, error, wait: 'over' };
  if (state.options.retryPolicy === 'query') retryQuery(turn, error, stage);
  else if (state.schedule.kind === 'regions')
    restartRegions(turn, { hit: [stage], error, isCounted: true });
  else failQuery(turn, error, stage);
}

export interface LostNode {
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
  readonly error: ErrorReport;
}

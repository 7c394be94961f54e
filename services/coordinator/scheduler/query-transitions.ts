/** Every move of the query, and how it ends (SPEC.md, query table). */
import { assert } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import type { Instant } from '../../common/ids.ts';
import { destroyDescriptors } from './fault-tolerant/task-descriptor.ts';
import { selectedAttempt } from './partition-state.ts';
import { canMoveQuery, isQueryEnded } from './query-state.ts';
import { isSymptom } from './recovery/symptoms.ts';
import { spoolsOutputs } from './scheduler-options.ts';
import { rootStage, stageOf } from './scheduler-state.ts';
import type { SuspectedFailure } from './scheduler-state.ts';
import { hasStoredOutput, isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { abandonStage, cancelStage, releaseSource } from './stage-transitions.ts';
import { withdrawAll } from './lease-state.ts';
import type { TaskState } from './task-state.ts';
import { releaseOutput } from './turn.ts';
import type { Turn } from './turn.ts';

/** The first task exists. */
export function startRunning(turn: Turn): void {
  if (turn.state.query.kind !== 'starting') return;
  turn.state.query = { kind: 'running' };
  turn.effects.push({ kind: 'change-query-state', state: 'running' });
}

/**
 * Ends the query with its first cause: every source closed, every live task aborted, so that no reader ever sees the end
 * of a result that is not whole (T4, T15, T36). Does nothing for a query that has ended.
 */
export function failQuery(turn: Turn, error: ErrorReport, stage?: StageState): void {
  const { state } = turn;
  if (isQueryEnded(state.query.kind)) return;
  for (const each of state.stages) abandonStage(turn, each, each === stage ? 'failed' : 'aborted');
  releaseOutputs(turn);
  releaseSources(turn);
  turn.touched.clear();
  state.suspectedFailure = null;
  state.query = { kind: 'failed', error };
  turn.effects.push({ kind: 'fail-query', error });
}

/** A symptom: scheduling stops until its cause is known, or the wait for it is over. */
export function awaitCause(turn: Turn, error: ErrorReport, stage: StageState): void {
  if (turn.state.suspectedFailure === null) suspect(turn, stage, { error, wait: 'open' });
}

/**
 * The query cannot go on, whatever comes: with a symptom that nobody has explained it fails when its cause is known, or the
 * wait for it is over (T5); with anything else, or after such a wait, at once.
 */
export function failUnrecoverably(turn: Turn, error: ErrorReport, stage: StageState): void {
  const known = turn.state.suspectedFailure?.wait;
  if (isQueryEnded(turn.state.query.kind) || known === 'final') return;
  // What is spooled is not lost with a worker.
  const isExplained = !isSymptom(error.code) || spoolsOutputs(turn.state.options);
  if (known === 'over' || isExplained) failQuery(turn, error, stage);
  else suspect(turn, stage, { error, wait: 'final' });
}

function suspect(
  turn: Turn,
  { stageId }: StageState,
  symptom: Pick<SuspectedFailure, 'error' | 'wait'>,
): void {
  const at = (turn.now + turn.state.options.failureCauseDelayMs) as Instant;
  turn.state.suspectedFailure = { stageId, ...symptom };
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'failure-cause' }, at });
}

/**
 * A suspected failure is nothing once its stage has been cancelled, a final one once the client has all: scheduling goes on
 * where it had stopped.
 */
export function dropMootSuspicion(turn: Turn): void {
  const { state } = turn;
  const suspect = state.suspectedFailure;
  if (suspect === null) return;
  const isMoot =
    suspect.wait === 'final'
      ? state.result.isReleased
      : isStageDone(stageOf(state, suspect.stageId).kind);
  if (!isMoot) return;
  state.suspectedFailure = null;
  for (const stage of state.stages) turn.touched.add(stage);
}

/** Lets the query follow its root stage: all computed, then all taken by the client. */
export function settleQuery(turn: Turn): void {
  const { state } = turn;
  if (isQueryEnded(state.query.kind)) return;
  if (state.suspectedFailure !== null) return;
  const root = rootStage(state);
  const isTaken = hasBeenRead(root) || (state.result.isReleased && hasEnded(root));
  if (isTaken && state.result.isComplete) {
    finishQuery(turn);
  } else if (
    (root.kind === 'flushing' || root.kind === 'finished' || state.result.isReleased) &&
    canMoveQuery(state.query.kind, 'finishing')
  ) {
    state.query = { kind: 'finishing' };
    turn.effects.push({ kind: 'change-query-state', state: 'finishing' });
  }
}

function finishQuery(turn: Turn): void {
  const { state } = turn;
  assert(state.suspectedFailure === null, 'a query with a failed task does not finish');
  for (const stage of state.stages) cancelStage(turn, stage);
  releaseOutputs(turn);
  releaseSources(turn);
  turn.touched.clear();
  state.query = { kind: 'finished' };
  turn.effects.push({ kind: 'finish-query' });
}

/** A streaming root finishes when it was read; of a stored one, only what came inline is with the client by then. */
function hasBeenRead(root: StageState): boolean {
  if (root.kind !== 'finished') return false;
  const isInline = (task: TaskState | undefined) => task?.announcement === 'inline';
  return (
    !hasStoredOutput(root) ||
    root.partitions.every((partition) => isInline(selectedAttempt(root, partition)))
  );
}

/** Whatever tasks have stored, or are about to, is not needed any more, nor is what any other attempt would read. */
function releaseOutputs(turn: Turn): void {
  destroyDescriptors(turn.state.descriptors, turn.state.queryId);
  withdrawAll(turn.state);
  for (const stage of turn.state.stages)
    for (const task of stage.tasks) releaseOutput(turn, stage, task);
}

function releaseSources(turn: Turn): void {
  for (const { scans } of turn.state.stages) for (const scan of scans) releaseSource(turn, scan);
}

/** After its release, a root task may end in any way: its rows are with the client. */
function hasEnded(root: StageState): boolean {
  const { planned, running, flushing, stopping } = root.taskCounts;
  return planned + running + flushing + stopping === 0;
}

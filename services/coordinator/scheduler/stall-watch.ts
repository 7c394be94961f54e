/**
 * A query that makes no progress although nothing keeps it from going on has lost an event somewhere: it must not hang, but
 * fail, and say where it stands (T21, S19). One that waits for its client, for a busy worker or for a timer is not stalled.
 */
import type { Instant } from '../../common/ids.ts';
import { isQueryEnded } from './query-state.ts';
import { failQuery } from './query-transitions.ts';
import { rootStage } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { ScanState } from './stage-state.ts';
import type { Turn } from './turn.ts';
import { whyBlocked } from './why-blocked.ts';
import type { StageWait } from './why-blocked.ts';
import { someTaskWaits, whyTaskBlocked } from './waits.ts';

/** What the last look has found. */
export interface StallWatch {
  progress: string;
  /** When that was new. */
  since: Instant;
}

/** Looks in the time that a query may stand still. */
const LOOKS = 4;

export function armStallWatch(turn: Turn): void {
  const { stallTimeoutMs } = turn.state.options;
  if (stallTimeoutMs === 0 || isQueryEnded(turn.state.query.kind)) return;
  const at = (turn.now + Math.ceil(stallTimeoutMs / LOOKS)) as Instant;
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'stall-watch' }, at });
}

export function onStallWatch(turn: Turn): void {
  const { state, now } = turn;
  const { stallWatch } = state;
  const { stages } = whyBlocked(state);
  const progress = progressOf(state);
  if (progress !== stallWatch.progress || isExcused(state, stages)) {
    stallWatch.progress = progress;
    stallWatch.since = now;
  } else if (now - stallWatch.since >= state.options.stallTimeoutMs) {
    reportStall(turn, stages);
  }
  armStallWatch(turn);
}

function reportStall(turn: Turn, stages: readonly StageWait[]): void {
  const { state, now } = turn;
  const tasks = state.stages.flatMap((stage) => someTaskWaits(state, stage));
  turn.effects.push({ kind: 'report-stall', stages, tasks });
  const [first] = stages.filter(({ reason }) => reason !== 'none');
  const where = first === undefined ? '' : `: stage ${first.stageId} is ${first.reason}`;
  const seconds = Math.round((now - state.stallWatch.since) / 1_000);
  const message = `the query made no progress for ${seconds} s although nothing kept it from going on${where}`;
  failQuery(turn, { code: 'INTERNAL_ERROR', message });
}

/** Something runs, waits for a slot or for the client, or has a timer of its own. */
function isExcused(state: QuerySchedulerState, stages: readonly StageWait[]): boolean {
  if (state.query.kind === 'finishing' || state.suspectedFailure !== null) return true;
  if (state.nodeWaitSince !== null || state.retryAt !== null) return true;
  if (state.pausedUntil !== null) return true;
  if (isUnread(state, stages)) return true;
  const isBusy = state.stages.some((stage) =>
    stage.tasks.some((task) => {
      const reason = whyTaskBlocked(task);
      return (task.kind === 'running' && reason === 'none') || reason === 'waiting-for-slot';
    }),
  );
  return isBusy || state.stages.some(({ scans }) => scans.some(isTimed));
}

/** The client takes no rows, also when that leaves no room for the root's next splits. */
function isUnread(state: QuerySchedulerState, stages: readonly StageWait[]): boolean {
  if (stages.at(-1)?.reason === 'result-not-consumed') return true;
  return rootStage(state).tasks.some((task) => whyTaskBlocked(task) === 'output-full');
}

function isTimed({ filterWait, locality, retryAt }: ScanState): boolean {
  return filterWait === 'waiting' || locality.timerAt !== null || retryAt !== null;
}

/** Differs whenever anything has been done since. */
function progressOf(state: QuerySchedulerState): string {
  const { query, stages, result } = state;
  const done = stages.map(({ kind, tasks, scans }) => [
    kind,
    tasks.map(({ kind: taskKind, inputs, stats }) => [
      taskKind,
      inputs.reduce((sum, { nextSequenceId }) => sum + nextSequenceId, 0),
      stats.splitsCompleted + stats.inputRows + stats.outputRows + stats.scannedRows,
      stats.inputBytes + stats.outputBytes,
      stats.cpuMs + stats.busyMs,
    ]),
    scans.map(({ batch, splitCount }) => [batch, splitCount]),
  ]);
  return JSON.stringify([query.kind, result, done]);
}

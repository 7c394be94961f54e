/** What split sources, clients and timers say. */
import { assertNever } from '../../common/assert.ts';
import type { ErrorReport } from '../../common/error.ts';
import { addPruned } from '../../common/plan/split.ts';
import { onFilterWaitOver } from './dynamic-filters.ts';
import { onNodeWaitOver } from './partition-launch.ts';
import { isTimerDue } from './placement/locality-wait.ts';
import { retryPlacement } from './placement/placement-policy.ts';
import { onCauseMissing, onSplitsLost } from './failures.ts';
import { failQuery } from './query-transitions.ts';
import type { SchedulerEvent, SchedulerTimer } from './scheduler-event.ts';
import { findScan, rootStage } from './scheduler-state.ts';
import { loadSplits } from './stage-scheduler/scan-feeding.ts';
import { cancelStage } from './stage-transitions.ts';
import { onRetryDue } from './query-retry.ts';
import { onSlowTasksDue } from './slow-attempts.ts';
import { onStallWatch } from './stall-watch.ts';
import { stopTask } from './turn.ts';
import type { Turn } from './turn.ts';

type EventOf<Kind extends SchedulerEvent['kind']> = Extract<
  SchedulerEvent,
  { readonly kind: Kind }
>;

/** The batch that was asked for; any other is late or repeated. */
export function onSplitsLoaded(turn: Turn, event: EventOf<'splits-loaded'>): void {
  const found = findScan(turn.state, event.sourceId);
  if (found === undefined) return;
  const { stage, scan } = found;
  if (!scan.isLoading || scan.batch !== event.batch) return;
  scan.isLoading = false;
  scan.batch += 1;
  scan.loadFailures = 0;
  scan.pending.push(...event.splits);
  scan.isExhausted = event.last;
  if (event.pruned !== undefined) scan.pruned = addPruned(scan.pruned, event.pruned);
  turn.touched.add(stage);
}

export function onSplitLoadingFailed(turn: Turn, event: EventOf<'split-loading-failed'>): void {
  const found = findScan(turn.state, event.sourceId);
  if (found === undefined || !found.scan.isLoading || found.scan.batch !== event.batch) return;
  onSplitsLost(turn, found, event.error);
}

/** The pause after a failed load is over. */
function onSplitRetry(
  turn: Turn,
  { sourceId, batch }: Extract<SchedulerTimer, { readonly kind: 'split-retry' }>,
): void {
  const found = findScan(turn.state, sourceId);
  if (found === undefined || found.scan.retryAt === null || found.scan.batch !== batch) return;
  found.scan.retryAt = null;
  loadSplits(turn, found.stage, found.scan);
}

/** Also while a symptom waits for its cause: it is none, and might have been overcome. */
export function onCancelRequested(turn: Turn, error: ErrorReport): void {
  failQuery(turn, error);
}

/** The client has everything: what still runs is not needed, root tasks may drop their pages. */
export function onResultReleased(turn: Turn): void {
  const { state } = turn;
  if (!state.result.isComplete) {
    const message = 'the result was released before all of it was known';
    failQuery(turn, { code: 'QUERY_CANCELLED', message });
    return;
  }
  state.result.isReleased = true;
  const root = rootStage(state);
  for (const stage of state.stages) {
    if (stage !== root) cancelStage(turn, stage);
  }
  for (const task of root.tasks) stopTask(turn, task, 'cancel');
}

export function onTimerFired(turn: Turn, timer: SchedulerTimer): void {
  const { state } = turn;
  switch (timer.kind) {
    case 'query-deadline':
      return onDeadline(turn);
    case 'result-announcement':
      state.result.isWindowClosed = true;
      return undefined;
    case 'split-retry':
      return onSplitRetry(turn, timer);
    case 'dynamic-filter-wait':
      return onFilterWaitOver(turn, timer);
    case 'locality-wait':
      return onLocalityWaitOver(turn, timer);
    case 'query-retry':
      return onRetryDue(turn, timer);
    case 'stall-watch':
      return onStallWatch(turn);
    case 'slow-tasks':
      return onSlowTasksDue(turn, timer);
    case 'node-allocation':
      return undefined;
    case 'scheduling-delay':
      return onPauseOver(turn);
    case 'node-wait':
      return onNodeWaitOver(turn, timer);
    case 'failure-cause': {
      const suspect = state.suspectedFailure;
      if (suspect !== null) onCauseMissing(turn, suspect);
      return undefined;
    }
    default:
      return assertNever(timer);
  }
}

/** A longer pause may have begun since. */
function onPauseOver({ state, now }: Turn): void {
  if (state.pausedUntil !== null && state.pausedUntil <= now) state.pausedUntil = null;
}

/** Splits may go one level farther now. */
function onLocalityWaitOver(
  turn: Turn,
  { sourceId }: Extract<SchedulerTimer, { readonly kind: 'locality-wait' }>,
): void {
  const found = findScan(turn.state, sourceId);
  if (found === undefined || !isTimerDue(found.scan.locality, turn.now)) return;
  found.scan.locality.timerAt = null;
  retryPlacement(turn, found.stage);
}

function onDeadline(turn: Turn): void {
  // The client has the whole result: too late to fail.
  if (turn.state.result.isReleased) return;
  const message = 'the query ran longer than query_max_run_time';
  failQuery(turn, { code: 'QUERY_TIMEOUT', message });
}

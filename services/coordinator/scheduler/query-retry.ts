/**
 * Retry of the whole query (T6): an attempt that fails is given up, all of its tasks are aborted, and after a delay the plan
 * runs again from the start, with a higher attempt number in every task, so that nothing an older attempt still says or
 * serves counts. Its result is withheld until it is computed (T8, T9): what the root tasks' buffers can hold of it. When
 * they are full, the result is committed as it is, and there is no further attempt.
 */
import type { ErrorReport } from '../../common/error.ts';
import type { Instant } from '../../common/ids.ts';
import { givenUpWork } from './counted-work.ts';
import { createDynamicFilters } from './dynamic-filters.ts';
import { drawPartitionMap, linkStages } from './execution-setup.ts';
import { queryRetryDelayMs } from './fault-tolerant/retry-delay.ts';
import { activeNodes } from './placement/node-selector.ts';
import { isQueryEnded } from './query-state.ts';
import { failQuery } from './query-transitions.ts';
import { createStage, mayRetryQuery, rootStage } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import type { StageState } from './stage-state.ts';
import { abandonStage, releaseSource } from './stage-transitions.ts';
import type { Turn } from './turn.ts';

/** Gives the attempt up and plans the next; fails the query when there may be none, and says why. */
export function retryQuery(turn: Turn, error: ErrorReport, stage?: StageState): void {
  const { state } = turn;
  if (isQueryEnded(state.query.kind)) return;
  const obstacle = obstacleOf(state);
  if (obstacle !== undefined) {
    const details = { ...error.details, no_retry: obstacle };
    failQuery(turn, { ...error, details }, stage);
    return;
  }
  for (const each of state.stages) abandonStage(turn, each, 'aborted');
  turn.touched.clear();
  forgetAttempt(state);
  const at = (turn.now + queryRetryDelayMs(state.attempt, state.options.retryDelays)) as Instant;
  state.retryAt = at;
  const { attempt } = state;
  turn.effects.push({ kind: 'change-result', attempt, commitment: 'withheld' });
  turn.effects.push({ kind: 'report-retry', attempt, at, error });
  turn.effects.push({ kind: 'arm-timer', timer: { kind: 'query-retry', attempt }, at });
}

/** The delay is over. */
export function onRetryDue(turn: Turn, { attempt }: { readonly attempt: number }): void {
  const { state } = turn;
  if (state.retryAt === null || state.attempt !== attempt) return;
  const nodes = activeNodes(state).map(({ node }) => node);
  if (nodes.length === 0) {
    const message = 'the cluster has no active worker';
    retryQuery(turn, { code: 'NO_NODES_AVAILABLE', message });
    return;
  }
  state.retryAt = null;
  state.partitionToNode.splice(0, Infinity, ...drawPartitionMap(state, nodes));
  linkStages(state);
  for (const { scans } of state.stages) {
    for (const { sourceId } of scans) turn.effects.push({ kind: 'rewind-split-source', sourceId });
  }
}

/** Shows the result of an attempt that is computed, or has no room left for what is withheld (T9). */
export function commitResult(turn: Turn): void {
  const { state } = turn;
  if (!mayRetryQuery(state) || state.retryAt !== null) return;
  const root = rootStage(state);
  const isComputed = root.kind === 'flushing' || root.kind === 'finished';
  if (!isComputed && !root.tasks.some(({ overutilized }) => overutilized.includes(true))) return;
  state.result.commitment = 'committed';
  // No other attempt will read them (T36).
  for (const scan of state.stages.flatMap(({ scans }) => scans))
    if (scan.isClosed) releaseSource(turn, scan);
  turn.effects.push({ kind: 'change-result', attempt: state.attempt, commitment: 'committed' });
}

/** The next attempt, in which nothing has begun. Only memory that was seen, and what was counted, stays. */
function forgetAttempt(state: QuerySchedulerState): void {
  const stages = state.stages.map((stage): StageState => {
    const { fragment, scans, memory } = stage;
    const fresh = createStage(fragment, givenUpWork(stage));
    state.memory.bytes -= memory.bytes;
    // A batch that is still on its way to the old attempt has another number.
    fresh.scans.forEach((scan, index) => (scan.batch = (scans[index]?.batch ?? 0) + 1));
    return fresh;
  });
  state.stages.splice(0, Infinity, ...stages);
  const fragments = stages.map(({ fragment }) => fragment);
  state.dynamicFilters.splice(0, Infinity, ...createDynamicFilters(fragments));
  for (const node of state.nodes) node.taskCount = 0;
  state.suspectedFailure = null;
  state.result.isComplete = false;
  state.attempt += 1;
}

/** Why there is no further attempt. */
function obstacleOf(state: QuerySchedulerState): string | undefined {
  if (!mayRetryQuery(state)) return 'rows of the result were given out';
  const { maxQueryRetries } = state.options;
  return state.attempt < maxQueryRetries ? undefined : `${maxQueryRetries} retries have failed`;
}

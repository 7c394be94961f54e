/**
 * The scheduling kernel: one instance per query, one writer, no I/O, no clock, no chance of its own. The state is
 * plain JSON-safe data that only these two functions change; the same inits and events give the same
 * effects, so a log of (now, event) is the query's history. States, events and invariants: SPEC.md.
 */
import { assertNever } from '../../common/assert.ts';
import type { Instant } from '../../common/ids.ts';
import { completeFilters, createDynamicFilters } from './dynamic-filters.ts';
import { onNodeDraining, onNodeJoined, onNodeLost } from './node-events.ts';
import { drawPartitionMap, linkStages } from './execution-setup.ts';
import { findMissingCapability } from './disciplines.ts';
import { notesOwnDue } from './launch-due.ts';
import { noDelay } from './fault-tolerant/retry-delay.ts';
import { createDescriptorStorage } from './fault-tolerant/task-descriptor.ts';
import { findPlanProblem } from './plan-check.ts';
import { eligibleNodes } from './placement/node-labels.ts';
import { awaitNode } from './partition-launch.ts';
import { executionPolicyOf, launcherOf, stageSchedulerOf } from './policies.ts';
import {
  onCancelRequested,
  onResultReleased,
  onSplitLoadingFailed,
  onSplitsLoaded,
  onTimerFired,
} from './query-events.ts';
import { isQueryEnded } from './query-state.ts';
import { dropMootSuspicion, failQuery, settleQuery, startRunning } from './query-transitions.ts';
import { commitResult } from './query-retry.ts';
import { announceResults } from './result-announcement.ts';
import type { SchedulerEffect } from './scheduler-effect.ts';
import type { SchedulerEvent } from './scheduler-event.ts';
import { describesTasks, retriesPartitions } from './scheduler-options.ts';
import type { QuerySchedulerInit, SchedulerOptions } from './scheduler-options.ts';
import { createStage, mayRetryQuery } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { armStallWatch } from './stall-watch.ts';
import { moveStage } from './stage-transitions.ts';
import { createTaskLeasing } from './lease-state.ts';
import { onTaskStatus } from './task-events.ts';
import { noMemorySeen } from './stage-state.ts';
import { beginTurn, finishTurn } from './turn.ts';
import type { Turn } from './turn.ts';

export interface QueryScheduler {
  readonly state: QuerySchedulerState;
  readonly effects: readonly SchedulerEffect[];
}

/** Starts a query: its state, and the first orders. Never throws for a bad plan: that query fails at once. */
export function createQueryScheduler(init: QuerySchedulerInit, now: Instant): QueryScheduler {
  const state = createState(init, now);
  const turn = beginTurn(state, now);
  const { schedule } = state;
  const problem =
    findPlanProblem(init.fragments) ??
    refusalOf(init.options) ??
    (schedule.kind === 'impossible' ? schedule.problem : undefined);
  if (problem !== undefined) {
    failQuery(turn, {
      code: 'INTERNAL_ERROR',
      message: `the plan cannot be scheduled: ${problem}`,
    });
  } else if (state.nodes.length === 0) {
    failQuery(turn, { code: 'NO_NODES_AVAILABLE', message: noWorker(init.options) });
  } else {
    linkStages(state);
    if (mayRetryQuery(state)) {
      turn.effects.push({ kind: 'change-result', attempt: 0, commitment: 'withheld' });
    }
    turn.effects.push({ kind: 'arm-timer', timer: { kind: 'query-deadline' }, at: init.deadline });
    const windowEnd = (now + init.options.resultAnnouncementDelayMs) as Instant;
    turn.effects.push({ kind: 'arm-timer', timer: { kind: 'result-announcement' }, at: windowEnd });
    armStallWatch(turn);
    settle(turn);
  }
  return { state, effects: finishTurn(turn) };
}

/** Takes one fact, changes `state`, returns the orders that follow from it, to be carried out in this order. */
export function onEvent(
  state: QuerySchedulerState,
  event: SchedulerEvent,
  now: Instant,
): readonly SchedulerEffect[] {
  const turn = beginTurn(state, now);
  turn.isAllDue = !notesOwnDue(event);
  applyEvent(turn, event);
  settle(turn);
  return finishTurn(turn);
}

function applyEvent(turn: Turn, event: SchedulerEvent): void {
  // An ended query gives no more orders, but the end of its tasks is still noted.
  const isNoted = event.kind === 'task-status' || event.kind === 'node-lost';
  if (isQueryEnded(turn.state.query.kind) && !isNoted) return;
  switch (event.kind) {
    case 'splits-loaded':
      return onSplitsLoaded(turn, event);
    case 'split-loading-failed':
      return onSplitLoadingFailed(turn, event);
    case 'task-status':
      return onTaskStatus(turn, event.status);
    case 'node-joined':
      return onNodeJoined(turn, event.node);
    case 'node-draining':
      return onNodeDraining(turn, event);
    case 'node-lost':
      return onNodeLost(turn, event);
    case 'cancel-requested':
      return onCancelRequested(turn, event.error);
    case 'result-released':
      return onResultReleased(turn);
    case 'timer-fired':
      return onTimerFired(turn, event.timer);
    default:
      return assertNever(event);
  }
}

/** Draws all conclusions: stages start, get tasks and splits, move on; then the query follows its root. */
function settle(turn: Turn): void {
  const { state } = turn;
  // Between two attempts there is nothing to conclude from.
  if (isQueryEnded(state.query.kind) || state.retryAt !== null) return;
  dropMootSuspicion(turn);
  completeFilters(turn);
  do {
    scheduleStages(turn);
    if (retriesPartitions(state.options) && mayLaunch(state)) launcherOf(state.options)(turn);
    // Tasks that have got their node by now may be what others had to wait for.
  } while (hasStageToStart(state));
  if (state.schedule.kind === 'regions' && !isQueryEnded(state.query.kind)) awaitNode(turn);
  if (state.stages.some((stage) => stage.tasks.length > 0)) startRunning(turn);
  announceResults(turn);
  commitResult(turn);
  settleQuery(turn);
}

function mayLaunch({ suspectedFailure, query }: QuerySchedulerState): boolean {
  return suspectedFailure === null && !isQueryEnded(query.kind);
}

function hasStageToStart(state: QuerySchedulerState): boolean {
  const { options } = state;
  if (!describesTasks(options) || !mayLaunch(state)) return false;
  return executionPolicyOf(options).stagesToStart(state).length > 0;
}

/** Stages that may start do, and get their tasks and splits, until nothing moves. */
function scheduleStages(turn: Turn): void {
  const { state } = turn;
  const policy = executionPolicyOf(state.options);
  // A suspected failure stops scheduling: what is not started need not be stopped.
  while (state.suspectedFailure === null) {
    for (const { stage, reason } of policy.stagesToStart(state)) {
      stage.startReason = reason;
      moveStage(turn, stage, 'scheduling');
    }
    const [stage] = turn.touched;
    if (stage === undefined) break;
    turn.touched.delete(stage);
    if (stage.kind === 'scheduling' || stage.kind === 'scheduling-splits') {
      stageSchedulerOf(state.options, stage).schedule(turn, stage);
    }
    completeFilters(turn);
  }
}

function createState(init: QuerySchedulerInit, now: Instant): QuerySchedulerState {
  const { queryId, options, fragments } = init;
  const random = { options, randomState: options.seed | 0 };
  const eligible = eligibleNodes(init.nodes, options);
  const nodes = eligible.map((node) => ({
    node,
    isDraining: false,
    isDistrusted: false,
    taskCount: 0,
  }));
  const partitionToNode = drawPartitionMap(random, eligible);
  return {
    queryId,
    options,
    query: { kind: 'starting' },
    stages: fragments.map((fragment) => createStage(fragment)),
    schedule: executionPolicyOf(options).createSchedule(fragments),
    dynamicFilters: createDynamicFilters(fragments),
    stageIndex: Object.fromEntries(fragments.map((fragment, index) => [fragment.id, index])),
    nodes,
    nodesVersion: 0,
    partitionToNode: [...partitionToNode],
    result: {
      isWindowClosed: false,
      isComplete: false,
      isReleased: false,
      commitment: options.retryPolicy === 'query' ? 'withheld' : 'committed',
    },
    suspectedFailure: null,
    attempt: 0,
    retryAt: null,
    stallWatch: { progress: '', since: now },
    unknownStatuses: 0,
    nodeWaitSince: null,
    memory: noMemorySeen(),
    leasing: createTaskLeasing(),
    failures: [],
    descriptors: createDescriptorStorage(options.taskRetries.maxDescriptorBytes),
    delay: noDelay(),
    pausedUntil: null,
    randomState: random.randomState,
  };
}

function refusalOf(options: SchedulerOptions): string | undefined {
  const problem = findMissingCapability(options, options);
  return problem === undefined ? undefined : `scheduling=${options.scheduling} ${problem}`;
}

function noWorker({ requiredLabels }: SchedulerOptions): string {
  if (requiredLabels.length === 0) return 'the cluster has no active worker';
  return `the cluster has no active worker with the labels ${requiredLabels.join(', ')}`;
}

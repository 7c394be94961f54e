/** Every wait has a reason that a user can ask for (T21). */
import { assertNever } from '../../common/assert.ts';
import type { StageId } from '../../common/ids.ts';
import type { TaskBlockedReason } from '../../common/task/task-status.ts';
import { awaitsAttempt } from './partition-launch.ts';
import { isLive, isWhole } from './partition-state.ts';
import { isQueryEnded } from './query-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { producersOf } from './stage-link.ts';
import { isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { isEnded } from './task-state.ts';
import { partitionWait, stageTargets } from './waits.ts';
import type { StageBlockedReason, WaitTargets } from './waits.ts';

export type QueryBlockedReason =
  | StageBlockedReason
  /** A task reported a symptom; its cause is awaited before the query fails. */
  | 'waiting-for-failure-cause'
  /** It has failed and is tried again after a delay (T6), or tasks of it have (F19). */
  | 'waiting-for-retry';

export interface BlockedReasons {
  readonly query: QueryBlockedReason;
  readonly stages: readonly StageWait[];
}

export interface StageWait extends WaitTargets {
  readonly stageId: StageId;
  readonly reason: StageBlockedReason;
}

export function whyBlocked(state: QuerySchedulerState): BlockedReasons {
  const stages = state.stages.map((stage): StageWait => {
    const reason = whyStageBlocked(state, stage);
    return { stageId: stage.stageId, reason, ...stageTargets(state, stage, reason) };
  });
  return {
    query: whyQueryBlocked(
      state,
      stages.map((stage) => stage.reason),
    ),
    stages,
  };
}

/** The query waits only if all of its live stages do: for what its deepest stage, the first in plan order, waits for. */
function whyQueryBlocked(
  state: QuerySchedulerState,
  reasons: readonly StageBlockedReason[],
): QueryBlockedReason {
  if (isQueryEnded(state.query.kind)) return 'none';
  if (state.suspectedFailure !== null) return 'waiting-for-failure-cause';
  if (state.retryAt !== null) return 'waiting-for-retry';
  if (state.query.kind === 'finishing') return 'result-not-consumed';
  const live = reasons.filter((_, index) => !isOver(state.stages[index]));
  if (live.includes('none')) return 'none';
  return state.pausedUntil === null ? (live[0] ?? 'none') : 'waiting-for-retry';
}

function isOver(stage: StageState | undefined): boolean {
  return stage === undefined || isStageDone(stage.kind);
}

function whyStageBlocked(state: QuerySchedulerState, stage: StageState): StageBlockedReason {
  const isRoot = stage === state.stages.at(-1);
  switch (stage.kind) {
    case 'planned':
      return 'waiting-for-earlier-stages';
    case 'scheduling':
    case 'scheduling-splits':
      if (stage.planning !== null && stage.scans.every(({ isClosed }) => isClosed))
        return whyInputOpen(stage);
      return stage.scans.length > 0 ? whySplitsBlocked(stage) : whyWritersBlocked(stage);
    case 'scheduled':
    case 'running':
      return whyPartitionsBlocked(state, stage) ?? whyTasksBlocked(stage, isRoot);
    case 'flushing':
      return isRoot ? 'result-not-consumed' : 'waiting-for-consumers';
    case 'finished':
    case 'canceled':
    case 'aborted':
    case 'failed':
      return 'none';
    default:
      return assertNever(stage.kind);
  }
}

function whySplitsBlocked(stage: StageState): StageBlockedReason {
  if (stage.isPlacementBlocked) return 'split-queues-full';
  if (stage.scans.some(({ locality }) => locality.isHeld)) return 'waiting-for-locality';
  const scan = stage.scans.find((each) => !each.isClosed);
  return scan?.filterWait === 'waiting' ? 'waiting-for-dynamic-filters' : 'waiting-for-source';
}

/** It has begun before its producers have stored all that it reads (F3). */
function whyInputOpen(stage: StageState): StageBlockedReason {
  return stage.tasks.some(isLive) ? whyTasksBlocked(stage, false) : 'waiting-for-input';
}

/** Writers that have nothing to read keep up; there may be more of them later. */
function whyWritersBlocked(stage: StageState): StageBlockedReason {
  const reason = whyTasksBlocked(stage, false);
  return reason === 'waiting-for-input' ? 'writer-scaling' : reason;
}

/** Nobody works at it, and partitions of it are missing; undefined = that is not so. */
function whyPartitionsBlocked(
  state: QuerySchedulerState,
  stage: StageState,
): StageBlockedReason | undefined {
  if (!stage.partitions.some((partition) => awaitsAttempt(stage, partition))) return undefined;
  if (stage.tasks.some(isLive)) return undefined;
  const waits = stage.partitions.map((partition) => partitionWait(state, stage, partition));
  if (waits.includes('waiting-for-memory')) return 'waiting-for-memory';
  return producersOf(state, stage).every(isWhole) ? 'waiting-for-lane' : 'waiting-for-input';
}

/** What the live tasks have in common; a full output outweighs what waits before it. */
function whyTasksBlocked(stage: StageState, isRoot: boolean): StageBlockedReason {
  const live = stage.tasks.filter((task) => !isEnded(task) && task.kind !== 'flushing');
  const reported = live.filter((task) => task.kind !== 'planned').map((task) => task.blockedReason);
  if (reported.includes('none')) return 'none';
  const order: readonly TaskBlockedReason[] = [
    'output-full',
    'waiting-for-slot',
    'waiting-for-input',
  ];
  switch (order.find((reason) => reported.includes(reason))) {
    case 'output-full':
      return isRoot ? 'result-not-consumed' : 'waiting-for-consumers';
    case 'waiting-for-slot':
      return 'waiting-for-slot';
    case 'waiting-for-input':
      return 'waiting-for-input';
    default:
      return 'waiting-for-tasks';
  }
}

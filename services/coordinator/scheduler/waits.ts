/** Whom a stage or a task waits for: the stages, tasks, workers and scans behind each reason (T21). */
import { assertNever } from '../../common/assert.ts';
import type { NodeId, SourceId, StageId, TaskId } from '../../common/ids.ts';
import type { TaskBlockedReason } from '../../common/task/task-status.ts';
import { missingFilters } from './dynamic-filters.ts';
import { findLease } from './fault-tolerant/node-lease.ts';
import type { NodeAllocation, NodeLease } from './fault-tolerant/node-lease.ts';
import { awaitsAttempt, mayLaunch } from './partition-launch.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { describesTasks } from './scheduler-options.ts';
import { stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { consumersOf, producersOf } from './stage-link.ts';
import { nextTaskId } from './stage-linkage.ts';
import { isFullyScheduled, isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { isEnded } from './task-state.ts';
import type { TaskState } from './task-state.ts';

export type StageBlockedReason =
  /** Not blocked: a task of it runs, or it is over. */
  | 'none'
  /** The execution policy starts other stages first. */
  | 'waiting-for-earlier-stages'
  /** Its scan waits for what another stage knows of its keys. */
  | 'waiting-for-dynamic-filters'
  /** A batch of splits is being loaded. */
  | 'waiting-for-source'
  /** Splits wait for room in the queues of tasks and nodes. */
  | 'split-queues-full'
  /** Splits wait for room near their data. */
  | 'waiting-for-locality'
  /** Its writers keep up with the rows, and more may follow (T31). */
  | 'writer-scaling'
  /** Its partitions wait for a lane of a worker: all are taken, or there is no worker (S11). */
  | 'waiting-for-lane'
  /** Its partitions wait for the memory that they are expected to need: no worker has so much free (F31). */
  | 'waiting-for-memory'
  /** Tasks were ordered and have not reported, or not ended, yet. */
  | 'waiting-for-tasks'
  /** All live tasks wait for pages of other stages. */
  | 'waiting-for-input'
  /** All live tasks wait for a slot of their worker. */
  | 'waiting-for-slot'
  /** Its rows wait for the stages that read them. */
  | 'waiting-for-consumers'
  /** Its rows wait for the client. */
  | 'result-not-consumed';

/** By id; at most so many of each as tell somebody where to look. The client has no id. */
export interface WaitTargets {
  readonly stages: readonly StageId[];
  readonly tasks: readonly TaskId[];
  readonly nodes: readonly NodeId[];
  readonly sources: readonly SourceId[];
}

export interface TaskWait extends WaitTargets {
  readonly taskId: TaskId;
  readonly reason: TaskWaitReason;
}

export type TaskWaitReason =
  | TaskBlockedReason
  /** It was ordered, and its worker has said nothing of it yet. */
  | 'waiting-for-report'
  /** It is to be made when a worker has a lane, or so much memory, for it. */
  | 'waiting-for-lane'
  | 'waiting-for-memory'
  /** It was told to stop, and has not ended. */
  | 'waiting-for-stop';

const MAX_TARGETS = 16;
const NOBODY: WaitTargets = { stages: [], tasks: [], nodes: [], sources: [] };

export function stageTargets(
  state: QuerySchedulerState,
  stage: StageState,
  reason: StageBlockedReason,
): WaitTargets {
  switch (reason) {
    case 'none':
    case 'result-not-consumed':
      return NOBODY;
    case 'waiting-for-earlier-stages':
      return { ...NOBODY, stages: idsOf(stagesBefore(state, stage)) };
    case 'waiting-for-dynamic-filters': {
      const filters = stage.scans.flatMap((scan) => missingFilters(state, stage, scan));
      return { ...NOBODY, stages: some(filters.flatMap(({ producers }) => producers)) };
    }
    case 'waiting-for-source':
      return { ...NOBODY, sources: openSources(stage) };
    case 'split-queues-full':
    case 'waiting-for-locality':
    case 'waiting-for-slot':
      return { ...NOBODY, nodes: some(liveTasks(stage).map(({ nodeId }) => nodeId)) };
    case 'waiting-for-lane':
    case 'waiting-for-memory':
      return { ...NOBODY, nodes: some(activeNodes(state).map(({ node }) => node.nodeId)) };
    case 'waiting-for-tasks': {
      const tasks = liveTasks(stage).filter(
        ({ kind }) => kind === 'planned' || kind === 'flushing',
      );
      const nodes = some(tasks.map(({ nodeId }) => nodeId));
      return { ...NOBODY, tasks: tasks.slice(0, MAX_TARGETS).map(({ taskId }) => taskId), nodes };
    }
    case 'writer-scaling':
    case 'waiting-for-input':
      return { ...NOBODY, stages: openProducers(state, stage) };
    case 'waiting-for-consumers':
      return { ...NOBODY, stages: openConsumers(state, stage) };
    default:
      return assertNever(reason);
  }
}

/** Why a live task does not progress, and for whom it waits; `none` for one that runs, or has ended. */
export function taskWait(state: QuerySchedulerState, stage: StageState, task: TaskState): TaskWait {
  const reason = whyTaskBlocked(task);
  return { taskId: task.taskId, reason, ...taskTargets(state, { stage, task, reason }) };
}

/** The tasks of a stage that wait, or wait to be made, so many as tell where to look. */
export function someTaskWaits(state: QuerySchedulerState, stage: StageState): readonly TaskWait[] {
  const waits = liveTasks(stage)
    .filter((task) => whyTaskBlocked(task) !== 'none')
    .slice(0, MAX_TARGETS)
    .map((task) => taskWait(state, stage, task));
  for (const partition of stage.partitions) {
    if (waits.length === MAX_TARGETS) break;
    const reason = partitionWait(state, stage, partition);
    if (reason === undefined) continue;
    const taskId = nextTaskId(state, stage, partition);
    waits.push({ taskId, reason, ...stageTargets(state, stage, reason) });
  }
  return waits;
}

/**
 * What the next attempt of a partition waits for when only a worker is missing: a lane (S11) or memory (F31). `undefined` = it
 * has one, or waits for something else.
 */
export function partitionWait(
  state: QuerySchedulerState,
  stage: StageState,
  partition: PartitionState,
): 'waiting-for-lane' | 'waiting-for-memory' | undefined {
  if (!mayLaunch(state, stage) || !awaitsAttempt(stage, partition)) return undefined;
  if (!describesTasks(state.options)) return 'waiting-for-lane';
  const { request, queuedAs } = partition;
  if (request === null && queuedAs === null) return undefined;
  const { allocation } = state.leasing;
  // What is still queued waits for those that have asked (F7).
  const lease =
    request === null ? firstRefused(allocation) : findLease(allocation, request.leaseId);
  return lease?.lack === 'memory' ? 'waiting-for-memory' : 'waiting-for-lane';
}

function firstRefused(allocation: NodeAllocation): NodeLease | undefined {
  const refused = allocation.waiting.map((leaseId) => findLease(allocation, leaseId));
  return refused.find((lease) => lease !== undefined && lease.lack !== null);
}

export function whyTaskBlocked(task: TaskState): TaskWaitReason {
  switch (task.kind) {
    case 'planned':
      return 'waiting-for-report';
    case 'running':
      return task.blockedReason;
    case 'flushing':
      return 'output-full';
    case 'canceling':
    case 'aborting':
    case 'failing':
      return 'waiting-for-stop';
    case 'finished':
    case 'canceled':
    case 'aborted':
    case 'failed':
      return 'none';
    default:
      return assertNever(task.kind);
  }
}

interface WaitingTask {
  readonly stage: StageState;
  readonly task: TaskState;
  readonly reason: TaskWaitReason;
}

function taskTargets(
  state: QuerySchedulerState,
  { stage, task, reason }: WaitingTask,
): WaitTargets {
  switch (reason) {
    case 'none':
      return NOBODY;
    case 'waiting-for-report':
    case 'waiting-for-stop':
    case 'waiting-for-slot':
    case 'waiting-for-lane':
    case 'waiting-for-memory':
      return { ...NOBODY, nodes: [task.nodeId] };
    case 'waiting-for-splits':
      return { ...NOBODY, sources: openSources(stage) };
    case 'waiting-for-input':
      return { ...NOBODY, stages: openProducers(state, stage) };
    case 'output-full':
      return { ...NOBODY, stages: openConsumers(state, stage) };
    default:
      return assertNever(reason);
  }
}

/** Stages that the execution policy wants further on before it starts this one. */
function stagesBefore(state: QuerySchedulerState, stage: StageState): readonly StageState[] {
  const { schedule, stages } = state;
  switch (schedule.kind) {
    case 'edges': {
      const before = (schedule.startsAfter[stage.stageId] ?? []).map((id) => stageOf(state, id));
      return before.filter(({ kind }) => !isFullyScheduled(kind));
    }
    case 'phases':
      return stages.filter(({ kind }) => kind !== 'planned' && !isFullyScheduled(kind));
    case 'none':
    case 'impossible':
    case 'regions':
      return producersOf(state, stage).filter(({ kind }) => !isStageDone(kind));
    default:
      return assertNever(schedule);
  }
}

function openProducers(state: QuerySchedulerState, stage: StageState): readonly StageId[] {
  return idsOf(producersOf(state, stage).filter(({ kind }) => !isStageDone(kind)));
}

/** Empty = the client. */
function openConsumers(state: QuerySchedulerState, stage: StageState): readonly StageId[] {
  return idsOf(consumersOf(state, stage).filter(({ kind }) => !isStageDone(kind)));
}

function openSources(stage: StageState): readonly SourceId[] {
  return stage.scans.filter(({ isClosed }) => !isClosed).map(({ sourceId }) => sourceId);
}

function liveTasks(stage: StageState): readonly TaskState[] {
  return stage.tasks.filter((task) => !isEnded(task));
}

function idsOf(stages: readonly StageState[]): readonly StageId[] {
  return some(stages.map(({ stageId }) => stageId));
}

function some<T>(ids: readonly T[]): readonly T[] {
  return [...new Set(ids)].slice(0, MAX_TARGETS);
}

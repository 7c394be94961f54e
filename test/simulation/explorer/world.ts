/**
 * A world small enough to be visited whole: the kernel's state, what tasks have been told and have done, and everything under
 * way, as plain data. Time stands still; every order of events is as good as any other.
 */
import type { ErrorReport } from '../../../services/common/error.ts';
import type { Instant, NodeInstanceId, TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { OutputBuffers } from '../../../services/common/task/output-buffers.ts';
import { NO_TASK_STATS } from '../../../services/common/task/task-status.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import type {
  SchedulerNode,
  SchedulerTimer,
} from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../../../services/coordinator/scheduler/scheduler-state.ts';

export type FaultKind =
  | 'status-lost'
  | 'status-repeated'
  | 'node-lost'
  | 'task-failure'
  /** As `task-failure`, for a reason that another attempt may not meet. */
  | 'read-failure'
  /** A task lacks memory. */
  | 'memory-kill'
  /** What a finished task has spooled for other stages is gone. */
  | 'spool-lost'
  | 'cancel';

export interface Configuration {
  readonly name: string;
  readonly fragments: readonly PlanFragment[];
  /** Splits of each scan; a split is one row, its number. */
  readonly splits: Readonly<Record<number, number>>;
  readonly nodes: readonly SchedulerNode[];
  readonly options: SchedulerOptions;
  /** Each happens at most once. */
  readonly faults: readonly FaultKind[];
}

/** What a task has been told of one source. */
export interface KnownSource {
  readonly sourceId: number;
  nextSequenceId: number;
  /** Rows of its file splits. */
  readonly rows: number[];
  /** Buffers of other tasks, as `task/output/buffer`. */
  readonly remotes: string[];
  hasEnded: boolean;
}

export interface KnownTask {
  readonly key: string;
  readonly taskId: TaskId;
  readonly node: NodeInstanceId;
  readonly nodeId: SchedulerNode['nodeId'];
  state: TaskStatus['state'];
  readonly sources: KnownSource[];
  outputs: readonly OutputBuffers[];
  /** What it has made, when it has. */
  rows: readonly number[];
  /** Buffers that their readers are done with, as `output/buffer`. */
  readonly read: string[];
  version: number;
  failure: ErrorReport | null;
}

export interface World {
  readonly kernel: QuerySchedulerState;
  /** In the order of creation. */
  readonly tasks: KnownTask[];
  /** Batches of splits that were asked for; `isOld`: of an attempt that was given up. */
  readonly loads: { readonly sourceId: number; readonly batch: number; readonly isOld: boolean }[];
  /** Splits given out, by source. */
  readonly positions: Record<number, number>;
  readonly timers: SchedulerTimer[];
  /** Under way to the coordinator, in no order. */
  readonly statuses: TaskStatus[];
  /** The last of each task that arrived, where a repetition may still come. */
  readonly arrived: TaskStatus[];
  /** Runs that died, and whether the coordinator knows. */
  readonly dead: { readonly node: string; isTold: boolean }[];
  faults: FaultKind[];
  /** Tasks whose last status was lost: they say it again. */
  readonly unheard: string[];
  readonly announced: string[];
  hasAllResults: boolean;
  /** What is announced may be read. */
  isCommitted: boolean;
  readonly taken: string[];
  isReleased: boolean;
  /** Tasks whose stored pages nobody reads any more. */
  readonly released: string[];
  /** Tasks whose spooled pages are gone, though nobody has released them. */
  readonly lost: string[];
  /** Of what was ordered: what must not happen twice. */
  readonly placed: string[];
  readonly closed: number[];
  /** `finished`, or the code of the error. */
  end: string | null;
}

export const NOW = 0 as Instant;
/** Further statuses of one task under way say nothing that these two do not. */
const MAX_UNDER_WAY = 2;

/** A law of the small world is broken. */
export class LawBroken extends Error {}

export function keyOf({ stageId, partitionId, attempt }: TaskId): string {
  return `${stageId}.${partitionId}.${attempt}`;
}

export function taskOf(world: World, key: string): KnownTask {
  const task = world.tasks.find((each) => each.key === key);
  if (task === undefined) throw new LawBroken(`nobody was told of task ${key}`);
  return task;
}

export function isDead(world: World, node: string): boolean {
  return world.dead.some((each) => each.node === node);
}

/** Its pages are kept when it has ended: it waits for no reader. */
export function isStored({ outputs }: KnownTask): boolean {
  return outputs.every(({ retention = 'streaming' }) => retention !== 'streaming');
}

/** They are kept where they survive its worker, too. */
export function isSpooled({ outputs, state }: KnownTask): boolean {
  return state === 'finished' && outputs.some(({ retention }) => retention === 'spooled');
}

/** It runs, or what it has made is where it was left. */
export function isThere(world: World, task: KnownTask): boolean {
  return isSpooled(task) || !isDead(world, task.node);
}

/** The task says what it has and where it is. */
export function report(world: World, task: KnownTask): void {
  if (isDead(world, task.node)) return;
  task.version += 1;
  const status: TaskStatus = {
    taskId: task.taskId,
    nodeId: task.nodeId,
    nodeInstanceId: task.node,
    version: task.version,
    state: task.state,
    outputs: task.outputs.map(({ bufferIds }) => ({
      state: task.state === 'running' ? 'open' : 'flushing',
      bufferedBytes: task.rows.length,
      utilization: 0,
      overutilized: false,
      ...(isSpooled(task) ? { storedBytes: bufferIds.map(() => 8) } : {}),
    })),
    queuedSplitWeight: 0,
    receivedSplits: task.sources.map(({ sourceId, nextSequenceId }) => ({
      sourceId: sourceId as never,
      sequenceId: nextSequenceId - 1,
    })),
    blockedReason: 'none',
    stats: { ...NO_TASK_STATS, outputRows: task.rows.length },
    ...(task.failure === null ? {} : { error: task.failure }),
  };
  const ofTask = world.statuses.filter((each) => keyOf(each.taskId) === task.key);
  if (ofTask.length >= MAX_UNDER_WAY && ofTask[0] !== undefined) {
    world.statuses.splice(world.statuses.indexOf(ofTask[0]), 1);
  }
  world.statuses.push(status);
}

/** A worker without DuckDB and sockets: takes orders, runs as many tasks at a time as it has slots, and reports them. */
import type { NodeId, NodeInstanceId, SourceId, TaskId } from '../../services/common/ids.ts';
import { formatTaskId } from '../../services/common/ids.ts';
import type { SplitAssignment } from '../../services/common/plan/split.ts';
import { NO_TASK_STATS } from '../../services/common/task/task-status.ts';
import type { TaskStateKind, TaskStatus } from '../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import type { WorkerHello } from '../../services/coordinator/cluster/cluster-event.ts';
import type { SchedulerNode } from '../../services/coordinator/scheduler/scheduler-event.ts';

export type TaskOrder = Extract<SchedulerEffect, { readonly kind: 'update-task' | 'stop-task' }>;

/** What a task is on this worker. */
interface FakeTask {
  readonly taskId: TaskId;
  readonly open: Set<SourceId>;
  readonly received: Map<SourceId, number>;
  /** Per output: how many buffers. */
  readonly bufferCounts: readonly number[];
  phase: 'waiting' | 'queued' | 'running' | 'ended';
  startedAtMs: number;
  version: number;
}

/** What the worker needs of the simulation. */
export interface WorkerWorld {
  now(): number;
  after(delayMs: number, action: () => void): void;
  report(status: TaskStatus): void;
  /** On a node of usual speed. */
  durationOf(taskId: TaskId): number;
  /** Bytes that a task leaves for each partition of its reader. */
  storedBytesOf(taskId: TaskId): number;
  onEnd(run: TaskRun): void;
}

export interface TaskRun {
  readonly taskId: TaskId;
  readonly busyMs: number;
  readonly isFinished: boolean;
}

export class FakeWorker {
  readonly node: SchedulerNode;
  /** How many times as long as usual everything takes. */
  slowness = 1;
  isAlive = true;
  readonly #world: WorkerWorld;
  readonly #tasks = new Map<string, FakeTask>();
  readonly #queue: FakeTask[] = [];
  #freeSlots: number;

  constructor(index: number, slots: number, world: WorkerWorld) {
    this.#world = world;
    this.#freeSlots = slots;
    this.node = {
      nodeId: `worker-${index}` as NodeId,
      nodeInstanceId: `worker-${index}-run-1` as NodeInstanceId,
      address: `worker-${index}:7442`,
      taskConcurrency: slots,
      cores: slots,
      memoryBytes: slots * 4 * 1024 ** 3,
    };
  }

  take(order: TaskOrder): void {
    if (!this.isAlive) return;
    if (order.kind === 'stop-task') this.#stop(order.taskId);
    else this.#update(order);
  }

  /** The process is gone; what ran on it was in vain. */
  die(): void {
    this.isAlive = false;
    for (const task of this.#tasks.values()) this.#end(task, false);
    this.#tasks.clear();
  }

  #update(order: Extract<TaskOrder, { readonly kind: 'update-task' }>): void {
    const key = formatTaskId(order.taskId);
    const task = this.#tasks.get(key) ?? this.#create(key, order);
    if (task.phase === 'ended') return;
    for (const assignment of order.splitAssignments) receive(task, assignment);
    if (task.phase !== 'waiting') return;
    this.#report(task, 'running');
    if (task.open.size > 0) return;
    task.phase = 'queued';
    this.#queue.push(task);
    this.#fillSlots();
  }

  #create(key: string, order: Extract<TaskOrder, { readonly kind: 'update-task' }>): FakeTask {
    const task: FakeTask = {
      taskId: order.taskId,
      open: new Set(order.splitAssignments.map(({ sourceId }) => sourceId)),
      received: new Map(),
      bufferCounts: order.outputBuffers.map(({ bufferIds }) => bufferIds.length),
      phase: 'waiting',
      startedAtMs: 0,
      version: 0,
    };
    this.#tasks.set(key, task);
    return task;
  }

  #fillSlots(): void {
    while (this.#freeSlots > 0) {
      const task = this.#queue.shift();
      if (task === undefined) return;
      if (task.phase !== 'queued') continue;
      this.#freeSlots -= 1;
      task.phase = 'running';
      task.startedAtMs = this.#world.now();
      const durationMs = this.#world.durationOf(task.taskId) * this.slowness;
      this.#world.after(durationMs, () => this.#finish(task));
    }
  }

  #finish(task: FakeTask): void {
    if (task.phase !== 'running' || !this.isAlive) return;
    this.#end(task, true);
    this.#report(task, 'finished');
    this.#fillSlots();
  }

  #stop(taskId: TaskId): void {
    const task = this.#tasks.get(formatTaskId(taskId));
    if (task === undefined || task.phase === 'ended') return;
    this.#end(task, false);
    this.#report(task, 'aborted', 'aborting');
    this.#fillSlots();
  }

  #end(task: FakeTask, isFinished: boolean): void {
    if (task.phase === 'ended') return;
    const isRunning = task.phase === 'running';
    task.phase = 'ended';
    this.#tasks.delete(formatTaskId(task.taskId));
    if (!isRunning) return;
    this.#freeSlots += 1;
    const busyMs = this.#world.now() - task.startedAtMs;
    this.#world.onEnd({ taskId: task.taskId, busyMs, isFinished });
  }

  #report(task: FakeTask, ...states: readonly TaskStateKind[]): void {
    for (const state of states.toReversed()) {
      task.version += 1;
      this.#world.report(this.#statusOf(task, state));
    }
  }

  #statusOf(task: FakeTask, state: TaskStateKind): TaskStatus {
    const { nodeId, nodeInstanceId } = this.node;
    const isFinished = state === 'finished';
    const bytes = isFinished ? this.#world.storedBytesOf(task.taskId) : 0;
    return {
      taskId: task.taskId,
      nodeId,
      nodeInstanceId,
      version: task.version,
      state,
      outputs: task.bufferCounts.map((count) => ({
        state: isFinished ? 'finished' : 'open',
        bufferedBytes: 0,
        utilization: 0,
        overutilized: false,
        ...(isFinished ? { storedBytes: Array.from({ length: count }, () => bytes) } : {}),
      })),
      queuedSplitWeight: 0,
      receivedSplits: [...task.received].map(([sourceId, sequenceId]) => ({
        sourceId,
        sequenceId,
      })),
      blockedReason: 'none',
      stats: isFinished
        ? { ...NO_TASK_STATS, inputRows: 1_000, outputRows: 1_000, peakMemoryBytes: 2 ** 28 }
        : NO_TASK_STATS,
      ...(isFinished && task.bufferCounts.length === 1 && bytes === 0 ? { inlinePages: [] } : {}),
    };
  }
}

function receive(task: FakeTask, { sourceId, splits, noMoreSplits }: SplitAssignment): void {
  const last = splits.at(-1);
  if (last !== undefined) task.received.set(sourceId, last.sequenceId);
  if (noMoreSplits) task.open.delete(sourceId);
}

/** As it introduces itself. */
export function helloOf({ node }: FakeWorker): WorkerHello {
  return {
    protocolVersion: 1,
    version: '0',
    duckdbVersion: '0',
    hashFingerprint: '0',
    labels: [],
    location: [],
    ...node,
    memoryBytes: node.memoryBytes ?? 0,
  };
}

/**
 * The tasks of this worker. Orders are idempotent: a repeated one changes nothing, one for an older attempt
 * is stale, one for a task that is over comes too late. Ended tasks are remembered for a while, so that a
 * repeated order does not start them again.
 */
import type { Clock } from '../../common/clock.ts';
import { EngineError, toErrorReport } from '../../common/error.ts';
import { formatTaskId, type Instant, type TaskId } from '../../common/ids.ts';
import type { Logger } from '../../common/logger.ts';
import {
  isTerminalTaskState,
  NO_TASK_STATS,
  type TaskStatus,
  type TaskStop,
  type TaskUpdate,
} from '../../common/task/task-status.ts';
import type { NodeIdentity } from './node-identity.ts';
import { TaskExecution } from './task-execution.ts';
import type { TaskPorts } from './task-ports.ts';

export interface TasksOptions {
  readonly identity: NodeIdentity;
  /** Without a line to the coordinator for so long, tasks end as TASK_ABANDONED. */
  readonly clientTimeoutMs: number;
  /** How long an ended task is remembered. */
  readonly endedTaskMaxAgeMs: number;
}

export interface TasksDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly ports: TaskPorts;
  readonly onStatus: (status: TaskStatus) => void;
}

export class TaskManager {
  readonly #options: TasksOptions;
  readonly #deps: TasksDeps;
  readonly #live = new Map<string, TaskExecution>();
  /** When each of them ended, oldest first. */
  readonly #ended = new Map<string, EndedTask>();
  /** Per (query, stage, partition): the newest attempt that was ordered. */
  readonly #attempts = new Map<string, number>();
  #isDraining = false;
  #isClosed = false;
  #cancelWatch: (() => void) | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: TasksOptions, deps: TasksDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get liveTaskCount(): number {
    return this.#live.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Starts the task, or tells it what is new. */
  update(update: TaskUpdate): void {
    const key = formatTaskId(update.taskId);
    const task = this.#live.get(key);
    if (task !== undefined) task.update(update);
    else if (this.#isStale(key, update.taskId)) this.#deps.log.info({ task: key }, 'stale order');
    else this.#start(key, update);
  }

  stop(taskId: TaskId, stop: TaskStop): void {
    const key = formatTaskId(taskId);
    const task = this.#live.get(key);
    if (task === undefined) this.#deps.log.debug({ task: key, stop }, 'no such task to stop');
    else task.stop(stop);
  }

  /** Nobody reads the stored outputs of this task any more: it may have ended, or else it has nothing to run for. */
  releaseOutput(taskId: TaskId): void {
    this.#live.get(formatTaskId(taskId))?.stop('abort');
    this.#deps.ports.releaseOutput(taskId);
  }

  /** The coordinator is there. */
  onConnected(): void {
    this.#cancelWatch?.();
    this.#cancelWatch = undefined;
  }

  /** The coordinator is away; after too long nobody will want the tasks. */
  onDisconnected(): void {
    if (this.#isClosed) return;
    this.#cancelWatch ??= this.#deps.clock.schedule(this.#options.clientTimeoutMs, () => {
      this.#cancelWatch = undefined;
      this.abandonAll('the coordinator has been away for too long');
    });
  }

  /** Nobody will ask for these tasks again, nor for what ended ones have stored. */
  abandonAll(reason: string): void {
    const error = new EngineError('TASK_ABANDONED', reason);
    for (const task of this.#live.values()) task.fail(error);
    this.#deps.ports.releaseAllOutputs();
  }

  /** Refuses new tasks from now on. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Resolves when no task is live. */
  async idle(): Promise<void> {
    if (this.#live.size === 0) return;
    await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Watches no longer whether the coordinator is there. */
  close(): void {
    this.#isClosed = true;
    this.#cancelWatch?.();
  }

  #isStale(key: string, taskId: TaskId): boolean {
    const newest = this.#attempts.get(partitionKey(taskId)) ?? 0;
    return this.#ended.has(key) || taskId.attempt < newest;
  }

  #start(key: string, update: TaskUpdate): void {
    if (update.fragment === undefined) {
      this.refuse(
        update.taskId,
        new EngineError('TASK_NOT_FOUND', `task ${key} is not known here`),
      );
      return;
    }
    if (this.#isDraining) {
      this.refuse(update.taskId, new EngineError('SHUTTING_DOWN', 'the worker is draining'));
      return;
    }
    this.#forgetOld();
    this.#abortOlderAttempts(update.taskId);
    const { clock, log, ports } = this.#deps;
    const { nodeId, instanceId: nodeInstanceId } = this.#options.identity;
    const onStatus = (status: TaskStatus): void => this.#onStatus(key, status);
    const env = { nodeId, nodeInstanceId, clock, log, ports, onStatus };
    this.#live.set(key, new TaskExecution(update, update.fragment, env));
  }

  #abortOlderAttempts(taskId: TaskId): void {
    const partition = partitionKey(taskId);
    this.#attempts.set(partition, taskId.attempt);
    for (const task of this.#live.values()) {
      if (partitionKey(task.taskId) === partition) task.stop('abort');
    }
  }

  /** Reports a task as failed that was never begun. */
  refuse(taskId: TaskId, error: EngineError): void {
    const { nodeId, instanceId: nodeInstanceId } = this.#options.identity;
    this.#deps.onStatus({
      taskId,
      nodeId,
      nodeInstanceId,
      version: 1,
      state: 'failed',
      error: toErrorReport(error),
      outputs: [],
      queuedSplitWeight: 0,
      receivedSplits: [],
      blockedReason: 'none',
      stats: NO_TASK_STATS,
    });
  }

  #onStatus(key: string, status: TaskStatus): void {
    this.#deps.onStatus(status);
    if (!isTerminalTaskState(status.state) || !this.#live.delete(key)) return;
    this.#ended.set(key, { taskId: status.taskId, endedAt: this.#deps.clock.now() });
    if (this.#live.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #forgetOld(): void {
    const now = this.#deps.clock.now();
    for (const [key, { taskId, endedAt }] of this.#ended) {
      if (now - endedAt < this.#options.endedTaskMaxAgeMs) return;
      this.#ended.delete(key);
      const partition = partitionKey(taskId);
      if (this.#attempts.get(partition) === taskId.attempt) this.#attempts.delete(partition);
    }
  }
}

interface EndedTask {
  readonly taskId: TaskId;
  readonly endedAt: Instant;
}

function partitionKey({ queryId, stageId, partitionId }: TaskId): string {
  return `${queryId}.${stageId}.${partitionId}`;
}

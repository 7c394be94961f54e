/** One run of a worker's process: its tasks, its slots, its exchange. A crash ends it without a word. */
import type { EngineError } from '../../../services/common/error.ts';
import { toErrorReport } from '../../../services/common/error.ts';
import type { Instant, TaskId } from '../../../services/common/ids.ts';
import type { OutputLocation } from '../../../services/common/plan/split.ts';
import type { TaskStop } from '../../../services/common/task/task-status.ts';
import type { SchedulerNode } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { neededBytes } from '../cluster-worker.ts';
import type { ClusterWorker, TaskOrder, WorkerListener, WorkerSetup } from '../cluster-worker.ts';
import type { WorkerProfile } from '../scenario.ts';
import type { FetchReply } from './simulated-output.ts';
import type { SimulatedSpool } from './simulated-spool.ts';
import type { ExchangeServer, ReaderDeps } from './simulated-reader.ts';
import { SimulatedTask } from './simulated-task.ts';
import type { TaskHost } from './simulated-task.ts';

export interface WorkerDeps {
  readonly readers: ReaderDeps;
  readonly spool: SimulatedSpool;
  readonly drawBelow: (bound: number) => number;
}

export class SimulatedWorker implements ClusterWorker, ExchangeServer {
  readonly node: SchedulerNode;
  isAlive = true;
  #pausedUntil = 0;
  readonly #profile: WorkerProfile;
  readonly #maxNeedBytes: number;
  readonly #listener: WorkerListener;
  readonly #deps: WorkerDeps;
  readonly #tasks = new Map<string, SimulatedTask>();
  readonly #versions = new Map<SimulatedTask, number>();
  readonly #holders = new Set<SimulatedTask>();
  readonly #waiting: SimulatedTask[] = [];
  /** Readers that were done with a task before its first order came. */
  readonly #destroyedEarly: OutputLocation[] = [];

  constructor({ node, profile, maxNeedBytes, listener }: WorkerSetup, deps: WorkerDeps) {
    this.#maxNeedBytes = maxNeedBytes;
    this.node = node;
    this.#profile = profile;
    this.#listener = listener;
    this.#deps = deps;
  }

  update(order: TaskOrder): void {
    if (!this.isAlive) return;
    const key = keyOf(order.taskId);
    const known = this.#tasks.get(key);
    if (known !== undefined) return known.update(order);
    if (order.fragment === undefined) throw new Error(`first order of task ${key} has no fragment`);
    for (const older of this.#tasks.values())
      if (isEarlierAttempt(older.taskId, order.taskId)) older.stop('abort');
    const task = new SimulatedTask(order.taskId, order.fragment, this.#host(order));
    this.#tasks.set(key, task);
    task.update(order);
    for (const location of this.#destroyedEarly) {
      if (keyOf(location.taskId) === key) this.destroy(location);
    }
  }

  stop(taskId: TaskId, stop: TaskStop): void {
    if (!this.isAlive) return;
    const task = this.#tasks.get(keyOf(taskId));
    if (task === undefined) throw new Error(`stop of an unknown task ${keyOf(taskId)}`);
    task.stop(stop);
  }

  releaseOutput(taskId: TaskId): void {
    if (this.isAlive) this.#tasks.get(keyOf(taskId))?.release();
  }

  storedOutputs(): readonly string[] {
    const tasks = [...this.#tasks.values()].filter((task) => task.holdsStored());
    return tasks.map(({ taskId }) => keyOf(taskId));
  }

  damageOutputs(stageId: number): void {
    for (const task of this.#tasks.values())
      if (task.taskId.stageId === stageId && task.holdsStored()) task.damage();
  }

  crash(): void {
    this.isAlive = false;
    for (const task of this.#tasks.values()) task.halt();
  }

  pauseUntil(instant: Instant): void {
    this.#pausedUntil = instant;
  }

  failTask(error: EngineError): boolean {
    const live = this.#live();
    const task = live[this.#deps.drawBelow(Math.max(1, live.length))];
    task?.fail(toErrorReport(error));
    return task !== undefined;
  }

  liveTasks(): readonly string[] {
    return this.#live().map(({ taskId, state }) => {
      return `${taskId.stageId}.${taskId.partitionId} ${state}`;
    });
  }

  fetch(location: OutputLocation, token: number): FetchReply {
    if (location.nodeInstanceId !== this.node.nodeInstanceId) return { kind: 'lost' };
    const task = this.#tasks.get(keyOf(location.taskId));
    const output = task?.outputs[location.outputIndex];
    // Its order may still be on its way; a result that went inline is announced by the coordinator.
    if (task === undefined || output === undefined || task.inlinePages !== undefined) {
      return { kind: 'wait' };
    }
    const isBroken = ['aborting', 'aborted', 'failing', 'failed'].includes(task.state);
    // Readers never see an end of what is not whole; the coordinator tears the query down.
    if (isBroken) return { kind: 'wait' };
    const reply = output.fetch(location.bufferId, token);
    task.pump();
    return reply;
  }

  destroy(location: OutputLocation): void {
    const task = this.#tasks.get(keyOf(location.taskId));
    if (!this.isAlive || location.nodeInstanceId !== this.node.nodeInstanceId) return;
    if (task === undefined) return void this.#destroyedEarly.push(location);
    task.outputs[location.outputIndex]?.destroy(location.bufferId);
    task.pump();
  }

  #live(): readonly SimulatedTask[] {
    return [...this.#tasks.values()].filter((task) => !task.isEnded());
  }

  #host({ taskId, memoryBytes = Infinity }: TaskOrder): TaskHost {
    const { readers, spool, drawBelow } = this.#deps;
    return {
      readers,
      waitsForAllInput: this.#profile.slots !== Infinity,
      outputCapacityRows: this.#profile.outputCapacityRows,
      inlineRows: this.#profile.inlineRows,
      memoryBytes,
      needBytes: this.#needBytes(taskId),
      work: (action) => {
        const pauseMs = Math.max(0, this.#pausedUntil - readers.time.now());
        readers.time.after(pauseMs + 1 + drawBelow(this.#profile.maxWorkMs), () => {
          if (this.isAlive) action();
        });
      },
      acquireSlot: (task) => this.#acquireSlot(task),
      releaseSlot: (task) => this.#releaseSlot(task),
      report: (task) => this.#report(task),
      commit: ({ taskId, outputs, fragment }) => {
        const isResult = fragment.outputs.some(({ consumer }) => consumer.kind === 'client');
        spool.commit(taskId, outputs, isResult);
      },
      onSplitDone: (split) => this.#listener.onSplitDone(split),
    };
  }

  /** The same for every attempt of its partition. */
  #needBytes({ stageId, partitionId }: TaskId): number {
    return neededBytes(this.#maxNeedBytes, stageId, partitionId);
  }

  #acquireSlot(task: SimulatedTask): boolean {
    if (this.#holders.has(task)) return true;
    if (this.#holders.size < this.#profile.slots) {
      this.#holders.add(task);
      return true;
    }
    if (!this.#waiting.includes(task)) this.#waiting.push(task);
    return false;
  }

  #releaseSlot(task: SimulatedTask): void {
    const index = this.#waiting.indexOf(task);
    if (index !== -1) this.#waiting.splice(index, 1);
    if (!this.#holders.delete(task)) return;
    let next = this.#waiting.shift();
    // One that is failing takes no slot any more, and would keep it from the others.
    while (next !== undefined && next.state !== 'running') next = this.#waiting.shift();
    if (next !== undefined) this.#deps.readers.time.after(0, () => next.pump());
  }

  #report(task: SimulatedTask): void {
    const version = (this.#versions.get(task) ?? 0) + 1;
    this.#versions.set(task, version);
    const { nodeId, nodeInstanceId } = this.node;
    if (!this.isAlive) return;
    this.#listener.onStatus(this, { ...task.status(), nodeId, nodeInstanceId, version });
  }
}

function isEarlierAttempt(of: TaskId, than: TaskId): boolean {
  const isSame = of.stageId === than.stageId && of.partitionId === than.partitionId;
  return isSame && of.attempt < than.attempt;
}

function keyOf(taskId: TaskId): string {
  return `${taskId.stageId}.${taskId.partitionId}.${taskId.attempt}`;
}

/** A worker of real parts: task manager, outputs, input queues, exchange clients. Slots, network and files are simulated. */
import type { EngineError } from '../../../services/common/error.ts';
import { ExchangeClient } from '../../../services/common/exchange/exchange-client.ts';
import { routedPageSource } from '../../../services/common/exchange/page-source.ts';
import type { Instant, TaskId } from '../../../services/common/ids.ts';
import { silentLogger } from '../../../services/common/logger.ts';
import type { Page } from '../../../services/common/page/page.ts';
import { isTerminalTaskState } from '../../../services/common/task/task-status.ts';
import type { TaskStatus, TaskStop } from '../../../services/common/task/task-status.ts';
import type { SchedulerNode } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { InputQueue } from '../../../services/worker/input/input-queue.ts';
import type { SpillFile } from '../../../services/worker/input/ports.ts';
import { PageMemoryPool } from '../../../services/worker/output/page-memory-pool.ts';
import { TaskOutputs } from '../../../services/worker/output/task-outputs.ts';
import { NodeIdentity } from '../../../services/worker/task/node-identity.ts';
import { TaskManager } from '../../../services/worker/task/task-manager.ts';
import type { TaskPorts } from '../../../services/worker/task/task-ports.ts';
import { MemoryPageFiles } from '../../support/memory-page-files.ts';
import { neededBytes } from '../cluster-worker.ts';
import type { ClusterWorker, EngineDeps, TaskOrder, WorkerSetup } from '../cluster-worker.ts';
import type { MemorySpool } from '../../support/memory-spool.ts';
import type { LossyPageSource } from './lossy-page-source.ts';
import { stageOf } from '../simulated-cluster.ts';
import { SimulatedSlots } from './simulated-slots.ts';

export interface RealWorkerDeps extends EngineDeps {
  /** Pages of other workers, as this one reaches them. */
  readonly remotePages: (isAlive: () => boolean) => LossyPageSource;
  readonly spool: MemorySpool;
}

/** What the coordinator adds to every order. */
export const TICKET = { capability: new Uint8Array(32), principal: { name: 'simulation' } };
const DEADLINE = 600_000 as Instant;
const PAGE_BYTES = 250;

export class RealWorker implements ClusterWorker {
  readonly node: SchedulerNode;
  readonly outputs: TaskOutputs;
  isAlive = true;
  #pausedUntil = 0;
  readonly #spool: MemorySpool;
  readonly #tasks: TaskManager;
  readonly #slots: SimulatedSlots;
  readonly #states = new Map<string, string>();
  readonly #files = new MemoryPageFiles();

  constructor(setup: WorkerSetup, deps: RealWorkerDeps) {
    this.node = setup.node;
    const { time, random, spool } = deps;
    this.#spool = spool;
    const { profile, listener, node } = setup;
    const memory = new PageMemoryPool(profile.outputCapacityRows * PAGE_BYTES);
    this.#slots = new SimulatedSlots({
      time,
      slotCount: profile.slots,
      drawWorkMs: () =>
        Math.max(0, this.#pausedUntil - time.now()) + 1 + random.below(profile.maxWorkMs),
      needBytes: (stageId, partition) => neededBytes(setup.maxNeedBytes, stageId, partition),
      drawSalt: () => random.below(1 << 16),
      onSplitDone: (split) => {
        if (this.isAlive) listener.onSplitDone(split);
      },
    });
    this.outputs = new TaskOutputs({
      memory,
      openPageFile: this.#files.open,
      spool: deps.spool.seenBy(() => this.isAlive),
      clock: time,
      random,
      nodeInstanceId: node.nodeInstanceId,
      sameSecret: (a, b) => a === b || a.join() === b.join(),
    });
    this.#tasks = new TaskManager(
      {
        identity: new NodeIdentity(node.nodeId, () => node.nodeInstanceId),
        clientTimeoutMs: 120_000,
        endedTaskMaxAgeMs: 300_000,
      },
      {
        clock: time,
        log: silentLogger,
        ports: this.#ports(memory, deps),
        onStatus: (status) => this.#onStatus(status, setup),
      },
    );
  }

  update(order: TaskOrder): void {
    if (!this.isAlive) return;
    const { taskId, fragment, splitAssignments, outputBuffers, dynamicFilters } = order;
    const isResult = fragment?.outputs.some(({ consumer }) => consumer.kind === 'client') ?? false;
    if (isResult) this.#spool.noteResult(taskId);
    this.#tasks.update({
      taskId,
      ...TICKET,
      ...(fragment === undefined ? {} : { fragment }),
      splitAssignments,
      outputBuffers,
      ...(dynamicFilters === undefined ? {} : { dynamicFilters }),
      deadline: DEADLINE,
      memoryLimitBytes: order.memoryBytes ?? 0,
    });
  }

  stop(taskId: TaskId, stop: TaskStop): void {
    if (this.isAlive) this.#tasks.stop(taskId, stop);
  }

  storedOutputs(): readonly string[] {
    return [...this.#files.files]
      .filter(([, file]) => file.isSealed)
      .map(([name]) => outputOf(name));
  }

  damageOutputs(stageId: number): void {
    for (const [name, file] of this.#files.files)
      if (file.isSealed && stageOf(outputOf(name)) === stageId) file.isDamaged = true;
  }

  releaseOutput(taskId: TaskId): void {
    if (this.isAlive) this.#tasks.releaseOutput(taskId);
  }

  crash(): void {
    this.isAlive = false;
  }

  pauseUntil(instant: Instant): void {
    this.#pausedUntil = instant;
  }

  failTask(error: EngineError): boolean {
    return this.#slots.failOne(error);
  }

  liveTasks(): readonly string[] {
    return [...this.#states].map(([task, state]) => `${task} ${state}`);
  }

  #ports(memory: PageMemoryPool, { time, remotePages }: RealWorkerDeps): TaskPorts {
    const { nodeInstanceId } = this.node;
    const remote = remotePages(() => this.isAlive);
    const source = routedPageSource({
      isLocal: (location) => location.nodeInstanceId === nodeInstanceId,
      local: this.outputs,
      remote,
      spooled: remote,
    });
    return {
      slots: this.#slots,
      createOutput: (update, fragment, onChange) =>
        this.outputs.create(update, fragment.outputs, onChange),
      releaseOutput: (taskId) => this.outputs.release(taskId),
      releaseAllOutputs: () => this.outputs.releaseAll(),
      createInput: ({ source: { rowLimit }, isReread }, listener) =>
        new InputQueue({
          supply: new ExchangeClient({ source, ticket: TICKET, clock: time, log: silentLogger }),
          memory,
          openSpillFile: () => Promise.resolve(new MemoryFile()),
          listener,
          rowLimit,
          isReread,
        }),
    };
  }

  #onStatus(status: TaskStatus, { listener }: WorkerSetup): void {
    const { stageId, partitionId, attempt } = status.taskId;
    const task = `${stageId}.${partitionId}.${attempt}`;
    if (isTerminalTaskState(status.state)) this.#states.delete(task);
    else this.#states.set(task, status.state);
    if (this.isAlive) listener.onStatus(this, status);
  }
}

/** `query.stage.partition.attempt.output` → `stage.partition.attempt`. */
function outputOf(fileName: string): string {
  return fileName.split('.').slice(1, 4).join('.');
}

/** A disk that never fails. */
class MemoryFile implements SpillFile {
  readonly #pages = new Map<number, Page>();
  #end = 0;

  append(bytes: Page): Promise<number> {
    const position = this.#end;
    this.#pages.set(position, bytes);
    this.#end += bytes.byteLength;
    return Promise.resolve(position);
  }

  read(position: number): Promise<Page> {
    const page = this.#pages.get(position);
    if (page === undefined) throw new Error(`nothing was written at ${position}`);
    return Promise.resolve(page);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

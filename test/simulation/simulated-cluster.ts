/** The workers, their comings and goings, and what the scheduler is told of them. */
import { EngineError } from '../../services/common/error.ts';
import type { Instant, NodeId, NodeInstanceId } from '../../services/common/ids.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import type { Random } from '../../services/common/random.ts';
import type {
  SchedulerEvent,
  SchedulerNode,
} from '../../services/coordinator/scheduler/scheduler-event.ts';
import {
  rerunsStages,
  spoolsOutputs,
} from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { Misfortune } from './checkers/result-checker.ts';
import type { Fault, Scenario, TaskFailureCode } from './scenario.ts';
import type { ClusterWorker, CreateEngine, Engine, WorkerOrder } from './cluster-worker.ts';
import type { SimulatedNetwork } from './simulated-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface ClusterDeps {
  readonly time: VirtualTime;
  readonly network: SimulatedNetwork;
  readonly random: Random;
  readonly scenario: Scenario;
  readonly deliver: (event: SchedulerEvent) => void;
  readonly listener: ClusterListener;
}

/** Hears what really happens. */
export interface ClusterListener {
  onSplitDone(split: FileSplit): void;
  /** A fault has taken effect. */
  onFault(kind: Fault['kind']): void;
}

/** Which outputs are lost, and how: of the first of these stages of which there are any, before the others. */
export interface OutputLoss {
  readonly how: 'crash' | 'damage';
  readonly stages: readonly (readonly number[])[];
}

/** What readers of lost pages may meet. */
const LOST_PAGES = ['EXCHANGE_FAILED', 'OUTPUT_PAGE_LOST'] as const;
const LOSS_TRIES = 60;
const LOSS_PERIOD_MS = 10;
/** Readers have begun by then, or have not. */
const MAX_LOSS_DELAY_MS = 80;

export class SimulatedCluster {
  readonly misfortune: Misfortune = {
    lostNodes: new Set(),
    wasWithoutNodes: false,
    hidStored: false,
    injected: new Set(),
  };
  /** Every run of every worker there ever was. */
  readonly workers: ClusterWorker[] = [];
  readonly engine: Engine;
  readonly #deps: ClusterDeps;
  /** What the scheduler has been told: run → may take tasks. */
  readonly #told = new Map<string, boolean>();

  constructor(deps: ClusterDeps, createEngine: CreateEngine) {
    this.#deps = deps;
    const { time, network, random } = deps;
    this.engine = createEngine({
      time,
      network,
      random,
      workerAt: ({ address }) => {
        const worker = this.workers.findLast((each) => each.node.address === address);
        return worker?.isAlive === true ? worker : undefined;
      },
    });
    for (let index = 0; index < deps.scenario.nodeCount; index += 1) {
      const worker = this.#start(index, 1);
      this.#told.set(worker.node.nodeInstanceId, true);
    }
  }

  nodes(): readonly SchedulerNode[] {
    return this.workers.map((worker) => worker.node);
  }

  send(order: WorkerOrder): void {
    const worker = this.workers.find((each) => each.node.nodeInstanceId === order.nodeInstanceId);
    if (worker === undefined) throw new Error(`no run ${order.nodeInstanceId}`);
    if (order.kind === 'release-output') this.engine.spool.release(order.taskId);
    this.#deps.network.sendInOrder(order.nodeInstanceId, () => {
      if (order.kind === 'update-task') worker.update(order);
      else if (order.kind === 'stop-task') worker.stop(order.taskId, order.stop);
      else worker.releaseOutput(order.taskId);
    });
  }

  crash(index: number, restarts: boolean): void {
    const worker = this.#runOf(index);
    if (worker?.isAlive !== true) return;
    this.#kill(worker, restarts);
    this.#deps.listener.onFault('crash');
  }

  #kill(worker: ClusterWorker, restarts: boolean): void {
    worker.crash();
    this.misfortune.lostNodes.add(worker.node.nodeId);
    const { time, random } = this.#deps;
    time.after(5 + random.below(1_500), () => this.#tellLoss(worker, 'killed by SIGKILL'));
    if (restarts) time.after(200 + random.below(2_000), () => this.#restart(indexOf(worker)));
  }

  /** As soon as something is stored of these stages, and a while later: some of it is gone. */
  loseOutput(loss: OutputLoss, tries = 0): void {
    const { time, random } = this.#deps;
    // The first choice has half of the tries for itself.
    const wanted = tries < LOSS_TRIES / 2 ? loss.stages.slice(0, 1) : loss.stages;
    for (const stages of wanted) {
      const found = this.#storedOf(stages);
      const [worker, stageId] = found[random.below(Math.max(1, found.length))] ?? [];
      if (worker === undefined || stageId === undefined) continue;
      time.after(random.below(MAX_LOSS_DELAY_MS), () => this.#lose(worker, stageId, loss.how));
      return;
    }
    if (tries < LOSS_TRIES) time.after(LOSS_PERIOD_MS, () => this.loseOutput(loss, tries + 1));
  }

  #storedOf(stages: readonly number[]): readonly (readonly [ClusterWorker, number])[] {
    const alive = this.workers.filter((worker) => worker.isAlive);
    return alive.flatMap((worker) =>
      worker
        .storedOutputs()
        .map(stageOf)
        .filter((stageId) => stages.includes(stageId))
        .map((stageId) => [worker, stageId] as const),
    );
  }

  #lose(worker: ClusterWorker, stageId: number, how: OutputLoss['how']): void {
    if (!worker.isAlive) return;
    this.#deps.listener.onFault('lost-output');
    if (how === 'crash') return this.#kill(worker, true);
    for (const code of LOST_PAGES) this.misfortune.injected.add(code);
    worker.damageOutputs(stageId);
  }

  /** Its run is given up while it lives; it hears so, and ends, later. */
  loseFalsely(index: number, goesOnMs: number): void {
    const worker = this.#runOf(index);
    if (worker?.isAlive !== true) return;
    this.#tellLoss(worker, 'silent for too long');
    this.#deps.listener.onFault('false-loss');
    this.#deps.time.after(goesOnMs, () => {
      if (!worker.isAlive) return;
      worker.crash();
      this.#hideStored();
      this.#restart(index);
    });
  }

  partition(index: number, durationMs: number): void {
    const worker = this.#runOf(index);
    if (worker === undefined) return;
    this.#deps.network.isolate(worker.node.nodeInstanceId, durationMs);
    this.#hideStored();
    this.#deps.listener.onFault('partition');
  }

  /** Who reads what the worker has stored gives up before anybody says why. */
  #hideStored(): void {
    const { options } = this.#deps.scenario;
    if (rerunsStages(options) && !spoolsOutputs(options)) this.misfortune.hidStored = true;
  }

  pause(index: number, durationMs: number): void {
    const worker = this.#runOf(index);
    if (worker === undefined) return;
    const { network, time } = this.#deps;
    network.isolate(worker.node.nodeInstanceId, durationMs);
    this.#hideStored();
    worker.pauseUntil((time.now() + durationMs) as Instant);
    this.#deps.listener.onFault('pause');
  }

  join(): void {
    const index = new Set(this.workers.map((worker) => worker.node.nodeId)).size;
    this.#tell({ kind: 'node-joined', node: this.#start(index, 1).node });
    this.#deps.listener.onFault('join');
  }

  drain(index: number): void {
    const worker = this.#runOf(index);
    if (worker === undefined) return;
    const { nodeId, nodeInstanceId } = worker.node;
    this.#tell({ kind: 'node-draining', nodeId, nodeInstanceId });
    this.#deps.listener.onFault('drain');
  }

  /** Some live task fails with this error; if none is live yet, soon. */
  failTask(code: TaskFailureCode, triesLeft = 20): void {
    const { time, random } = this.#deps;
    const alive = this.workers.filter((worker) => worker.isAlive);
    const first = random.below(Math.max(1, alive.length));
    const order = [...alive.slice(first), ...alive.slice(0, first)];
    const error = new EngineError(code, 'injected');
    if (order.some((worker) => worker.failTask(error))) {
      this.misfortune.injected.add(code);
      this.#deps.listener.onFault('task-failure');
    } else if (triesLeft > 0) time.after(10, () => this.failTask(code, triesLeft - 1));
  }

  /** An output between stages is lost where it was spooled; if none is there yet, soon. */
  loseSpooled(triesLeft = 20): void {
    const { time, random } = this.#deps;
    const isLost = this.engine.spool.lose((bound) => random.below(bound));
    if (isLost) {
      for (const code of LOST_PAGES) this.misfortune.injected.add(code);
      this.#deps.listener.onFault('spool-loss');
    }
    if (!isLost && triesLeft > 0) time.after(10, () => this.loseSpooled(triesLeft - 1));
  }

  /** Tasks and pages that are still there; nobody needs any when a query has ended. */
  leftovers(): readonly string[] {
    const alive = this.workers.filter((each) => each.isAlive);
    return [
      ...alive.flatMap((worker) => [
        ...worker.liveTasks().map((task) => `rest: task ${task} on ${worker.node.nodeId}`),
        ...worker
          .storedOutputs()
          .map((task) => `rest: stored pages of task ${task} on ${worker.node.nodeId}`),
      ]),
      ...this.engine.spool.held().map((task) => `rest: spooled pages of task ${task}`),
    ];
  }

  #runOf(index: number): ClusterWorker | undefined {
    return this.workers.findLast((each) => each.node.nodeId === nodeName(index));
  }

  #restart(index: number): void {
    const runs = this.workers.filter((each) => each.node.nodeId === nodeName(index)).length;
    this.#tell({ kind: 'node-joined', node: this.#start(index, runs + 1).node });
  }

  #tellLoss({ node }: ClusterWorker, cause: string): void {
    const { nodeId, nodeInstanceId } = node;
    this.misfortune.lostNodes.add(nodeId);
    const error = {
      code: 'NODE_LOST',
      message: `worker ${nodeId} is lost: ${cause}`,
      details: { node_id: nodeId },
    } as const;
    this.#tell({ kind: 'node-lost', nodeId, nodeInstanceId, error });
  }

  #start(index: number, run: number): ClusterWorker {
    const { scenario, network, deliver } = this.#deps;
    const name = nodeName(index);
    const profile = scenario.profiles[index % scenario.profiles.length];
    if (profile === undefined) throw new Error('no profile');
    const node: SchedulerNode = {
      nodeId: name as NodeId,
      nodeInstanceId: `${name}-run-${run}` as NodeInstanceId,
      address: `${name}:7442`,
      taskConcurrency: scenario.laneCounts[index] ?? 1,
      ...(scenario.rackCount === 0 ? {} : { location: [`rack-${index % scenario.rackCount}`] }),
      cores: 1,
      ...(scenario.memory === undefined ? {} : { memoryBytes: scenario.memory.nodeBytes }),
    };
    const worker = this.engine.createWorker({
      node,
      profile,
      maxNeedBytes: scenario.memory?.maxNeedBytes ?? 0,
      listener: {
        onStatus: (_worker, status) => {
          const run = node.nodeInstanceId;
          network.sendAtLeastOnce(run, () => deliver({ kind: 'task-status', status }));
        },
        onSplitDone: (split) => this.#deps.listener.onSplitDone(split),
      },
    });
    this.workers.push(worker);
    return worker;
  }

  #tell(event: SchedulerEvent): void {
    if (event.kind === 'node-joined') {
      const name = event.node.nodeId;
      // A later run replaces an earlier one, whether its loss has been told or not.
      for (const run of this.#told.keys())
        if (run.startsWith(`${name}-run-`)) this.#told.delete(run);
      this.#told.set(event.node.nodeInstanceId, true);
    }
    if (event.kind === 'node-draining' && this.#told.has(event.nodeInstanceId)) {
      this.#told.set(event.nodeInstanceId, false);
    }
    if (event.kind === 'node-lost') this.#told.delete(event.nodeInstanceId);
    this.misfortune.wasWithoutNodes ||= ![...this.#told.values()].includes(true);
    this.#deps.deliver(event);
  }
}

/** Of `stage.partition.attempt`. */
export function stageOf(task: string): number {
  return Number.parseInt(task, 10);
}

function indexOf({ node }: ClusterWorker): number {
  return Number(node.nodeId.split('-').at(-1));
}

function nodeName(index: number): string {
  return `worker-${index}`;
}

/**
 * Queries on thousands of fake workers, in virtual time, decided by the real code: each query has its own scheduling kernel, and
 * membership says who is there. Nothing but the kernel's own time is measured.
 */
import { createHash } from 'node:crypto';
import type { Instant, QueryId, SourceId, TaskId } from '../../services/common/ids.ts';
import type { FileSplit } from '../../services/common/plan/split.ts';
import type { TaskStatus } from '../../services/common/task/task-status.ts';
import type { ClusterEffect } from '../../services/coordinator/cluster/cluster-effect.ts';
import type { ClusterEvent } from '../../services/coordinator/cluster/cluster-event.ts';
import { activeNodes, createCluster } from '../../services/coordinator/cluster/cluster-state.ts';
import { onClusterEvent } from '../../services/coordinator/cluster/membership.ts';
import {
  createQueryScheduler,
  onEvent,
} from '../../services/coordinator/scheduler/query-scheduler.ts';
import type { SchedulerEffect } from '../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../services/coordinator/scheduler/scheduler-event.ts';
import type { SchedulerOptions } from '../../services/coordinator/scheduler/scheduler-options.ts';
import type { QuerySchedulerState } from '../../services/coordinator/scheduler/scheduler-state.ts';
import { EventQueue } from './event-queue.ts';
import { FakeWorker, helloOf } from './fake-worker.ts';
import type { TaskRun, WorkerWorld } from './fake-worker.ts';
import { KernelMeter } from './kernel-meter.ts';
import type { KernelCost } from './kernel-meter.ts';
import { fragmentsOf, hashPartitionCountOf } from './workload.ts';
import type { QueryShape } from './workload.ts';

/** What goes wrong, and when. */
export type Mishap =
  | { readonly kind: 'slow'; readonly worker: number; readonly factor: number }
  | { readonly kind: 'lose'; readonly worker: number; readonly atMs: number };

export interface SimulationSetup {
  readonly workerCount: number;
  readonly slots: number;
  readonly shapes: readonly QueryShape[];
  readonly options: SchedulerOptions;
  readonly mishaps: readonly Mishap[];
}

export interface QueryOutcome {
  readonly shape: QueryShape;
  readonly outcome: 'finished' | 'failed' | 'hung';
  readonly endedAtMs: number;
}

export interface SimulationResult {
  readonly queries: readonly QueryOutcome[];
  readonly makespanMs: number;
  readonly cost: KernelCost;
  /** Of tasks whose rows counted for nothing, and of all. */
  readonly wastedMs: number;
  readonly busyMs: number;
  /** Tasks that ran on a worker when it was lost: no scheduler could have kept that work. */
  readonly lostMs: number;
  /** Of every order with its time. */
  readonly hash: string;
}

/** From coordinator to worker, and back. */
const DELAY_MS = 1;
/** Of a partition's input: a little less than what a task is to have, so that each partition is a task. */
const PARTITION_BYTES = 500 * 1024 ** 2;

interface LiveQuery {
  readonly shape: QueryShape;
  readonly state: QuerySchedulerState;
  endedAtMs: number | undefined;
  outcome: QueryOutcome['outcome'];
}

export class ScaleSimulation {
  readonly #setup: SimulationSetup;
  readonly #queue = new EventQueue<() => void>();
  readonly #cluster = createCluster({
    protocolVersion: 1,
    heartbeatTimeoutMs: 1e12,
    reconnectGraceMs: 1e12,
  });
  readonly #workers: readonly FakeWorker[];
  readonly #workerById = new Map<string, FakeWorker>();
  readonly #queries = new Map<string, LiveQuery>();
  readonly #meter = new KernelMeter();
  readonly #hash = createHash('sha256');
  readonly #selected = new Set<string>();
  #now = 0;
  #busyMs = 0;
  #usefulMs = 0;
  #lostMs = 0;
  #isLosing = false;
  #hasBegun = false;
  #endedCount = 0;
  readonly #results: QueryOutcome[] = [];

  constructor(setup: SimulationSetup) {
    this.#setup = setup;
    const world = this.#world();
    this.#workers = Array.from(
      { length: setup.workerCount },
      (_, index) => new FakeWorker(index, setup.slots, world),
    );
    for (const worker of this.#workers) {
      this.#workerById.set(worker.node.nodeId, worker);
      this.#onCluster({ kind: 'worker-hello', hello: helloOf(worker) });
    }
  }

  /** To the end of all queries. */
  run(): SimulationResult {
    this.runUntil(Infinity);
    return this.#result();
  }

  /** As far as this; may be called again. */
  runUntil(endMs: number): void {
    if (!this.#hasBegun) this.#plan();
    while (this.#endedCount < this.#setup.shapes.length && this.#queue.nextAt <= endMs) {
      const next = this.#queue.pop();
      if (next === undefined) return;
      this.#now = next.at;
      next.event();
    }
  }

  #plan(): void {
    this.#hasBegun = true;
    for (const mishap of this.#setup.mishaps) this.#planMishap(mishap);
    this.#setup.shapes.forEach((shape, index) =>
      this.#queue.push(shape.arrivesAtMs, () => this.#begin(shape, index)),
    );
  }

  /** Kernels of the queries that have not ended, for a look at what they hold. */
  liveStates(): readonly QuerySchedulerState[] {
    return [...this.#queries.values()].map(({ state }) => state);
  }

  #result(): SimulationResult {
    for (const { shape, outcome } of this.#queries.values())
      this.#results.push({ shape, outcome, endedAtMs: this.#now });
    return {
      queries: this.#results,
      makespanMs: Math.max(0, ...this.#results.map(({ endedAtMs }) => endedAtMs)),
      cost: this.#meter.cost(),
      busyMs: this.#busyMs,
      wastedMs: this.#busyMs - this.#usefulMs,
      lostMs: this.#lostMs,
      hash: this.#hash.digest('hex'),
    };
  }

  #world(): WorkerWorld {
    return {
      now: () => this.#now,
      after: (delayMs, action) => this.#queue.push(this.#now + delayMs, action),
      report: (status) => this.#queue.push(this.#now + DELAY_MS, () => this.#onStatus(status)),
      durationOf: (taskId) => this.#durationOf(taskId),
      storedBytesOf: (taskId) => this.#storedBytesOf(taskId),
      onEnd: (run) => this.#onRunEnd(run),
    };
  }

  #begin(shape: QueryShape, index: number): void {
    const queryId = `20261122_000000_${String(index).padStart(5, '0')}_scale` as QueryId;
    const options = {
      ...this.#setup.options,
      hashPartitionCount: hashPartitionCountOf(shape),
      seed: index,
    };
    const created = this.#meter.measure(() =>
      createQueryScheduler(
        {
          queryId,
          fragments: fragmentsOf(shape),
          nodes: activeNodes(this.#cluster),
          deadline: 1e12 as Instant,
          options,
        },
        this.#instant(),
      ),
    );
    const query = { shape, state: created.state, endedAtMs: undefined, outcome: 'hung' } as const;
    this.#queries.set(queryId, { ...query });
    this.#carryOut(queryId, created.effects);
  }

  #post(queryId: string, event: SchedulerEvent): void {
    const query = this.#queries.get(queryId);
    if (query === undefined) return;
    const effects = this.#meter.measure(
      () => onEvent(query.state, event, this.#instant()),
      launchCount,
    );
    this.#carryOut(queryId, effects);
  }

  #carryOut(queryId: string, effects: readonly SchedulerEffect[]): void {
    for (const effect of effects) {
      this.#note(effect);
      switch (effect.kind) {
        case 'update-task':
        case 'stop-task': {
          const worker = this.#workerById.get(effect.nodeId);
          this.#queue.push(this.#now + DELAY_MS, () => worker?.take(effect));
          break;
        }
        case 'load-splits': {
          const event = this.#splitsFor(queryId, effect);
          this.#queue.push(this.#now + DELAY_MS, () => this.#post(queryId, event));
          break;
        }
        case 'arm-timer': {
          const { timer } = effect;
          if (timer.kind === 'query-deadline' || timer.kind === 'stall-watch') break;
          const fire = () => this.#post(queryId, { kind: 'timer-fired', timer });
          this.#queue.push(Math.max(this.#now, effect.at), fire);
          break;
        }
        case 'add-result-locations':
          if (effect.noMore)
            this.#queue.push(this.#now + DELAY_MS, () =>
              this.#post(queryId, { kind: 'result-released' }),
            );
          break;
        case 'finish-query':
          this.#end(queryId, 'finished');
          break;
        case 'fail-query':
          this.#end(queryId, 'failed');
          break;
        default:
      }
    }
  }

  #end(queryId: string, outcome: QueryOutcome['outcome']): void {
    const query = this.#queries.get(queryId);
    if (query === undefined) return;
    this.#results.push({ shape: query.shape, outcome, endedAtMs: this.#now });
    this.#endedCount += 1;
    this.#queries.delete(queryId);
  }

  #splitsFor(
    queryId: string,
    order: Extract<SchedulerEffect, { readonly kind: 'load-splits' }>,
  ): SchedulerEvent {
    const { sourceId, batch, maxCount } = order;
    const stages = this.#queries.get(queryId)?.shape.stages ?? [];
    const count = stages[sourceId - stages.length - 1]?.durationsMs.length ?? 0;
    const first = batch * maxCount;
    const length = Math.max(0, Math.min(maxCount, count - first));
    const splits = Array.from({ length }, (_, index) => aSplit(sourceId, first + index));
    return { kind: 'splits-loaded', sourceId, batch, splits, last: first + length >= count };
  }

  #durationOf({ queryId, stageId, partitionId }: TaskId): number {
    const stages = this.#queries.get(queryId)?.shape.stages ?? [];
    return stages[stageId]?.durationsMs[partitionId] ?? 1;
  }

  #storedBytesOf({ queryId, stageId }: TaskId): number {
    const stages = this.#queries.get(queryId)?.shape.stages ?? [];
    const stage = stages[stageId];
    return stage === undefined ? 0 : Math.ceil(PARTITION_BYTES / stage.durationsMs.length);
  }

  #onStatus(status: TaskStatus): void {
    if (this.#workerById.get(status.nodeId)?.isAlive !== true) return;
    this.#post(status.taskId.queryId, { kind: 'task-status', status });
  }

  /** The first attempt of a partition that finishes is the one that counts. */
  #onRunEnd({ taskId, busyMs, isFinished }: TaskRun): void {
    this.#busyMs += busyMs;
    if (this.#isLosing) this.#lostMs += busyMs;
    const partition = `${taskId.queryId}/${taskId.stageId}/${taskId.partitionId}`;
    if (!isFinished || this.#selected.has(partition)) return;
    this.#selected.add(partition);
    this.#usefulMs += busyMs;
  }

  #planMishap(mishap: Mishap): void {
    const worker = this.#workers[mishap.worker];
    if (worker === undefined) return;
    if (mishap.kind === 'slow') worker.slowness = mishap.factor;
    else this.#queue.push(mishap.atMs, () => this.#lose(worker));
  }

  #lose(worker: FakeWorker): void {
    this.#isLosing = true;
    worker.die();
    this.#isLosing = false;
    const { nodeId, nodeInstanceId } = worker.node;
    this.#onCluster({ kind: 'worker-exited', nodeId, cause: 'lost' });
    this.#onCluster({ kind: 'worker-disconnected', nodeId, nodeInstanceId });
  }

  #onCluster(event: ClusterEvent): void {
    const published = onClusterEvent(this.#cluster, event, this.#instant()).filter(isPublished);
    for (const { event: nodeEvent } of published)
      for (const queryId of this.#queries.keys()) this.#post(queryId, nodeEvent);
  }

  #note(effect: SchedulerEffect): void {
    if (effect.kind !== 'update-task' && effect.kind !== 'stop-task') return;
    const { kind, taskId, nodeId } = effect;
    const { queryId, stageId, partitionId, attempt } = taskId;
    this.#hash.update(
      `${this.#now} ${kind} ${queryId}.${stageId}.${partitionId}.${attempt} ${nodeId}\n`,
    );
  }

  #instant(): Instant {
    return this.#now as Instant;
  }
}

function launchCount(effects: readonly SchedulerEffect[]): number {
  let count = 0;
  for (const effect of effects)
    if (effect.kind === 'update-task' && effect.fragment !== undefined) count += 1;
  return count;
}

function isPublished(
  effect: ClusterEffect,
): effect is Extract<ClusterEffect, { readonly kind: 'publish' }> {
  return effect.kind === 'publish';
}

/** So big that each is a task of its own. */
function aSplit(sourceId: SourceId, index: number): FileSplit {
  const bytes = 100 * 1024 ** 3;
  const path = `/data/${sourceId}.parquet`;
  const rows = { firstRow: index * 100_000, rowCount: 100_000 };
  return { kind: 'file', path, sizeBytes: 2 ** 50, modifiedAtMs: 0, bytes, ...rows };
}

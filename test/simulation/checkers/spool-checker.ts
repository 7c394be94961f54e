/**
 * Spooled exchanges: a reader is sent to the first attempt of a producer's partition that has finished, until its output is
 * reported lost; what one attempt of a partition reads, all of them do; what is not broadcast is read by one partition;
 * nothing is left out; and every attempt's output is released once, none while it counts (F16, F21, F25, F27, R19).
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import { lostOutputOf } from '../../../services/common/task/fetch-failure.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

interface Attempt {
  readonly taskId: TaskId;
  readonly run: string;
  /** By output: buffers of it. */
  readonly buffers: readonly number[];
  /** By source: what it was told to read, as `stage.partition.buffer`. */
  readonly reads: Map<number, Set<string>>;
  isLive: boolean;
  isReleased: boolean;
}

export class SpoolChecker implements Checker {
  readonly #workload: Workload;
  readonly #violations: Violations;
  readonly #attempts = new Map<string, Attempt>();
  /** `stage.partition` → the attempt that counts. */
  readonly #counting = new Map<string, string>();
  /** `source stage.partition.buffer` → the partition that reads it. */
  readonly #homes = new Map<string, number>();
  /** `stage.partition source` → all that it reads of that source. */
  readonly #shares = new Map<string, string>();
  /** Stages that run again whole, because what they have read comes out otherwise. */
  readonly #rolledBack = new Set<number>();

  constructor(workload: Workload, violations: Violations) {
    this.#workload = workload;
    this.#violations = violations;
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    this.#rolledBack.clear();
    if (event !== 'created') this.#note(event);
    const isOver = effects.some(({ kind }) => kind === 'finish-query' || kind === 'fail-query');
    const end = (): void => {
      for (const effect of effects) if (effect.kind === 'stop-task') this.#end(effect.taskId);
    };
    end();
    for (const effect of effects) if (effect.kind === 'update-task') this.#checkUpdate(effect);
    // Some that were ordered in this turn have given way in it.
    end();
    for (const effect of effects)
      if (effect.kind === 'release-output') this.#checkRelease(effect, isOver);
  }

  onRest(isFinished: boolean): void {
    for (const [name, { isReleased }] of this.#attempts)
      if (!isReleased) this.#fail(`${name} was not released`);
    if (!isFinished || this.#workload.endsEarly) return;
    for (const fragment of this.#workload.fragments) {
      for (const { sourceId, producers, delivery } of fragment.remoteSources)
        if (delivery !== 'broadcast')
          for (const id of producers) this.#checkDealt(fragment, sourceId, id);
    }
  }

  #note(event: SchedulerEvent): void {
    if (event.kind === 'node-lost') this.#loseRuns(({ run }) => run === event.nodeInstanceId);
    if (event.kind === 'node-joined') {
      const { nodeId, nodeInstanceId } = event.node;
      this.#loseRuns(({ run }) => run.startsWith(`${nodeId}-run-`) && run !== nodeInstanceId);
    }
    if (event.kind === 'task-status') this.#noteStatus(event.status);
  }

  /** Attempts that ran there have ended; what has finished stays. */
  #loseRuns(isLost: (attempt: Attempt) => boolean): void {
    for (const attempt of this.#attempts.values()) if (isLost(attempt)) attempt.isLive = false;
  }

  #noteStatus({ taskId, state, error }: TaskStatus): void {
    const attempt = this.#attempts.get(formatTaskId(taskId));
    if (attempt?.isLive !== true || state === 'running' || state === 'flushing') return;
    attempt.isLive = false;
    const partition = partitionOf(taskId);
    if (state === 'finished' && !this.#counting.has(partition))
      this.#counting.set(partition, formatTaskId(taskId));
    const lost = error === undefined ? undefined : lostOutputOf(error);
    if (lost !== undefined) this.#noteLoss(lost.taskId);
  }

  #noteLoss(taskId: TaskId): void {
    if (this.#counting.get(partitionOf(taskId)) !== formatTaskId(taskId)) return;
    this.#counting.delete(partitionOf(taskId));
    const fragment = this.#workload.fragments.find(({ id }) => id === taskId.stageId);
    if (fragment?.determinism !== 'deterministic') this.#rollBackReaders(fragment);
  }

  #rollBackReaders(fragment: PlanFragment | undefined): void {
    for (const { consumer } of fragment?.outputs ?? []) {
      if (consumer.kind === 'client' || this.#rolledBack.has(consumer.fragmentId)) continue;
      this.#rolledBack.add(consumer.fragmentId);
      for (const partition of this.#counting.keys())
        if (partition.startsWith(`${consumer.fragmentId}.`)) this.#counting.delete(partition);
      this.#rollBackReaders(this.#workload.fragments.find(({ id }) => id === consumer.fragmentId));
    }
  }

  #end(taskId: TaskId): void {
    const attempt = this.#attempts.get(formatTaskId(taskId));
    if (attempt !== undefined) attempt.isLive = false;
  }

  #checkUpdate(order: EffectOf<'update-task'>): void {
    const name = formatTaskId(order.taskId);
    const attempt = this.#attempts.get(name) ?? this.#noteFirst(name, order);
    for (const { sourceId, splits, noMoreSplits } of order.splitAssignments) {
      const source = this.#sourceOf(order.taskId.stageId, sourceId);
      if (source === undefined || source.systemTable !== undefined) continue;
      const reads = attempt.reads.get(sourceId) ?? new Set();
      attempt.reads.set(sourceId, reads);
      for (const { input } of splits) {
        if (input.kind !== 'remote') continue;
        const { taskId: producer, bufferId, isSpooled } = input.location;
        if (isSpooled !== true) this.#fail(`${name} reads ${formatTaskId(producer)} of its worker`);
        if (this.#counting.get(partitionOf(producer)) !== formatTaskId(producer))
          this.#fail(`${name} reads ${formatTaskId(producer)}, which does not count`);
        const piece = `${partitionOf(producer)}.${bufferId}`;
        if (reads.has(piece)) this.#fail(`${name} reads ${piece} twice`);
        reads.add(piece);
        if (source.delivery !== 'broadcast') this.#checkHome(order.taskId, `${sourceId} ${piece}`);
      }
      if (noMoreSplits) this.#checkShare(order.taskId, sourceId, reads);
      if (noMoreSplits && source.delivery === 'broadcast')
        for (const id of source.producers) this.#checkBroadcast(name, reads, id);
    }
  }

  #noteFirst(name: string, order: EffectOf<'update-task'>): Attempt {
    const partition = partitionOf(order.taskId);
    if (this.#counting.has(partition)) this.#fail(`${name} ordered, though ${partition} is done`);
    this.#checkCopy(name, order);
    const buffers = order.outputBuffers.map(({ retention, bufferIds }) => {
      if (retention !== 'spooled') this.#fail(`${name} does not spool its output`);
      return bufferIds.length;
    });
    const { taskId, nodeInstanceId: run } = order;
    const attempt = { taskId, run, buffers, reads: new Map(), isLive: true, isReleased: false };
    this.#attempts.set(name, attempt);
    return attempt;
  }

  /** A second attempt beside a slow one is the only one, and is somewhere else (S16). */
  #checkCopy(name: string, { taskId, nodeId }: EffectOf<'update-task'>): void {
    const beside = [...this.#attempts.values()].filter(
      (each) => each.isLive && partitionOf(each.taskId) === partitionOf(taskId),
    );
    if (beside.length > 1) this.#fail(`${name} is the third of its partition at a time`);
    if (beside.some(({ run }) => run.startsWith(`${nodeId}-run-`)))
      this.#fail(`${name} is on the node of another attempt`);
  }

  #sourceOf(stageId: number, sourceId: number): PlanFragment['remoteSources'][number] | undefined {
    const fragment = this.#workload.fragments.find(({ id }) => id === stageId);
    return fragment?.remoteSources.find((source) => source.sourceId === sourceId);
  }

  #checkHome({ partitionId }: TaskId, piece: string): void {
    const home = this.#homes.get(piece) ?? partitionId;
    if (home !== partitionId) this.#fail(`${piece} is read by partitions ${home}, ${partitionId}`);
    this.#homes.set(piece, home);
  }

  /** Every attempt of a partition that hears the end has heard of the same. */
  #checkShare(taskId: TaskId, sourceId: number, reads: ReadonlySet<string>): void {
    const key = `${partitionOf(taskId)} ${sourceId}`;
    const share = [...reads].toSorted().join(' ');
    const known = this.#shares.get(key) ?? share;
    if (known !== share) this.#fail(`${formatTaskId(taskId)} reads ${share}, others ${known}`);
    this.#shares.set(key, known);
  }

  #checkBroadcast(name: string, reads: ReadonlySet<string>, producer: number): void {
    for (const { taskId } of this.#attempts.values()) {
      const isPart = taskId.stageId === producer;
      if (isPart && !reads.has(`${partitionOf(taskId)}.0`))
        this.#fail(`${name} does not read ${partitionOf(taskId)}`);
    }
  }

  /** All that a producer has made for a source was given to somebody. */
  #checkDealt(consumer: PlanFragment, sourceId: number, producer: number): void {
    const fragment = this.#workload.fragments.find(({ id }) => id === producer);
    const index =
      fragment?.outputs.findIndex(
        (output) => output.consumer.kind === 'fragment' && output.consumer.sourceId === sourceId,
      ) ?? -1;
    for (const { taskId, buffers } of this.#attempts.values()) {
      if (taskId.stageId !== producer) continue;
      for (let buffer = 0; buffer < (buffers[index] ?? 0); buffer += 1) {
        const piece = `${sourceId} ${partitionOf(taskId)}.${buffer}`;
        if (!this.#homes.has(piece)) this.#fail(`nobody of ${consumer.id} reads ${piece}`);
      }
    }
  }

  #checkRelease({ taskId }: EffectOf<'release-output'>, isOver: boolean): void {
    const name = formatTaskId(taskId);
    const attempt = this.#attempts.get(name);
    if (attempt === undefined) return this.#fail(`${name} released, which was never ordered`);
    if (attempt.isReleased) this.#fail(`${name} released twice`);
    if (!isOver && this.#counting.get(partitionOf(taskId)) === name)
      this.#fail(`${name} released, though it counts`);
    attempt.isReleased = true;
    attempt.isLive = false;
  }

  #fail(what: string): void {
    this.#violations.push(`spool: ${what}`);
  }
}

function partitionOf({ stageId, partitionId }: TaskId): string {
  return `${stageId}.${partitionId}`;
}

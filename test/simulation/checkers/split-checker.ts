/** File splits: each placed once and read once, batches in turn, queues within their bounds. */
import type { TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { FileSplit } from '../../../services/common/plan/split.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { retriesPartitions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { Workload } from '../workload.ts';
import { nameOf } from './checker.ts';
import type { Checker, Violations } from './checker.ts';

interface SentSplit {
  readonly sourceId: number;
  readonly sequenceId: number;
  readonly weight: number;
}

export class SplitChecker implements Checker {
  readonly #workload: Workload;
  readonly #options: SchedulerOptions;
  readonly #violations: Violations;
  readonly #fragments: ReadonlyMap<number, PlanFragment>;
  readonly #placed = new Map<string, number>();
  /** Partition by split: another attempt of it gets the same ones. */
  readonly #homes = new Map<string, number>();
  readonly #read = new Map<string, number>();
  readonly #emptySplits = new Map<number, number>();
  /** Loaded and not placed, by source. */
  readonly #pending = new Map<number, number>();
  readonly #batches = new Map<number, number>();
  readonly #sent = new Map<string, SentSplit[]>();
  readonly #statuses = new Map<string, TaskStatus>();

  constructor(workload: Workload, options: SchedulerOptions, violations: Violations) {
    this.#workload = workload;
    this.#options = options;
    this.#violations = violations;
    this.#fragments = new Map(workload.fragments.map((fragment) => [fragment.id, fragment]));
  }

  /** A worker really read a split. */
  onSplitDone(split: FileSplit): void {
    const key = keyOf(split);
    this.#read.set(key, (this.#read.get(key) ?? 0) + 1);
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created' && event.kind === 'splits-loaded') this.#noteLoaded(event);
    if (event !== 'created' && event.kind === 'task-status') this.#noteStatus(event.status);
    for (const effect of effects) {
      if (effect.kind === 'update-task') this.#checkPlacement(effect);
      if (effect.kind === 'close-split-source') this.#pending.set(effect.sourceId, 0);
    }
    for (const effect of effects) {
      if (effect.kind === 'load-splits') this.#checkLoad(effect);
    }
  }

  /** Without a limit, a finished query has read every split, each once (T22, T23). */
  onRest(isFinished: boolean): void {
    const isRetried = this.#options.retryPolicy !== 'none';
    for (const [key, count] of this.#read)
      if (count > 1 && !isRetried) this.#fail(`${key} was read ${count} times`);
    if (!isFinished || this.#workload.endsEarly) return;
    for (const [sourceId, splits] of this.#workload.splits) {
      const empty = this.#emptySplits.get(sourceId) ?? 0;
      // Splits without a match may be left out; whether they had none shows in the result.
      if (this.#isFiltered(sourceId)) continue;
      for (const split of splits) {
        if ((this.#read.get(keyOf(split)) ?? 0) === 0) this.#fail(`${keyOf(split)} was not read`);
      }
      const isRight = splits.length === 0 ? empty === 1 || (isRetried && empty > 0) : empty === 0;
      if (!isRight) this.#fail(`source ${sourceId}: ${empty} empty splits`);
    }
  }

  #isFiltered(sourceId: number): boolean {
    return this.#workload.fragments.some(({ scans }) =>
      scans.some((scan) => scan.sourceId === sourceId && scan.filteredColumns !== undefined),
    );
  }

  #noteLoaded(event: Extract<SchedulerEvent, { readonly kind: 'splits-loaded' }>): void {
    if ((this.#batches.get(event.sourceId) ?? -1) >= event.batch) return;
    this.#batches.set(event.sourceId, event.batch);
    this.#pending.set(event.sourceId, event.splits.length);
  }

  #noteStatus(status: TaskStatus): void {
    const name = nameOf(status.taskId);
    if ((this.#statuses.get(name)?.version ?? -1) < status.version)
      this.#statuses.set(name, status);
  }

  #checkLoad(order: EffectOf<'load-splits'>): void {
    const { sourceId } = order;
    const waiting = this.#pending.get(sourceId) ?? 0;
    if (waiting > 0 && !retriesPartitions(this.#options))
      this.#fail(`source ${sourceId}: batch asked for while ${waiting} splits wait (T22)`);
    if (order.maxCount !== this.#options.splitBatchSize) this.#fail('a batch of another size');
  }

  #checkPlacement(order: EffectOf<'update-task'>): void {
    const fragment = this.#fragments.get(order.taskId.stageId);
    for (const { sourceId, splits } of order.splitAssignments) {
      if (fragment?.scans.some((scan) => scan.sourceId === sourceId) !== true) continue;
      for (const { sequenceId, weight, input } of splits) {
        if (input.kind === 'file') {
          this.#placeOnce(sourceId, input, order.taskId);
          this.#checkPartition(order.taskId, fragment, input);
          this.#checkBounds(order.taskId, fragment);
        } else {
          this.#emptySplits.set(sourceId, (this.#emptySplits.get(sourceId) ?? 0) + 1);
        }
        const name = nameOf(order.taskId);
        const sent = this.#sent.get(name) ?? [];
        this.#sent.set(name, sent);
        sent.push({ sourceId, sequenceId, weight });
      }
    }
  }

  #placeOnce(sourceId: number, split: FileSplit, { partitionId, attempt }: TaskId): void {
    const key = `${keyOf(split)} in attempt ${attempt}`;
    const count = (this.#placed.get(key) ?? 0) + 1;
    this.#placed.set(key, count);
    if (count > 1) this.#fail(`${key} was placed ${count} times`);
    const home = this.#homes.get(keyOf(split)) ?? partitionId;
    if (home !== partitionId && retriesPartitions(this.#options))
      this.#fail(`${key} moved from partition ${home} to ${partitionId}`);
    this.#homes.set(keyOf(split), home);
    this.#pending.set(sourceId, (this.#pending.get(sourceId) ?? 0) - 1);
  }

  /** A split of a partition goes to the task of that partition (T28). */
  #checkPartition(taskId: TaskId, { partitioning }: PlanFragment, split: FileSplit): void {
    if (partitioning.kind !== 'fixed-source' || split.partition === taskId.partitionId) return;
    this.#fail(`${keyOf(split)} of partition ${split.partition} given to ${nameOf(taskId)}`);
  }

  /** Before this split was sent, there was room for it (§6.2). */
  #checkBounds(taskId: TaskId, fragment: PlanFragment): void {
    const limits = this.#options.splitQueueLimits;
    const load = this.#loadOf(nameOf(taskId));
    if (load.unacknowledged >= limits.maxUnacknowledgedSplits) {
      this.#fail(`${nameOf(taskId)}: too many unacknowledged splits`);
    }
    const bound = limits.maxTaskWeight + limits.maxNodeWeight;
    const isLimited = fragment.inputMode === 'incremental' && !retriesPartitions(this.#options);
    if (isLimited && load.weight >= bound) {
      this.#fail(`${nameOf(taskId)}: queue of weight ${load.weight}`);
    }
  }

  #loadOf(name: string): { readonly unacknowledged: number; readonly weight: number } {
    const status = this.#statuses.get(name);
    const received = new Map(
      status?.receivedSplits.map((each) => [each.sourceId, each.sequenceId]),
    );
    const open = (this.#sent.get(name) ?? []).filter(
      (split) => split.sequenceId > (received.get(split.sourceId) ?? -1),
    );
    const weight = open.reduce((sum, split) => sum + split.weight, status?.queuedSplitWeight ?? 0);
    return { unacknowledged: open.length, weight };
  }

  #fail(what: string): void {
    this.#violations.push(`splits: ${what}`);
  }
}

function keyOf(split: FileSplit): string {
  return `${split.path}@${split.firstRow}`;
}

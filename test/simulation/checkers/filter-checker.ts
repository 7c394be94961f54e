/**
 * Dynamic filters: none before every task of the build side has said what it has, none without a key of theirs, and no
 * such task afterwards (I34). Keeps its own union of what was reported.
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { KeyDomain } from '../../../services/common/dynamic-filter/key-domain.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { retriesPartitions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

interface KnownFilter {
  readonly producers: readonly number[];
  readonly keys: Set<string>;
  /** When it was first sent: by stage, the runs of which every task had reported. */
  basis: ReadonlyMap<number, readonly number[]> | undefined;
}

/** One run of a stage: its partitions, and by filter those of which some attempt has reported. */
interface KnownRun {
  readonly partitions: Set<number>;
  readonly reported: Map<number, Set<number>>;
}

export class FilterChecker implements Checker {
  readonly #violations: Violations;
  readonly #filters = new Map<number, KnownFilter>();
  /** Filters by the scan that they are for, in the order of its filtered columns. */
  readonly #ofScan = new Map<number, readonly number[]>();
  readonly #runs = new Map<number, Map<number, KnownRun>>();
  /** Attempts are of one partition each, not of the whole stage. */
  readonly #hasPartitionAttempts: boolean;

  constructor(
    { fragments }: Workload,
    options: Pick<SchedulerOptions, 'retryPolicy'>,
    violations: Violations,
  ) {
    this.#violations = violations;
    this.#hasPartitionAttempts = retriesPartitions(options);
    for (const { collectedKeys = [], scans } of fragments) {
      for (const { filterId } of collectedKeys) {
        const producers = fragments
          .filter((each) => each.collectedKeys?.some((key) => key.filterId === filterId) === true)
          .map(({ id }) => id);
        this.#filters.set(filterId, { producers, keys: new Set(), basis: undefined });
      }
      for (const { sourceId, filteredColumns = [] } of scans) {
        this.#ofScan.set(
          sourceId,
          filteredColumns.map(({ filterId }) => filterId),
        );
      }
    }
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created' && event.kind === 'task-status') this.#noteDomains(event.status);
    for (const effect of effects) {
      if (effect.kind === 'update-task' && effect.fragment !== undefined) this.#noteTask(effect);
    }
    for (const effect of effects) {
      if (effect.kind === 'update-task') {
        for (const { filterId, domain } of effect.dynamicFilters ?? [])
          this.#check(filterId, domain);
      }
      if (effect.kind !== 'load-splits') continue;
      for (const { index, domain } of effect.filters ?? []) {
        this.#check(this.#ofScan.get(effect.sourceId)?.[index] ?? -1, domain);
      }
    }
  }

  /** A report of an earlier run adds its keys: the rows are the same. */
  #noteDomains(status: Extract<SchedulerEvent, { readonly kind: 'task-status' }>['status']): void {
    const { reported } = this.#runOf(status.taskId);
    for (const { filterId, domain } of status.collectedDomains ?? []) {
      const partitions = reported.get(filterId) ?? new Set();
      reported.set(filterId, partitions.add(status.taskId.partitionId));
      if (domain.kind !== 'some') continue;
      for (const value of domain.values ?? []) this.#filters.get(filterId)?.keys.add(value);
    }
  }

  #noteTask({ taskId }: Extract<SchedulerEffect, { readonly kind: 'update-task' }>): void {
    const { stageId, partitionId } = taskId;
    const { partitions } = this.#runOf(taskId);
    if (partitions.has(partitionId)) return;
    partitions.add(partitionId);
    for (const [filterId, { basis }] of this.#filters) {
      const runs = basis?.get(stageId) ?? [];
      if (runs.length > 0 && runs.every((run) => run === this.#numberOf(taskId)))
        this.#fail(`filter ${filterId} was complete before task ${formatTaskId(taskId)}`);
    }
  }

  #numberOf({ attempt }: TaskId): number {
    return this.#hasPartitionAttempts ? 0 : attempt;
  }

  #runOf(taskId: TaskId): KnownRun {
    const runs = this.#runs.get(taskId.stageId) ?? new Map<number, KnownRun>();
    this.#runs.set(taskId.stageId, runs);
    const number = this.#numberOf(taskId);
    const run = runs.get(number) ?? { partitions: new Set(), reported: new Map() };
    runs.set(number, run);
    return run;
  }

  /** Runs of a stage of which each task has said what it has. */
  #wholeRuns(filterId: number, stageId: number): readonly number[] {
    return [...(this.#runs.get(stageId) ?? [])]
      .filter(([, { partitions, reported }]) => {
        const known = reported.get(filterId);
        return partitions.size > 0 && [...partitions].every((each) => known?.has(each) === true);
      })
      .map(([number]) => number);
  }

  #check(filterId: number, domain: KeyDomain): void {
    const filter = this.#filters.get(filterId);
    if (filter === undefined) return this.#fail(`nobody collects filter ${filterId}`);
    if (filter.basis === undefined) {
      filter.basis = new Map(
        filter.producers.map((stage) => [stage, this.#wholeRuns(filterId, stage)]),
      );
      for (const [stage, runs] of filter.basis)
        if (runs.length === 0)
          this.#fail(`filter ${filterId} before the reports of stage ${stage}`);
    }
    const values = new Set(domain.kind === 'some' ? domain.values : []);
    const isKnown = domain.kind === 'none' || values.size > 0;
    for (const key of isKnown ? filter.keys : []) {
      if (!values.has(key)) this.#fail(`filter ${filterId} lacks key ${key}`);
    }
  }

  #fail(what: string): void {
    this.#violations.push(`filters: ${what}`);
  }
}

/**
 * Dynamic filters: none before every task of the build side has said what it has, none without a key of theirs, and no
 * such task afterwards (I34). Keeps its own union of what was reported.
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { KeyDomain } from '../../../services/common/dynamic-filter/key-domain.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

interface KnownFilter {
  readonly producers: readonly number[];
  readonly keys: Set<string>;
  /** Partitions of which some attempt has reported. */
  readonly reported: Set<string>;
  isSent: boolean;
}

export class FilterChecker implements Checker {
  readonly #violations: Violations;
  readonly #filters = new Map<number, KnownFilter>();
  /** Filters by the scan that they are for, in the order of its filtered columns. */
  readonly #ofScan = new Map<number, readonly number[]>();
  /** Partitions by stage. */
  readonly #tasks = new Map<number, Set<string>>();

  constructor({ fragments }: Workload, violations: Violations) {
    this.#violations = violations;
    for (const { collectedKeys = [], scans } of fragments) {
      for (const { filterId } of collectedKeys) {
        const producers = fragments
          .filter((each) => each.collectedKeys?.some((key) => key.filterId === filterId) === true)
          .map(({ id }) => id);
        const filter = { producers, keys: new Set<string>(), reported: new Set<string>() };
        this.#filters.set(filterId, { ...filter, isSent: false });
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

  #noteDomains(status: Extract<SchedulerEvent, { readonly kind: 'task-status' }>['status']): void {
    for (const { filterId, domain } of status.collectedDomains ?? []) {
      const filter = this.#filters.get(filterId);
      filter?.reported.add(partitionName(status.taskId));
      if (domain.kind !== 'some') continue;
      for (const value of domain.values ?? []) filter?.keys.add(value);
    }
  }

  #noteTask({ taskId }: Extract<SchedulerEffect, { readonly kind: 'update-task' }>): void {
    const tasks = this.#tasks.get(taskId.stageId) ?? new Set();
    this.#tasks.set(taskId.stageId, tasks.add(partitionName(taskId)));
    for (const [filterId, { producers, isSent }] of this.#filters) {
      if (isSent && producers.includes(taskId.stageId) && taskId.attempt === 0) {
        this.#fail(`filter ${filterId} was complete before task ${formatTaskId(taskId)}`);
      }
    }
  }

  #check(filterId: number, domain: KeyDomain): void {
    const filter = this.#filters.get(filterId);
    if (filter === undefined) return this.#fail(`nobody collects filter ${filterId}`);
    filter.isSent = true;
    const tasks = filter.producers.flatMap((stage) => [...(this.#tasks.get(stage) ?? [])]);
    const missing = tasks.find((partition) => !filter.reported.has(partition));
    if (tasks.length === 0) this.#fail(`filter ${filterId} before any task`);
    if (missing !== undefined) this.#fail(`filter ${filterId} before the report of ${missing}`);
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

function partitionName({ stageId, partitionId }: TaskId): string {
  return `${stageId}.${partitionId}`;
}

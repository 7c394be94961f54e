/** How a query ends: once, with every source closed, and nothing ordered afterwards (T4, T15, T36). */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import { retriesPartitions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

export class EndChecker implements Checker {
  readonly #workload: Workload;
  readonly #violations: Violations;
  readonly #closed = new Map<number, number>();
  readonly #announced = new Map<string, string[]>();
  #hasEnded = false;
  #hasAllResults = false;
  readonly #hasPartitionAttempts: boolean;
  /** The query may be tried again as a whole, and its sources be read again. */
  #isWithheld = false;

  constructor(
    workload: Workload,
    options: Pick<SchedulerOptions, 'retryPolicy'>,
    violations: Violations,
  ) {
    this.#workload = workload;
    this.#hasPartitionAttempts = retriesPartitions(options);
    this.#violations = violations;
  }

  onTurn(_event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    for (const effect of effects) {
      if (this.#hasEnded) this.#fail(`${effect.kind} after the end`);
      if (effect.kind === 'load-splits' && this.#closed.has(effect.sourceId)) {
        this.#fail(`source ${effect.sourceId} loaded after it was closed`);
      }
      if (effect.kind === 'close-split-source') {
        this.#closed.set(effect.sourceId, (this.#closed.get(effect.sourceId) ?? 0) + 1);
      }
      if (effect.kind === 'change-result') {
        this.#isWithheld = effect.commitment === 'withheld';
        // Another attempt of the query announces its own result.
        if (this.#isWithheld) this.#hasAllResults = false;
      }
      if (effect.kind === 'add-result-locations') this.#noteResults(effect);
      if (effect.kind === 'finish-query' && !this.#hasAllResults)
        this.#fail('finished without results');
      if (effect.kind === 'finish-query' || effect.kind === 'fail-query') this.#hasEnded = true;
    }
    if (!this.#isWithheld) for (const effect of effects) this.#checkClosed(effect);
  }

  /** A source is closed when it has given all, or nobody wants it any more, not only with the query (T36). */
  #checkClosed(effect: SchedulerEffect): void {
    const { fragments } = this.#workload;
    if (effect.kind === 'update-task' && !this.#hasPartitionAttempts) {
      const scans = fragments.find(({ id }) => id === effect.taskId.stageId)?.scans ?? [];
      for (const { sourceId, noMoreSplits } of effect.splitAssignments) {
        const isScan = scans.some((scan) => scan.sourceId === sourceId);
        if (isScan && noMoreSplits && !this.#closed.has(sourceId))
          this.#fail(`source ${sourceId} has given all and is open (T36)`);
      }
    }
    if (effect.kind !== 'stop-task' || effect.stop !== 'cancel') return;
    // Tasks of the root stop when their rows are with the client.
    const stage = fragments.slice(0, -1).find(({ id }) => id === effect.taskId.stageId);
    for (const { sourceId } of stage?.scans ?? [])
      if (!this.#closed.has(sourceId)) this.#fail(`source ${sourceId} is cancelled and open (T36)`);
  }

  onRest(): void {
    for (const sourceId of this.#workload.splits.keys()) {
      const count = this.#closed.get(sourceId) ?? 0;
      if (count !== 1) this.#fail(`source ${sourceId} closed ${count} times (T36)`);
    }
  }

  #noteResults(effect: EffectOf<'add-result-locations'>): void {
    for (const { location, inlinePages } of effect.locations) {
      const key = formatTaskId(location.taskId);
      const before = this.#announced.get(key) ?? [];
      const now = inlinePages === undefined ? 'location' : 'inline';
      if (before.includes(now) || before.includes('inline')) this.#fail(`${key} announced again`);
      if (before.length === 0 && this.#hasAllResults) this.#fail(`${key} announced after the last`);
      this.#announced.set(key, [...before, now]);
    }
    if (effect.noMore && this.#hasAllResults) this.#fail('the last result announced twice');
    this.#hasAllResults ||= effect.noMore;
  }

  #fail(what: string): void {
    this.#violations.push(`end: ${what}`);
  }
}

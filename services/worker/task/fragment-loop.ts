/**
 * Runs a task's fragment, statement after statement: waits until one has its input, takes a slot, keeps it
 * while there is work and nobody has more right to it, gives it back.
 *
 * A slot is asked for only when nothing but the output can hold the task up: its remote inputs are complete,
 * for they are received whether or not it runs, and it has splits. So a task in a slot never waits for one
 * that has none: no deadlock by construction.
 */
import type { EngineError } from '../../common/error.ts';
import type { TaskId } from '../../common/ids.ts';
import type { PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { QueryShare } from '../../common/sharing/query-share.ts';
import { STANDARD_SPLIT_WEIGHT } from '../../common/plan/split.ts';
import type { TaskBlockedReason } from '../../common/task/task-status.ts';
import { raceAbort } from './abort.ts';
import { AggregationChoice } from './aggregation-choice.ts';
import type { FragmentRun, FragmentSlot, FragmentSlots } from './fragment-slot.ts';
import { preparationOf } from './preparation.ts';
import { isOrdered } from './row-dealing.ts';
import type { SplitBatch } from './split-queue.ts';
import type { TaskDelivery } from './task-delivery.ts';
import type { TaskInputs } from './task-inputs.ts';
import type { TaskProgress } from './task-progress.ts';

export interface FragmentLoopDeps {
  readonly slots: FragmentSlots;
  readonly inputs: TaskInputs;
  readonly delivery: TaskDelivery;
  readonly progress: TaskProgress;
  /** Counts or the blocked reason changed. `isHungry`: no splits are left to begin, and more may come. */
  readonly onProgress: (isHungry: boolean) => void;
  /** Its reason, an EngineError, is what everything under way fails with. */
  readonly signal: AbortSignal;
}

export interface RunTerms {
  readonly taskId: TaskId;
  readonly memoryLimitBytes: number;
  readonly isProfiled: boolean;
  readonly share: QueryShare;
}

type Waiting = Exclude<TaskBlockedReason, 'none'>;

export class FragmentLoop {
  readonly #fragment: PlanFragment;
  readonly #terms: RunTerms;
  readonly #deps: FragmentLoopDeps;
  readonly #aggregation: AggregationChoice;
  #hasRun = false;
  #runCount = 0;
  #limitReached = false;
  #waiting: Waiting | undefined;
  #wake: (() => void) | undefined;

  constructor(fragment: PlanFragment, terms: RunTerms, deps: FragmentLoopDeps) {
    this.#fragment = fragment;
    this.#terms = terms;
    this.#aggregation = new AggregationChoice(fragment.partialAggregation);
    this.#deps = deps;
  }

  /** What the loop waits for at this moment. */
  get blockedReason(): TaskBlockedReason {
    if (this.#waiting !== undefined) return this.#waiting;
    return this.#deps.delivery.room() === undefined ? 'none' : 'output-full';
  }

  /** Something that the loop may wait for has changed. */
  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Resolves when all rows are delivered. @throws EngineError, the signal's reason when that is aborted. */
  async run(): Promise<void> {
    const { signal } = this.#deps;
    const onAbort = (): void => this.wakeUp();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        while (!this.#isReady && !this.#isDone) await this.#sleep();
        signal.throwIfAborted();
        if (this.#isDone) return;
        await this.#runInSlot();
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** All input has been through a statement, or no more rows are needed. */
  get #isDone(): boolean {
    if (this.#limitReached) return true;
    const { splits } = this.#deps.inputs;
    return this.#runsOnce ? this.#hasRun : splits.isSealed && splits.isEmpty;
  }

  /** A statement would find its input complete and its rows a place to go. */
  get #isReady(): boolean {
    const { inputs, delivery } = this.#deps;
    if (this.#isDone || !inputs.isComplete || !delivery.isReady) return false;
    return this.#runsOnce ? inputs.splits.isSealed : !inputs.splits.isEmpty;
  }

  get #runsOnce(): boolean {
    return this.#fragment.inputMode === 'complete' || this.#fragment.scans.length === 0;
  }

  async #sleep(): Promise<void> {
    const { inputs, signal } = this.#deps;
    signal.throwIfAborted();
    this.#waitFor(inputs.isComplete ? 'waiting-for-splits' : 'waiting-for-input');
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#goOn();
  }

  #waitFor(reason: Waiting): void {
    this.#waiting = reason;
    this.#deps.progress.waitFor(reason);
    this.#deps.onProgress(false);
  }

  #goOn(): void {
    this.#waiting = undefined;
    this.#deps.progress.waitFor(undefined);
  }

  async #runInSlot(): Promise<void> {
    const slot = await this.#acquire();
    const { signal } = this.#deps;
    const onAbort = (): void => slot.abort(signal.reason as EngineError);
    try {
      signal.addEventListener('abort', onAbort, { once: true });
      signal.throwIfAborted();
      await this.#runStatements(slot);
    } catch (error) {
      // The task has ended only when DuckDB works for it no longer.
      await slot.release();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    void slot.release();
  }

  async #acquire(): Promise<FragmentSlot> {
    const { threads, settings, mayReorderJoins = false } = this.#fragment;
    const { taskId, share, memoryLimitBytes } = this.#terms;
    const claim = { queryId: taskId.queryId, share };
    const request = { threads, settings, mayReorderJoins, memoryLimitBytes, claim };
    this.#waitFor('waiting-for-slot');
    try {
      return await this.#deps.slots.acquire(request, this.#deps.signal);
    } finally {
      this.#goOn();
    }
  }

  async #runStatements(slot: FragmentSlot): Promise<void> {
    const { inputs, delivery, progress, signal } = this.#deps;
    const { filters } = inputs;
    inputs.rewind();
    slot.begin(this.#describeRun(), {
      readPage: (sourceId) => inputs.readPage(sourceId),
      acceptPage: (page) => {
        progress.addPage(page);
        return delivery.accept(page);
      },
      onMemory: (memoryBytes) => {
        progress.noteMemory(memoryBytes);
        this.#deps.onProgress(false);
      },
    });
    let isFlushed = false;
    let filterCount = 0;
    do {
      const batch = this.#takeBatch();
      isFlushed = this.#isDone;
      const form = this.#aggregation.formFor(batch);
      const news = filters.since(filterCount);
      filterCount = filters.count;
      const result = await slot.execute({
        form,
        splits: batch.files,
        ...(news.length === 0 ? {} : { filters: news }),
        flush: isFlushed,
      });
      if (isFlushed) filters.collect(result.collectedDomains);
      this.#limitReached = result.limitReached;
      this.#aggregation.note(batch, result);
      progress.addStatement(batch, { form, ...result });
      this.#deps.onProgress(inputs.splits.isEmpty && !inputs.splits.isSealed);
      const room = delivery.room();
      if (isFlushed || room === undefined) continue;
      progress.waitFor('output-full');
      await raceAbort(room, signal);
      progress.waitFor(undefined);
    } while (this.#isReady && slot.mayKeep());
    if (!isFlushed) filters.collect((await slot.flush()).collectedDomains);
  }

  #takeBatch(): SplitBatch {
    this.#hasRun = true;
    const { splits } = this.#deps.inputs;
    return this.#runsOnce ? splits.takeAll() : splits.takeBatch(this.#minBatchWeight);
  }

  /** Where a few rows are enough, or the first ones decide how the others are treated, every split is waited for. */
  get #minBatchWeight(): number {
    const { rowLimit, partialAggregation } = this.#fragment;
    return rowLimit === undefined && partialAggregation === undefined ? STANDARD_SPLIT_WEIGHT : 0;
  }

  #describeRun(): FragmentRun {
    const { inputs, delivery, progress } = this.#deps;
    const { taskId } = this.#terms;
    const { rowLimit } = this.#fragment;
    const preparation = preparationOf(this.#fragment, taskId, this.#runCount);
    this.#runCount += 1;
    return {
      fragment: this.#fragment,
      preparation,
      partition: taskId.partitionId,
      deals: delivery.dealing.deals,
      ordered: isOrdered(this.#fragment),
      rowLimit: rowLimit === undefined ? undefined : rowLimit - progress.emittedRows,
      inputRows: inputs.rowCounts,
      isProfiled: this.#terms.isProfiled,
    };
  }
}

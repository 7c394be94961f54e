/** Remote splits: every consumer task is joined with every producer task, once (T14, T16, P10). */
import type { OutputLocation } from '../../../services/common/plan/split.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { Workload } from '../workload.ts';
import { nameOf } from './checker.ts';
import type { Checker, Violations } from './checker.ts';

export class ExchangeChecker implements Checker {
  readonly #workload: Workload;
  readonly #violations: Violations;
  readonly #tasks = new Map<number, Set<string>>();
  readonly #pairs = new Map<string, number>();
  readonly #runs = new Map<string, string>();
  readonly #cancelled = new Set<string>();
  /** Outputs that are stored. */
  readonly #stored = new Set<string>();
  /** Pairs whose producer knows that its reader has ended (I31). */
  readonly #abandoned = new Set<string>();
  /** Tasks that read nothing more, and the producers that came too late for them. */
  readonly #ended = new Set<string>();
  readonly #tooLate = new Set<string>();

  constructor(workload: Workload, violations: Violations) {
    this.#workload = workload;
    this.#violations = violations;
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created' && event.kind === 'task-status' && event.status.state !== 'running') {
      this.#ended.add(nameOf(event.status.taskId));
    }
    for (const effect of effects) {
      if (effect.kind === 'update-task') this.#note(effect);
      // Stored pages that are gone: no reader is sent to them any more.
      if (effect.kind === 'stop-task' || effect.kind === 'release-output')
        this.#cancelled.add(nameOf(effect.taskId));
    }
  }

  onRest(isFinished: boolean): void {
    for (const [pair, count] of this.#pairs)
      if (count > 1) this.#fail(`${pair} joined ${count} times`);
    if (!isFinished) return;
    for (const consumer of this.#workload.fragments) {
      for (const { sourceId, producers } of consumer.remoteSources) {
        for (const producer of producers) this.#checkAll(consumer.id, sourceId, producer);
      }
    }
  }

  #note(order: EffectOf<'update-task'>): void {
    const consumer = nameOf(order.taskId);
    if (order.fragment !== undefined) {
      for (const ended of this.#ended) this.#tooLate.add(`${consumer} → ${ended}`);
    }
    this.#noteAbandoned(order);
    const tasks = this.#tasks.get(order.taskId.stageId) ?? new Set();
    this.#tasks.set(order.taskId.stageId, tasks.add(consumer));
    this.#runs.set(consumer, order.nodeInstanceId);
    for (const { sourceId, splits } of order.splitAssignments) {
      for (const { input } of splits) {
        if (input.kind !== 'remote') continue;
        const pair = `${nameOf(input.location.taskId)} → ${consumer} (${sourceId})`;
        this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) + 1);
        this.#checkBuffer(order, sourceId, input.location);
      }
    }
  }

  #noteAbandoned({ taskId, outputBuffers }: EffectOf<'update-task'>): void {
    outputBuffers.forEach(({ retention = 'streaming' }, index) => {
      if (retention !== 'streaming') this.#stored.add(`${nameOf(taskId)} ${index}`);
    });
    const producer = this.#workload.fragments.find((each) => each.id === taskId.stageId);
    outputBuffers.forEach(({ abandonedBufferIds = [] }, index) => {
      const { consumer } = producer?.outputs[index] ?? {};
      if (consumer?.kind !== 'fragment') return;
      // Those that stream to each other are of one attempt.
      const reader = (id: number) =>
        `${consumer.fragmentId}.${id}.${taskId.attempt} (${consumer.sourceId})`;
      for (const id of abandonedBufferIds) {
        this.#abandoned.add(`${nameOf(taskId)} → ${reader(id)}`);
      }
    });
  }

  /** The consumer reads its own buffer of the output that feeds this source. */
  #checkBuffer(order: EffectOf<'update-task'>, sourceId: number, location: OutputLocation): void {
    const producer = this.#workload.fragments.find((each) => each.id === location.taskId.stageId);
    const output = producer?.outputs[location.outputIndex];
    const name = nameOf(location.taskId);
    const { consumer } = output ?? {};
    const isRight = consumer?.kind === 'fragment' && consumer.sourceId === sourceId;
    if (!isRight) this.#fail(`${name}: output ${location.outputIndex} does not feed ${sourceId}`);
    const isShared =
      output?.scheme.kind === 'single' ||
      (output?.scheme.kind !== 'hash' && this.#stored.has(`${name} ${location.outputIndex}`));
    const buffer: number = isShared ? 0 : order.taskId.partitionId;
    if (location.bufferId !== buffer)
      this.#fail(`${name}: buffer ${location.bufferId} for ${buffer}`);
    const run = this.#runs.get(name);
    if (run !== undefined && run !== location.nodeInstanceId) this.#fail(`${name}: wrong run`);
  }

  /** Tasks that were cancelled because nobody reads them any more may have unread neighbours. */
  #checkAll(consumerStage: number, sourceId: number, producerStage: number): void {
    // Those of an earlier run may have ended before they met, and are not meant to meet later ones.
    for (const consumer of this.#lastRunOf(consumerStage)) {
      for (const producer of this.#lastRunOf(producerStage)) {
        if (this.#cancelled.has(producer) || this.#cancelled.has(consumer)) continue;
        const pair = `${producer} → ${consumer} (${sourceId})`;
        if (this.#pairs.has(pair) || this.#isDealt(producer, sourceId)) continue;
        if (!this.#tooLate.has(`${producer} → ${consumer}`)) {
          if (!this.#workload.endsEarly) this.#fail(`${pair} never joined`);
        } else if (!this.#abandoned.has(pair)) this.#fail(`${producer} waits for ${consumer}`);
      }
    }
  }

  /** Stored rows that any reader may have: each producer's go to one of them. */
  #isDealt(producer: string, sourceId: number): boolean {
    const stage = this.#workload.fragments.find(({ id }) => id === Number(producer.split('.')[0]));
    const index = stage?.outputs.findIndex(
      ({ consumer }) => consumer.kind === 'fragment' && consumer.sourceId === sourceId,
    );
    if (stage === undefined || index === undefined) return false;
    if (stage.outputs[index]?.scheme.kind !== 'arbitrary') return false;
    const isRead = [...this.#pairs.keys()].some(
      (pair) => pair.startsWith(`${producer} → `) && pair.endsWith(` (${sourceId})`),
    );
    return isRead && this.#stored.has(`${producer} ${index}`);
  }

  #lastRunOf(stage: number): readonly string[] {
    const tasks = [...(this.#tasks.get(stage) ?? [])];
    const last = Math.max(...tasks.map(attemptOf));
    return tasks.filter((task) => attemptOf(task) === last);
  }

  #fail(what: string): void {
    this.#violations.push(`exchange: ${what}`);
  }
}

function attemptOf(name: string): number {
  return Number(name.split('.').at(-1));
}

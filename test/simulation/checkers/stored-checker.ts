/**
 * Stored exchanges: a reader is sent to one finished attempt of each partition that feeds it, to none that was released or
 * went with its worker, and every attempt's output is released once (F21, R6, R11, R16).
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

interface StoredOutput {
  readonly nodeInstanceId: string;
  /** Outputs that are stored. */
  readonly indexes: readonly number[];
  isFinished: boolean;
  isReleased: boolean;
  isStopped: boolean;
}

export class StoredChecker implements Checker {
  readonly #fragments: ReadonlyMap<number, PlanFragment>;
  readonly #violations: Violations;
  readonly #outputs = new Map<string, StoredOutput>();
  /** `reader source producer partition`: that a reader was sent there. */
  readonly #read = new Set<string>();
  /** `producer attempt output`: who of the readers that share it out was dealt it. */
  readonly #dealt = new Map<string, number>();
  readonly #lost = new Set<string>();

  constructor({ fragments }: Workload, violations: Violations) {
    this.#fragments = new Map(fragments.map((fragment) => [fragment.id, fragment]));
    this.#violations = violations;
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created') this.#note(event);
    for (const effect of effects) if (effect.kind === 'update-task') this.#noteTask(effect);
    for (const effect of effects) {
      if (effect.kind === 'update-task') this.#checkUpdate(effect);
      if (effect.kind === 'stop-task') {
        const output = this.#outputs.get(formatTaskId(effect.taskId));
        if (output !== undefined) output.isStopped = true;
      }
      if (effect.kind === 'release-output') this.#checkRelease(effect);
    }
  }

  onRest(): void {
    for (const [task, { indexes, isReleased, nodeInstanceId }] of this.#outputs) {
      if (indexes.length > 0 && !isReleased && !this.#lost.has(nodeInstanceId))
        this.#fail(`${task} was not released`);
    }
  }

  #note(event: SchedulerEvent): void {
    if (event.kind === 'node-lost') this.#lost.add(event.nodeInstanceId);
    if (event.kind === 'node-joined') {
      // A new run of a node: what an earlier one had is gone.
      const { nodeId, nodeInstanceId } = event.node;
      for (const { nodeInstanceId: run } of this.#outputs.values())
        if (run.startsWith(`${nodeId}-run-`) && run !== nodeInstanceId) this.#lost.add(run);
    }
    if (event.kind !== 'task-status' || event.status.state !== 'finished') return;
    const output = this.#outputs.get(formatTaskId(event.status.taskId));
    if (output !== undefined && output.nodeInstanceId === event.status.nodeInstanceId)
      output.isFinished = true;
  }

  /** Known before anybody is sent there: orders of one turn have no order among tasks. */
  #noteTask({ taskId, nodeInstanceId, outputBuffers }: EffectOf<'update-task'>): void {
    const name = formatTaskId(taskId);
    if (this.#outputs.has(name)) return;
    const indexes = outputBuffers.flatMap(({ retention = 'streaming' }, index) =>
      retention === 'streaming' ? [] : [index],
    );
    const state = { isFinished: false, isReleased: false, isStopped: false };
    this.#outputs.set(name, { nodeInstanceId, indexes, ...state });
  }

  #checkUpdate(order: EffectOf<'update-task'>): void {
    const { taskId, splitAssignments } = order;
    const reader = formatTaskId(taskId);
    for (const { sourceId, splits } of splitAssignments) {
      for (const { input } of splits) {
        if (input.kind !== 'remote') continue;
        const { location } = input;
        const producer = formatTaskId(location.taskId);
        const output = this.#outputs.get(producer);
        if (output?.indexes.includes(location.outputIndex) === false) continue;
        if (output?.isFinished !== true) this.#fail(`${reader} reads ${producer}, unfinished`);
        if (output?.isReleased === true) this.#fail(`${reader} reads ${producer}, released`);
        if (output?.isStopped === true) this.#fail(`${reader} reads ${producer}, stopped`);
        if (output?.nodeInstanceId !== location.nodeInstanceId)
          this.#fail(`${reader} reads ${producer} on another run`);
        if (this.#lost.has(location.nodeInstanceId))
          this.#fail(`${reader} reads ${producer}, lost`);
        const { stageId, partitionId } = location.taskId;
        const pair = `${reader} ${sourceId} ${stageId}.${partitionId}`;
        if (this.#read.has(pair)) this.#fail(`${reader} reads ${stageId}.${partitionId} twice`);
        this.#read.add(pair);
        this.#checkBuffer(taskId, { ...location, sourceId });
      }
    }
  }

  /** The buffer of the reader's partition, or the only one; of an arbitrary output, whoever is dealt it, alone. */
  #checkBuffer(
    reader: TaskId,
    location: {
      readonly taskId: TaskId;
      readonly outputIndex: number;
      readonly bufferId: number;
      readonly sourceId: number;
    },
  ): void {
    const { taskId, outputIndex, bufferId, sourceId } = location;
    const name = formatTaskId(taskId);
    const output = this.#fragments.get(taskId.stageId)?.outputs[outputIndex];
    const isRight = output?.consumer.kind === 'fragment' && output.consumer.sourceId === sourceId;
    if (!isRight) this.#fail(`${name}: output ${outputIndex} does not feed ${sourceId}`);
    const buffer: number = output?.scheme.kind === 'hash' ? reader.partitionId : 0;
    if (bufferId !== buffer) this.#fail(`${name}: buffer ${bufferId} for ${buffer}`);
    if (output?.scheme.kind !== 'arbitrary') return;
    const key = `${name} ${outputIndex}`;
    const dealtTo = this.#dealt.get(key) ?? reader.partitionId;
    if (dealtTo !== reader.partitionId) this.#fail(`${key} is dealt to two partitions`);
    this.#dealt.set(key, dealtTo);
  }

  #checkRelease({ taskId, nodeInstanceId }: EffectOf<'release-output'>): void {
    const task = formatTaskId(taskId);
    const output = this.#outputs.get(task);
    if (output === undefined) return this.#fail(`${task} released, which was never ordered`);
    if (output.isReleased) this.#fail(`${task} released twice`);
    if (this.#lost.has(nodeInstanceId)) this.#fail(`${task} released on a lost run`);
    if (!output.isFinished) output.isStopped = true;
    output.isReleased = true;
  }

  #fail(what: string): void {
    this.#violations.push(`stored: ${what}`);
  }
}

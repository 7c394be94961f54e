/** Orders to tasks: the protocol of updates, and that each goes to a node that can take it. */
import type { TaskId } from '../../../services/common/ids.ts';
import type { PlanFragment } from '../../../services/common/plan/plan-fragment.ts';
import type { OutputBuffers } from '../../../services/common/task/output-buffers.ts';
import { isTerminalTaskState } from '../../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { SchedulerOptions } from '../../../services/coordinator/scheduler/scheduler-options.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import { nameOf } from './checker.ts';
import type { Checker, Violations } from './checker.ts';

interface KnownTask {
  readonly nodeInstanceId: string;
  readonly nextSequenceId: Map<number, number>;
  readonly ended: Set<number>;
  outputs: readonly OutputBuffers[];
  isStopped: boolean;
}

export class OrderChecker implements Checker {
  readonly #violations: Violations;
  readonly #retryPolicy: SchedulerOptions['retryPolicy'];
  readonly #firstAttempt: number;
  /** Attempts by `stage.partition`. */
  readonly #attempts = new Map<string, number>();
  readonly #fragments: ReadonlyMap<number, PlanFragment>;
  readonly #tasks = new Map<string, KnownTask>();
  /** By stage, where stages are run anew whole. */
  readonly #runs = new Map<number, number>();
  /** Tasks that have ended, or were told to stop. */
  readonly #over = new Set<string>();
  /** By stage and run. */
  readonly #taskCounts = new Map<string, number>();
  readonly #nodeOfPartition = new Map<number, string>();
  readonly #lost = new Set<string>();
  readonly #draining = new Set<string>();
  /** Tasks that read nothing more: their buffers may be abandoned. */
  readonly #ended = new Set<string>();

  /** `firstAttempt`: of every partition, in this attempt of the query. */
  constructor(
    fragments: readonly PlanFragment[],
    setup: {
      readonly retryPolicy: SchedulerOptions['retryPolicy'];
      readonly firstAttempt: number;
    },
    violations: Violations,
  ) {
    this.#retryPolicy = setup.retryPolicy;
    this.#firstAttempt = setup.firstAttempt;
    this.#violations = violations;
    this.#fragments = new Map(fragments.map((fragment) => [fragment.id, fragment]));
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created') this.#noteMembership(event);
    if (event !== 'created' && event.kind === 'task-status' && event.status.state !== 'running') {
      this.#ended.add(nameOf(event.status.taskId));
      if (isTerminalTaskState(event.status.state)) this.#over.add(nameOf(event.status.taskId));
    }
    for (const effect of effects) {
      if (effect.kind !== 'stop-task') continue;
      this.#ended.add(nameOf(effect.taskId));
      this.#over.add(nameOf(effect.taskId));
    }
    for (const effect of effects) {
      if (effect.kind === 'update-task') this.#checkUpdate(effect);
      if (effect.kind === 'stop-task') this.#checkStop(effect);
    }
  }

  #noteMembership(event: SchedulerEvent): void {
    if (event.kind === 'node-lost') this.#lose(event.nodeInstanceId);
    if (event.kind === 'node-draining') {
      this.#draining.add(event.nodeInstanceId);
      this.#movePartitions(event.nodeInstanceId);
    }
    if (event.kind !== 'node-joined') return;
    const { nodeId, nodeInstanceId } = event.node;
    this.#draining.delete(nodeInstanceId);
    // What an earlier run of the node had is gone, whether or not its loss was told.
    for (const { nodeInstanceId: run } of this.#tasks.values())
      if (run.startsWith(`${nodeId}-run-`) && run !== nodeInstanceId) this.#lose(run);
  }

  #lose(run: string): void {
    this.#lost.add(run);
    this.#movePartitions(run);
  }

  /** Its partitions go to other nodes, in stages that are still to come. */
  #movePartitions(run: string): void {
    for (const [partition, node] of this.#nodeOfPartition)
      if (node === run) this.#nodeOfPartition.delete(partition);
  }

  #checkUpdate(order: EffectOf<'update-task'>): void {
    const name = nameOf(order.taskId);
    const known = this.#tasks.get(name);
    const task = known ?? this.#checkFirst(order);
    if (known !== undefined && order.fragment !== undefined) this.#fail(`${name} created twice`);
    if (task.isStopped) this.#fail(`${name} updated after its stop`);
    if (task.nodeInstanceId !== order.nodeInstanceId) this.#fail(`${name} moved`);
    if (this.#lost.has(order.nodeInstanceId)) this.#fail(`${name} ordered on a lost node`);
    this.#checkSplits(name, task, order);
    if (order.outputBuffers.length > 0) {
      order.outputBuffers.forEach((buffers, index) =>
        this.#checkBuffers(name, task.outputs[index], buffers),
      );
      this.#checkAbandoned(order);
      task.outputs = order.outputBuffers;
    }
  }

  #checkFirst(order: EffectOf<'update-task'>): KnownTask {
    const { stageId, partitionId, attempt } = order.taskId;
    const name = nameOf(order.taskId);
    const fragment = this.#fragments.get(stageId);
    if (order.fragment === undefined) this.#fail(`first order of ${name} has no fragment`);
    if (order.outputBuffers.length !== fragment?.outputs.length)
      this.#fail(`${name} lacks outputs`);
    const sources = (fragment?.scans.length ?? 0) + (fragment?.remoteSources.length ?? 0);
    if (order.splitAssignments.length !== sources) this.#fail(`${name} lacks sources`);
    const partition = `${stageId}.${partitionId}`;
    const attempts = this.#attempts.get(partition) ?? this.#firstAttempt;
    if (this.#retryPolicy === 'region') this.#checkRun(order.taskId);
    else if (attempt !== attempts)
      this.#fail(`${name} is attempt ${attempts} of its partition (F10)`);
    this.#attempts.set(partition, attempt + 1);
    const run = `${stageId} ${attempt}`;
    const isLaunched = this.#retryPolicy === 'stage' || this.#retryPolicy === 'task';
    if (!isLaunched && partitionId !== (this.#taskCounts.get(run) ?? 0))
      this.#fail(`${name} out of order (T26)`);
    if (this.#draining.has(order.nodeInstanceId)) this.#fail(`${name} created on a draining node`);
    if (fragment?.partitioning.kind === 'hash' && !isLaunched) {
      const node = this.#nodeOfPartition.get(partitionId) ?? order.nodeInstanceId;
      if (node !== order.nodeInstanceId) this.#fail(`partition ${partitionId} on two nodes (P2)`);
      this.#nodeOfPartition.set(partitionId, node);
    }
    this.#taskCounts.set(run, partitionId + 1);
    const task: KnownTask = {
      nodeInstanceId: order.nodeInstanceId,
      nextSequenceId: new Map(),
      ended: new Set(),
      outputs: [],
      isStopped: false,
    };
    this.#tasks.set(name, task);
    return task;
  }

  /** A stage is run by run: the next begins when nothing is left of the last, whatever number it has (K24). */
  #checkRun({ stageId, attempt }: TaskId): void {
    const run = this.#runs.get(stageId) ?? this.#firstAttempt;
    if (attempt < run) this.#fail(`stage ${stageId} goes back to run ${attempt}`);
    this.#runs.set(stageId, Math.max(run, attempt));
    if (attempt <= run) return;
    for (const [name, { nodeInstanceId }] of this.#tasks) {
      if (Number.parseInt(name, 10) !== stageId || this.#over.has(name)) continue;
      if (!this.#lost.has(nodeInstanceId)) this.#fail(`${name} goes on beside run ${attempt}`);
    }
  }

  #checkSplits(name: string, task: KnownTask, order: EffectOf<'update-task'>): void {
    for (const { sourceId, splits, noMoreSplits } of order.splitAssignments) {
      if (task.ended.has(sourceId)) this.#fail(`${name} told of source ${sourceId} after its end`);
      for (const { sequenceId } of splits) {
        const expected = task.nextSequenceId.get(sourceId) ?? 0;
        if (sequenceId !== expected) this.#fail(`${name} got split ${sequenceId}, not ${expected}`);
        task.nextSequenceId.set(sourceId, expected + 1);
      }
      if (noMoreSplits) task.ended.add(sourceId);
    }
  }

  #checkBuffers(name: string, before: OutputBuffers | undefined, now: OutputBuffers): void {
    if (now.kind === 'partitioned' && !now.noMoreBufferIds)
      this.#fail(`${name}: partial partitions`);
    if (before === undefined) return;
    const isSame = JSON.stringify(before.bufferIds) === JSON.stringify(now.bufferIds);
    if (now.version < before.version) this.#fail(`${name}: buffers of an older version`);
    if (before.noMoreBufferIds && !isSame) this.#fail(`${name}: buffers after the last (T10)`);
    if (!before.bufferIds.every((id) => now.bufferIds.includes(id)))
      this.#fail(`${name}: lost buffers`);
    const isChanged = !isSame || before.noMoreBufferIds !== now.noMoreBufferIds;
    if (isChanged && now.version === before.version) this.#fail(`${name}: version not raised`);
  }

  /** Rows for a reader that still reads would be lost. */
  #checkAbandoned({ taskId, outputBuffers }: EffectOf<'update-task'>): void {
    outputBuffers.forEach((buffers, index) => {
      const consumer = this.#fragments.get(taskId.stageId)?.outputs[index]?.consumer;
      for (const id of buffers.abandonedBufferIds ?? []) {
        const reader =
          consumer?.kind === 'fragment'
            ? `${consumer.fragmentId}.${id}.${taskId.attempt}`
            : 'the client';
        if (!this.#ended.has(reader)) this.#fail(`${nameOf(taskId)}: ${reader} still reads`);
      }
    });
  }

  #checkStop(order: EffectOf<'stop-task'>): void {
    const name = nameOf(order.taskId);
    const task = this.#tasks.get(name);
    if (task === undefined) return this.#fail(`stop of ${name}, which was never ordered`);
    if (task.isStopped) this.#fail(`${name} stopped twice`);
    if (this.#lost.has(order.nodeInstanceId)) this.#fail(`${name} stopped on a lost node`);
    task.isStopped = true;
  }

  #fail(what: string): void {
    this.#violations.push(`order: ${what}`);
  }
}

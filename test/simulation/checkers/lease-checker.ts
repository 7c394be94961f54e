/**
 * Memory and lanes of nodes (F9, F30, F31): each task is given memory; what the tasks of a node hold together, until each has
 * ended, is no more than the node has, unless there is one alone; and who lacked memory is given more. Tasks that have not heard
 * the end of all that they read are speculations: they hold nothing that another one could not be given.
 */
import { formatTaskId } from '../../../services/common/ids.ts';
import type { TaskId } from '../../../services/common/ids.ts';
import type { TaskStatus } from '../../../services/common/task/task-status.ts';
import type { SchedulerEffect } from '../../../services/coordinator/scheduler/scheduler-effect.ts';
import type { SchedulerEvent } from '../../../services/coordinator/scheduler/scheduler-event.ts';
import type { EffectOf } from '../../support/scheduler-driver.ts';
import type { MemoryScenario } from '../scenario.ts';
import type { Workload } from '../workload.ts';
import type { Checker, Violations } from './checker.ts';

interface Holder {
  readonly run: string;
  readonly bytes: number;
  readonly partition: string;
  /** It was not told to stop. */
  isLive: boolean;
  /** Beside a live attempt of its partition: it gives way. */
  isCopy: boolean;
  /** Sources that it has not heard the end of, while it was to go on: it gives way. */
  readonly openSources: Set<number>;
  /** The root under a limit, which may be given more than there is. */
  readonly isEager: boolean;
}

export class LeaseChecker implements Checker {
  readonly #workload: Workload;
  readonly #memory: MemoryScenario;
  readonly #violations: Violations;
  readonly #holders = new Map<string, Holder>();
  /** Of partitions whose last attempt lacked memory: what it had. */
  readonly #lacking = new Map<string, number>();

  constructor(workload: Workload, memory: MemoryScenario, violations: Violations) {
    this.#workload = workload;
    this.#memory = memory;
    this.#violations = violations;
  }

  onTurn(event: SchedulerEvent | 'created', effects: readonly SchedulerEffect[]): void {
    if (event !== 'created') this.#note(event);
    const stopped = effects.flatMap((effect) =>
      effect.kind === 'stop-task' ? formatTaskId(effect.taskId) : [],
    );
    this.#retire(stopped);
    for (const effect of effects) if (effect.kind === 'update-task') this.#noteUpdate(effect);
    // Some that were ordered in this turn have given way in it.
    this.#retire(stopped);
  }

  #note(event: SchedulerEvent): void {
    if (event.kind === 'node-lost') this.#freeRuns((run) => run === event.nodeInstanceId);
    if (event.kind === 'node-joined') {
      const { nodeId, nodeInstanceId } = event.node;
      this.#freeRuns((run) => run.startsWith(`${nodeId}-run-`) && run !== nodeInstanceId);
    }
    if (event.kind === 'task-status') this.#noteStatus(event.status);
  }

  #freeRuns(isLost: (run: string) => boolean): void {
    for (const [name, { run }] of this.#holders) if (isLost(run)) this.#free(name);
  }

  #noteStatus({ taskId, state, error }: TaskStatus): void {
    const name = formatTaskId(taskId);
    const holder = this.#holders.get(name);
    // One that was told to stop before ended for that, whatever else befell it.
    if (holder?.isLive === true && error?.code === 'OUT_OF_MEMORY')
      this.#lacking.set(partitionOf(taskId), holder.bytes);
    // What was beside one that finished is to stop.
    if (state === 'finished') this.#holders.delete(name);
    else if (['canceled', 'aborted', 'failed'].includes(state)) this.#free(name);
  }

  #noteUpdate(order: EffectOf<'update-task'>): void {
    if (order.fragment !== undefined) this.#checkFirst(order);
    const holder = this.#holders.get(formatTaskId(order.taskId));
    if (holder?.isLive !== true) return;
    for (const { sourceId, noMoreSplits } of order.splitAssignments)
      if (noMoreSplits) holder.openSources.delete(sourceId);
  }

  #checkFirst(order: EffectOf<'update-task'>): void {
    const { taskId, nodeInstanceId, memoryBytes } = order;
    const name = formatTaskId(taskId);
    if (memoryBytes === undefined) return this.#fail(`${name} is given no memory`);
    const { nodeBytes } = this.#memory;
    const partition = partitionOf(taskId);
    const isCopy = this.#liveOf(partition).length > 0;
    const others = [...this.#holders.values()].filter(
      (holder) => holder.run === nodeInstanceId && (isCopy || !givesWay(holder)),
    );
    const held = others.reduce((sum, { bytes }) => sum + bytes, 0);
    if (others.length > 0 && held + memoryBytes > nodeBytes && !this.#isEager(taskId))
      this.#fail(`${name}: ${memoryBytes} beside ${held} of ${nodeBytes} bytes`);
    const had = this.#lacking.get(partitionOf(taskId)) ?? 0;
    if (memoryBytes <= had && had < nodeBytes)
      this.#fail(`${name} lacked memory with ${had} bytes`);
    this.#lacking.delete(partitionOf(taskId));
    this.#holders.set(name, {
      run: nodeInstanceId,
      bytes: memoryBytes,
      partition,
      isLive: true,
      isCopy,
      openSources: new Set(order.splitAssignments.map(({ sourceId }) => sourceId)),
      isEager: this.#isEager(taskId),
    });
  }

  #isEager({ stageId }: TaskId): boolean {
    const root = this.#workload.fragments.at(-1);
    return root?.id === stageId && root.rowLimit !== undefined;
  }

  #free(name: string): void {
    this.#retire([name]);
    this.#holders.delete(name);
  }

  /** What was beside one of them, and is none of them, is the only one now. */
  #retire(names: readonly string[]): void {
    const retired = names
      .map((name) => this.#holders.get(name))
      .filter((holder) => holder !== undefined)
      .filter(({ isLive }) => isLive);
    for (const holder of retired) holder.isLive = false;
    for (const { partition } of retired)
      for (const other of this.#liveOf(partition)) other.isCopy = false;
  }

  #liveOf(partition: string): readonly Holder[] {
    return [...this.#holders.values()].filter(
      (holder) => holder.isLive && holder.partition === partition,
    );
  }

  #fail(what: string): void {
    this.#violations.push(`leases: ${what}`);
  }
}

function givesWay({ isCopy, openSources, isEager }: Holder): boolean {
  return isCopy || isEager || openSources.size > 0;
}

function partitionOf({ stageId, partitionId }: TaskId): string {
  return `${stageId}.${partitionId}`;
}

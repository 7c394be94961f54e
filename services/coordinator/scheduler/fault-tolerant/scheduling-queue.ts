/**
 * Partitions of a query that wait for a node (F6, F7): by class, then by stage, older stages first, then in the order of
 * arrival. JSON-safe; each class is kept in order.
 */
import { assert } from '../../../common/assert.ts';
import type { PartitionId, StageId } from '../../../common/ids.ts';
import { canChangeClass } from './execution-class.ts';
import type { ExecutionClass } from './execution-class.ts';
import type { QueueBounds } from './fault-tolerant-options.ts';

export interface QueuedPartition {
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  readonly executionClass: ExecutionClass;
  /** Lower goes first; the order in which stages began. */
  readonly priority: number;
}

interface QueueEntry extends QueuedPartition {
  readonly arrival: number;
}

export interface SchedulingQueue {
  readonly entries: Record<ExecutionClass, QueueEntry[]>;
  arrivals: number;
}

export type PartitionRef = Pick<QueuedPartition, 'stageId' | 'partitionId'>;

export function createSchedulingQueue(): SchedulingQueue {
  return { entries: { standard: [], speculative: [], 'eager-speculative': [] }, arrivals: 0 };
}

/** Adds a partition, or gives one that waits already its new class and priority; its arrival stays. */
export function enqueue(queue: SchedulingQueue, partition: QueuedPartition): void {
  const known = findQueued(queue, partition);
  if (known !== undefined) {
    const { executionClass } = partition;
    assert(canChangeClass(known.executionClass, executionClass), 'a class only becomes standard');
    dequeue(queue, partition);
  }
  const arrival = known?.arrival ?? queue.arrivals;
  if (known === undefined) queue.arrivals += 1;
  const entry = { ...partition, arrival };
  const entries = queue.entries[partition.executionClass];
  const index = entries.findIndex((other) => goesBefore(entry, other));
  entries.splice(index === -1 ? entries.length : index, 0, entry);
}

/** Takes a partition out, wherever it stands; false = it does not wait. */
export function dequeue(queue: SchedulingQueue, partition: PartitionRef): boolean {
  const known = findQueued(queue, partition);
  if (known === undefined) return false;
  const entries = queue.entries[known.executionClass];
  entries.splice(entries.indexOf(known), 1);
  return true;
}

/** Partitions that have asked for a node and have none yet, by class. */
export type WaitingForNode = Readonly<Record<ExecutionClass, number>>;

/**
 * Takes the partition that asks for a node next (F7); `undefined` = none may. Speculative ones only when no standard one
 * is queued or waits for its node.
 */
export function takeNext(
  queue: SchedulingQueue,
  waiting: WaitingForNode,
  bounds: QueueBounds,
): QueuedPartition | undefined {
  const isStandardIdle = queue.entries.standard.length === 0 && waiting.standard === 0;
  const classes: readonly ExecutionClass[] = isStandardIdle
    ? ['eager-speculative', 'speculative']
    : ['eager-speculative', 'standard'];
  for (const executionClass of classes) {
    if (waiting[executionClass] >= bounds.maxWaitingForNode) continue;
    const entry = queue.entries[executionClass].shift();
    if (entry !== undefined) return withoutArrival(entry);
  }
  return undefined;
}

/**
 * Whether a stage may enumerate more splits (§2.5). A stage with a task that runs and is not sealed always may: the task
 * holds a node until its input is complete.
 */
export function mayLoadSplits(
  queue: SchedulingQueue,
  stage: { readonly hasUnsealedRunningTask: boolean; readonly isEager: boolean },
  bounds: QueueBounds,
): boolean {
  const hasRoom = queue.entries.standard.length < bounds.maxQueuedStandard;
  return hasRoom || stage.hasUnsealedRunningTask || stage.isEager;
}

export function queuedCount(queue: SchedulingQueue, executionClass: ExecutionClass): number {
  return queue.entries[executionClass].length;
}

function findQueued(queue: SchedulingQueue, ref: PartitionRef): QueueEntry | undefined {
  const { standard, speculative, 'eager-speculative': eager } = queue.entries;
  const isIt = (entry: QueueEntry): boolean =>
    entry.stageId === ref.stageId && entry.partitionId === ref.partitionId;
  return standard.find(isIt) ?? speculative.find(isIt) ?? eager.find(isIt);
}

function goesBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.priority === b.priority ? a.arrival < b.arrival : a.priority < b.priority;
}

function withoutArrival(entry: QueueEntry): QueuedPartition {
  const { stageId, partitionId, executionClass, priority } = entry;
  return { stageId, partitionId, executionClass, priority };
}

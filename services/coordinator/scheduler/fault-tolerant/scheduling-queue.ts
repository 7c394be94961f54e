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

/** Entries in order; those before `first` were taken. */
interface ClassQueue {
  entries: QueueEntry[];
  first: number;
}

/** By stage and partition: where it stands. */
type StandingRecord = Record<string, QueueEntry>;

export interface SchedulingQueue {
  readonly classes: Record<ExecutionClass, ClassQueue>;
  /** What waits, by stage and partition. */
  readonly standing: StandingRecord;
  arrivals: number;
}

export type PartitionRef = Pick<QueuedPartition, 'stageId' | 'partitionId'>;

export function createSchedulingQueue(): SchedulingQueue {
  const empty = (): ClassQueue => ({ entries: [], first: 0 });
  const classes = { standard: empty(), speculative: empty(), 'eager-speculative': empty() };
  return { classes, standing: {}, arrivals: 0 };
}

/** Adds a partition, or gives one that waits already its new class and priority; its arrival stays. */
export function enqueue(queue: SchedulingQueue, partition: QueuedPartition): void {
  const known = queue.standing[keyOf(partition)];
  if (known !== undefined) {
    const { executionClass } = partition;
    assert(canChangeClass(known.executionClass, executionClass), 'a class only becomes standard');
    dequeue(queue, partition);
  }
  const arrival = known?.arrival ?? queue.arrivals;
  if (known === undefined) queue.arrivals += 1;
  const entry = { ...partition, arrival };
  queue.standing[keyOf(partition)] = entry;
  const { entries } = queue.classes[partition.executionClass];
  const last = entries.at(-1);
  // Most arrive in order.
  if (last === undefined || goesBefore(last, entry)) entries.push(entry);
  else entries.splice(positionOf(queue.classes[partition.executionClass], entry), 0, entry);
}

/** Takes a partition out, wherever it stands; false = it does not wait. */
export function dequeue(queue: SchedulingQueue, partition: PartitionRef): boolean {
  const known = queue.standing[keyOf(partition)];
  if (known === undefined) return false;
  delete queue.standing[keyOf(partition)];
  const ofClass = queue.classes[known.executionClass];
  ofClass.entries.splice(positionOf(ofClass, known), 1);
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
  const isStandardIdle = queuedCount(queue, 'standard') === 0 && waiting.standard === 0;
  const classes: readonly ExecutionClass[] = isStandardIdle
    ? ['eager-speculative', 'speculative']
    : ['eager-speculative', 'standard'];
  for (const executionClass of classes) {
    if (waiting[executionClass] >= bounds.maxWaitingForNode) continue;
    const entry = takeFirst(queue.classes[executionClass]);
    if (entry === undefined) continue;
    delete queue.standing[keyOf(entry)];
    return withoutArrival(entry);
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
  const hasRoom = queuedCount(queue, 'standard') < bounds.maxQueuedStandard;
  return hasRoom || stage.hasUnsealedRunningTask || stage.isEager;
}

export function queuedCount(queue: SchedulingQueue, executionClass: ExecutionClass): number {
  const { entries, first } = queue.classes[executionClass];
  return entries.length - first;
}

/** Entries that were taken are dropped together, so that taking one does not move all that wait. */
const MAX_TAKEN = 256;

function takeFirst(queue: ClassQueue): QueueEntry | undefined {
  const entry = queue.entries[queue.first];
  if (entry === undefined) return undefined;
  queue.first += 1;
  if (
    queue.first === queue.entries.length ||
    (queue.first >= MAX_TAKEN && 2 * queue.first >= queue.entries.length)
  ) {
    queue.entries = queue.entries.slice(queue.first);
    queue.first = 0;
  }
  return entry;
}

/** Where the entry stands, or would: behind all that go before it. */
function positionOf({ entries, first }: ClassQueue, entry: QueueEntry): number {
  let [low, high] = [first, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = entries[middle];
    if (other !== undefined && goesBefore(other, entry)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyOf({ stageId, partitionId }: PartitionRef): string {
  return `${stageId}.${partitionId}`;
}

function goesBefore(a: QueueEntry, b: QueueEntry): boolean {
  return a.priority === b.priority ? a.arrival < b.arrival : a.priority < b.priority;
}

function withoutArrival(entry: QueueEntry): QueuedPartition {
  const { stageId, partitionId, executionClass, priority } = entry;
  return { stageId, partitionId, executionClass, priority };
}

/**
 * One task as the scheduler knows it: what it was given, and what its worker last reported.
 *
 *   planned ─▶ running ─▶ flushing ─▶ finished
 *      │          │           │
 *      └──────────┴───────────┴─▶ canceling ─▶ canceled      (also aborting ─▶ aborted, failing ─▶ failed)
 *
 * `planned` is the coordinator's own word: ordered, not yet reported. Reports may skip states, never go back,
 * and never leave a terminal state.
 */
import type { ErrorReport } from '../../common/error.ts';
import { formatTaskId } from '../../common/ids.ts';
import type {
  FilterId,
  Instant,
  NodeId,
  NodeInstanceId,
  SourceId,
  TaskId,
} from '../../common/ids.ts';
import { isTerminalTaskState, NO_TASK_STATS } from '../../common/task/task-status.ts';
import type {
  TaskBlockedReason,
  TaskStateKind,
  TaskStats,
  TaskStatus,
  TaskStop,
} from '../../common/task/task-status.ts';
import type { LeaseId } from './fault-tolerant/node-lease.ts';
import type { SchedulerNode } from './scheduler-event.ts';

export type KnownTaskStateKind = 'planned' | TaskStateKind;

/** What a task has been given of one source. Sequence ids count from 0 within (task, source). */
export interface TaskInput {
  readonly sourceId: SourceId;
  readonly isScan: boolean;
  nextSequenceId: number;
  noMoreSplits: boolean;
}

/** A split of a scan that was sent and is not yet known to have arrived. */
export interface UnacknowledgedSplit {
  readonly sourceId: SourceId;
  readonly sequenceId: number;
  readonly weight: number;
}

export interface TaskState {
  readonly taskId: TaskId;
  readonly nodeId: NodeId;
  readonly nodeInstanceId: NodeInstanceId;
  readonly address: string;
  readonly createdAt: Instant;
  /** When it was known to have ended; null = it was not. */
  endedAt: Instant | null;
  kind: KnownTaskStateKind;
  /** What it was ordered to stop with; its rows are not needed then, so neither its failure nor its loss matters. */
  stop: TaskStop | 'none';
  /** Version of the last status taken; -1 = none. */
  statusVersion: number;
  /** One per source of the fragment, scans first. */
  readonly inputs: TaskInput[];
  /** In the order sent; their count and weight are part of the task's load. */
  unacknowledged: UnacknowledgedSplit[];
  unacknowledgedWeight: number;
  /** Reported: received and not yet begun. */
  queuedWeight: number;
  /** Splits of scans given to it. */
  assignedSplits: number;
  /** The adjusted limit of its split queue (placement/split-queue-limit.ts). */
  queueLimit: QueueLimit;
  /** Per output of the fragment: reported as overutilized. */
  overutilized: boolean[];
  /** Nothing of its stored outputs is there any more, or ever will be: released, or lost with its worker. */
  isReleased: boolean;
  /** Of a finished task: what each of its stored outputs has, buffer by buffer (F22). */
  storedBytes: readonly (readonly number[])[];
  /** What it holds of its node until it has ended (F9); null = nothing. */
  leaseId: LeaseId | null;
  /** Memory of its lease; 0 = what its worker gives to any task. */
  memoryBytes: number;
  /** Any output holds pages. */
  hasOutput: boolean;
  /** Of a root task: how the client was told of its rows (T17). */
  announcement: 'none' | 'location' | 'inline';
  /** Dynamic filters of which it has said what it has collected. */
  readonly reportedFilters: FilterId[];
  blockedReason: TaskBlockedReason;
  stats: TaskStats;
}

export interface QueueLimit {
  weight: number;
  changedAt: Instant;
  /** Splits waited because this queue was full, since it last ran dry. */
  wasFull: boolean;
}

export interface PlannedTask {
  readonly taskId: TaskId;
  readonly node: SchedulerNode;
  readonly inputs: TaskInput[];
  readonly queueLimit: QueueLimit;
  readonly createdAt: Instant;
}

export function planTask(plan: PlannedTask): TaskState {
  return {
    taskId: plan.taskId,
    nodeId: plan.node.nodeId,
    nodeInstanceId: plan.node.nodeInstanceId,
    address: plan.node.address,
    createdAt: plan.createdAt,
    endedAt: null,
    kind: 'planned',
    stop: 'none',
    statusVersion: -1,
    inputs: plan.inputs,
    unacknowledged: [],
    unacknowledgedWeight: 0,
    queuedWeight: 0,
    assignedSplits: 0,
    queueLimit: plan.queueLimit,
    overutilized: [],
    isReleased: false,
    storedBytes: [],
    leaseId: null,
    memoryBytes: 0,
    hasOutput: false,
    announcement: 'none',
    reportedFilters: [],
    blockedReason: 'none',
    stats: NO_TASK_STATS,
  };
}

export function isEnded(task: TaskState): boolean {
  return task.kind !== 'planned' && isTerminalTaskState(task.kind);
}

/** It still takes input: splits and their end. */
export function takesSplits(task: TaskState): boolean {
  return task.stop === 'none' && (task.kind === 'planned' || task.kind === 'running');
}

/** Its output still counts: buffers are declared to it, and readers are sent to it (T14). */
export function servesOutput(task: TaskState): boolean {
  return task.stop === 'none' && (takesSplits(task) || task.kind === 'flushing');
}

/** Weight of the splits it has not begun, as far as known (§6.2). */
export function queuedLoad(task: TaskState): number {
  return task.queuedWeight + task.unacknowledgedWeight;
}

const SUCCESSORS: Record<KnownTaskStateKind, readonly KnownTaskStateKind[]> = (() => {
  const stopping: readonly TaskStateKind[] = [
    'canceling',
    'canceled',
    'aborting',
    'aborted',
    'failing',
    'failed',
  ];
  return {
    planned: ['running', 'flushing', 'finished', ...stopping],
    running: ['running', 'flushing', 'finished', ...stopping],
    flushing: ['flushing', 'finished', ...stopping],
    finished: [],
    canceling: ['canceling', 'canceled'],
    canceled: [],
    aborting: ['aborting', 'aborted'],
    aborted: [],
    failing: ['failing', 'failed'],
    failed: [],
  };
})();

export function canMoveTask(from: KnownTaskStateKind, to: KnownTaskStateKind): boolean {
  return SUCCESSORS[from].includes(to);
}

export type StatusVerdict =
  /** Of another run of the worker, older than what is known, or after the end: changes nothing. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'accepted' }
  /** The worker broke the protocol; believing it could truncate the result. Nothing was changed. */
  | { readonly kind: 'violation'; readonly error: ErrorReport };

/**
 * Takes a worker's report of this task (T35): fenced by node, run of the node and version. `endsEarly`: the
 * fragment has a row limit, so the task may end before its splits do.
 */
export function acceptTaskStatus(
  task: TaskState,
  status: TaskStatus,
  endsEarly: boolean,
): StatusVerdict {
  const isOther = status.nodeId !== task.nodeId || status.nodeInstanceId !== task.nodeInstanceId;
  if (isOther || status.version <= task.statusVersion || isEnded(task)) return { kind: 'stale' };
  const lie = findLie(task, status);
  if (lie !== undefined) return { kind: 'violation', error: brokenPromise(task, lie) };
  if (!canMoveTask(task.kind, status.state)) {
    return {
      kind: 'violation',
      error: brokenPromise(task, `went from ${task.kind} to ${status.state}`),
    };
  }
  const unacknowledged = stillUnacknowledged(task, status);
  const isDone = status.state === 'flushing' || status.state === 'finished';
  if (isDone && !endsEarly && task.stop === 'none') {
    // Its rows would be missing from the result without an error.
    const isOpen = task.inputs.some((input) => input.isScan && !input.noMoreSplits);
    if (isOpen || unacknowledged.length > 0) {
      return { kind: 'violation', error: brokenPromise(task, 'ended before its splits did') };
    }
  }
  task.kind = status.state;
  task.statusVersion = status.version;
  task.unacknowledged = unacknowledged;
  task.unacknowledgedWeight = unacknowledged.reduce((sum, split) => sum + split.weight, 0);
  task.queuedWeight = status.queuedSplitWeight;
  task.overutilized = status.outputs.map((output) => output.overutilized);
  task.hasOutput = status.outputs.some((output) => output.bufferedBytes > 0);
  task.storedBytes = status.outputs.map(({ storedBytes = [] }) => storedBytes);
  task.blockedReason = status.blockedReason;
  task.stats = status.stats;
  return { kind: 'accepted' };
}

/** A task whose worker is gone: failed, unless it was to stop anyway. */
export function loseTask(task: TaskState): void {
  const ends = { none: 'failed', cancel: 'canceled', abort: 'aborted' } as const;
  task.kind = ends[task.stop];
}

function stillUnacknowledged(task: TaskState, status: TaskStatus): UnacknowledgedSplit[] {
  if (task.unacknowledged.length === 0) return task.unacknowledged;
  const received = new Map<number, number>();
  for (const source of status.receivedSplits) received.set(source.sourceId, source.sequenceId);
  return task.unacknowledged.filter(
    (split) => split.sequenceId > (received.get(split.sourceId) ?? -1),
  );
}

/** The report of a task that did what no task may do; believing it could truncate the result. */
export function brokenPromise(task: TaskState, what: string): ErrorReport {
  const taskId = formatTaskId(task.taskId);
  return {
    code: 'INTERNAL_ERROR',
    message: `task ${taskId} on worker ${task.nodeId} ${what}`,
    details: { task_id: taskId, node_id: task.nodeId },
  };
}

/** What in a status cannot be true; undefined when all can. */
function findLie(task: TaskState, status: TaskStatus): string | undefined {
  const badCount = findBadCount(status.stats) ?? findBadCount(status.stats.blockedMs);
  if (badCount !== undefined) return badCount;
  if (!(status.queuedSplitWeight >= 0))
    return `queues splits of weight ${status.queuedSplitWeight}`;
  for (const { sourceId, sequenceId } of status.receivedSplits) {
    const input = task.inputs.find((each) => each.sourceId === sourceId);
    if (input === undefined)
      return `has received splits of source ${sourceId}, which it does not read`;
    if (sequenceId >= input.nextSequenceId) {
      return `has received split ${sequenceId} of source ${sourceId}, which was never sent`;
    }
  }
  return undefined;
}

/** Runs for every status: it copies nothing. */
function findBadCount(counts: object): string | undefined {
  for (const [name, count] of Object.entries(counts) as [string, unknown][]) {
    if (typeof count !== 'number' || (Number.isFinite(count) && count >= 0)) continue;
    return `reports ${count} ${name}`;
  }
  return undefined;
}

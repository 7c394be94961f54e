/**
 * One stage: a fragment being executed.
 *
 *   planned ─▶ scheduling ─▶ scheduling-splits ─▶ scheduled ─▶ running ─▶ flushing ─▶ finished
 *                  │                                  ▲
 *                  └──────────────────────────────────┘
 *   any of these before the last ─▶ canceled | aborted | failed
 *   finished ─▶ scheduled, when a stored output of it was lost that is still needed (R17)
 *   canceled ─▶ scheduled, when it was whole once, and what is missing of it is needed again for that (R17)
 *
 * Tasks move a stage only once it is `scheduled`: before, its task list may still grow. A stage that failed or was
 * aborted never tells its neighbours that its tasks are complete (T15, P9).
 */
import type { FragmentId, Instant, OutputBufferId, SourceId, StageId } from '../../common/ids.ts';
import type { OutputConsumer, PlanFragment } from '../../common/plan/plan-fragment.ts';
import type { FileSplit, PrunedInput } from '../../common/plan/split.ts';
import type { OutputBufferKind, OutputRetention } from '../../common/task/output-buffers.ts';
import type { TaskStats } from '../../common/task/task-status.ts';
import { assertNever } from '../../common/assert.ts';
import type { OutputSelector } from './fault-tolerant/output-selector.ts';
import type { LaunchDue } from './launch-due.ts';
import type { LocalityWait } from './placement/locality-wait.ts';
import type { TaskPlanning } from './task-planning.ts';
import type { StageStartReason } from './execution-policy/execution-policy.ts';
import type { PartitionState } from './partition-state.ts';
import type { KnownTaskStateKind, TaskState } from './task-state.ts';

export type StageStateKind =
  /** The execution policy has not started it. */
  | 'planned'
  /** More tasks may come. */
  | 'scheduling'
  /** All tasks are there, splits are still dealt to them. */
  | 'scheduling-splits'
  /** Tasks and splits are all given out. */
  | 'scheduled'
  | 'running'
  /** All tasks have computed their rows, some wait for their readers. */
  | 'flushing'
  | 'finished'
  /** Its rows are not needed (T18). */
  | 'canceled'
  | 'aborted'
  | 'failed';

/** A scan's way from its split source to the tasks (T22). */
export interface ScanState {
  readonly sourceId: SourceId;
  /** Number of the batch that is being loaded or comes next. */
  batch: number;
  isLoading: boolean;
  /** The batch could not be loaded and is asked for again then; null = it is on its way, or nothing is. */
  retryAt: Instant | null;
  /** Loads in a row that failed. */
  loadFailures: number;
  /** Loaded and not yet placed, in order (T27). */
  pending: FileSplit[];
  /** Placed in this run of the stage; kept only where stages are run anew. */
  readonly placed: FileSplit[];
  /** The source has nothing behind what was loaded. */
  isExhausted: boolean;
  /** Placed so far. */
  splitCount: number;
  /** Every split is placed, or none is wanted any more. */
  isClosed: boolean;
  /** The source is closed too: not while another attempt of the query may read it again. */
  isReleased: boolean;
  /** Whether its first splits wait for dynamic filters. */
  filterWait: 'none' | 'waiting' | 'over';
  /** How long its splits have waited for room near their data. */
  readonly locality: LocalityWait;
  /** What dynamic filters spared it. */
  pruned: PrunedInput;
}

/** What is declared of one output's buffers to all tasks of the stage (T10). */
export interface OutputState {
  readonly consumer: OutputConsumer;
  readonly kind: OutputBufferKind;
  readonly retention: OutputRetention;
  version: number;
  readonly bufferIds: OutputBufferId[];
  noMoreBufferIds: boolean;
  /** Of these nobody reads any more, whether or not the producer's worker knows it from the reader. */
  abandonedBufferIds: OutputBufferId[];
}

/** How many tasks are where; the stage's own state follows from it. */
export interface TaskCounts {
  planned: number;
  running: number;
  flushing: number;
  finished: number;
  stopping: number;
  stopped: number;
}

export interface StageState {
  readonly stageId: StageId;
  readonly fragment: PlanFragment;
  kind: StageStateKind;
  /** In the order of creation, whatever their partition and attempt (T26). */
  readonly tasks: TaskState[];
  /** Index = partition. */
  readonly partitions: PartitionState[];
  /** How often all of it was begun anew: the number of its partitions' first attempts (K2). */
  run: number;
  /** Tasks of earlier runs: nothing that they say changes anything. */
  readonly retired: TaskState[];
  /** Grows whenever the stage begins anew for what is missing (S4). */
  attempt: number;
  /** Attempts in a row that ended because an input could not be read; the stage's end clears it (R19). */
  failedAttempts: number;
  taskCounts: TaskCounts;
  /** Which attempt of each partition counts (F21). */
  selector: OutputSelector;
  readonly launchDue: LaunchDue;
  /** Per output and buffer: bytes of all attempts that count. */
  readonly selectedBytes: number[][];
  /** Where partitions come of dealing splits; null = they do not, or it has not begun. */
  planning: TaskPlanning | null;
  readonly scans: ScanState[];
  readonly outputs: OutputState[];
  /** Pending splits wait for room in the queues; retried when a task runs low (T27). */
  isPlacementBlocked: boolean;
  /** Σ of its tasks' output rows; ends the feeding of a row-limited fragment. */
  outputRows: number;
  /** Its start and its end, and why it started; null = not yet. */
  startedAt: Instant | null;
  startReason: StageStartReason | null;
  endedAt: Instant | null;
  readonly memory: MemorySeen;
  /** Σ of the times that its attempts have waited for a worker with so much memory (F31). */
  memoryWaitMs: number;
  /** What was done for it in earlier attempts of the query, none of which counts (R20). */
  readonly givenUp: WastedWork;
}

/** What attempts have done that do not count. */
export interface WastedWork {
  readonly taskCount: number;
  readonly stats: TaskStats;
}

/** Memory of several tasks together, as their reports have told. */
export interface MemorySeen {
  /** Σ of what each had at its last report. */
  bytes: number;
  /** The largest that they had at one time, as far as it was seen. */
  peakBytes: number;
}

export function noMemorySeen(): MemorySeen {
  return { bytes: 0, peakBytes: 0 };
}

/** A peak that is new in a report stands beside what the other tasks have: when exactly it was, nobody told. */
export function noteMemory(seen: MemorySeen, before: TaskStats, now: TaskStats): void {
  seen.bytes += now.memoryBytes - before.memoryBytes;
  const isNewPeak = now.peakMemoryBytes > before.peakMemoryBytes;
  const rise = isNewPeak ? Math.max(0, now.peakMemoryBytes - now.memoryBytes) : 0;
  seen.peakBytes = Math.max(seen.peakBytes, seen.bytes + rise);
}

export function isStageDone(kind: StageStateKind): boolean {
  return kind === 'finished' || kind === 'canceled' || kind === 'aborted' || kind === 'failed';
}

/** Its tasks read nothing more: whatever feeds only such stages is not needed (T18). */
export function needsNoInput(kind: StageStateKind): boolean {
  return kind === 'flushing' || isStageDone(kind);
}

/** Its tasks and splits are all given out, or it is over. */
export function isFullyScheduled(kind: StageStateKind): boolean {
  return kind !== 'planned' && kind !== 'scheduling' && kind !== 'scheduling-splits';
}

/** False means complete: consumers and producers may be told so. Never after a failure (T15). */
export function canScheduleMoreTasks(kind: StageStateKind): boolean {
  return kind === 'planned' || kind === 'scheduling' || kind === 'aborted' || kind === 'failed';
}

const SUCCESSORS: Record<StageStateKind, readonly StageStateKind[]> = {
  planned: ['scheduling', 'canceled', 'aborted', 'failed'],
  scheduling: ['scheduling-splits', 'scheduled', 'canceled', 'aborted', 'failed'],
  'scheduling-splits': ['scheduled', 'canceled', 'aborted', 'failed'],
  scheduled: ['running', 'flushing', 'finished', 'canceled', 'aborted', 'failed'],
  running: ['flushing', 'finished', 'canceled', 'aborted', 'failed'],
  flushing: ['finished', 'canceled', 'aborted', 'failed'],
  finished: ['scheduled'],
  canceled: ['scheduled'],
  aborted: [],
  failed: [],
};

export function canMoveStage(from: StageStateKind, to: StageStateKind): boolean {
  return SUCCESSORS[from].includes(to);
}

export function countTask(counts: TaskCounts, kind: KnownTaskStateKind, by: 1 | -1): void {
  counts[countOf(kind)] += by;
}

function countOf(kind: KnownTaskStateKind): keyof TaskCounts {
  switch (kind) {
    case 'planned':
    case 'running':
    case 'flushing':
    case 'finished':
      return kind;
    case 'canceling':
    case 'aborting':
    case 'failing':
      return 'stopping';
    case 'canceled':
    case 'aborted':
    case 'failed':
      return 'stopped';
    default:
      return assertNever(kind);
  }
}

/** Where its tasks have brought a stage that is `scheduled`, `running` or `flushing`. */
export function stageStateOf(
  kind: 'scheduled' | 'running' | 'flushing',
  counts: TaskCounts,
): 'scheduled' | 'running' | 'flushing' | 'finished' {
  const done = counts.flushing + counts.finished;
  const others = counts.planned + counts.running + counts.stopping + counts.stopped;
  if (others === 0) return counts.flushing === 0 ? 'finished' : 'flushing';
  return kind === 'scheduled' && counts.running + done > 0 ? 'running' : kind;
}

/** What an attempt that counts has stored, or one that does not count any more. */
export function countStored(
  { selectedBytes }: StageState,
  { storedBytes }: TaskState,
  by: 1 | -1,
): void {
  storedBytes.forEach((buffers, output) => {
    const sums = (selectedBytes[output] ??= []);
    buffers.forEach((bytes, buffer) => (sums[buffer] = (sums[buffer] ?? 0) + by * bytes));
  });
}

export function consumerFragment(output: OutputState): FragmentId | undefined {
  return output.consumer.kind === 'fragment' ? output.consumer.fragmentId : undefined;
}

/** The pages are kept when the task has ended, and can be read again. */
export function isStored(output: OutputState): boolean {
  return output.retention !== 'streaming';
}

/** Its tasks leave pages behind that somebody has to release. */
export function hasStoredOutput(stage: StageState): boolean {
  return stage.outputs.some(isStored);
}

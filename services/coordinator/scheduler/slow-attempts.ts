/**
 * Second attempts of slow tasks (S16, K25), and places that get no more attempts after failures there (S17). A slow task's
 * partition asks for another node beside it, as a speculation that gives way to any other task; whoever finishes first counts.
 */
import type { Instant, NodeId, PartitionId, StageId } from '../../common/ids.ts';
import { isExcluded } from './fault-tolerant/node-exclusion.ts';
import type { Place } from './fault-tolerant/node-exclusion.ts';
import { decidedCountOf } from './fault-tolerant/output-selector.ts';
import { baselineOf, findSlowTasks, mayCompare } from './fault-tolerant/slow-tasks.ts';
import type { Baseline, ComparedTask } from './fault-tolerant/slow-tasks.ts';
import { noteDue } from './launch-due.ts';
import { attemptsOf, isLive, isSelected, selectedAttempt } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { findStage } from './scheduler-state.ts';
import type { NodeState } from './scheduler-state.ts';
import { isFullyScheduled, isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import type { TaskPlanning } from './task-planning.ts';
import type { TaskState } from './task-state.ts';
import type { Turn } from './turn.ts';

/** A task of the stage has begun or finished: others may be slow beside it, now or later. */
export function noteComparison({ planning }: StageState): void {
  if (planning !== null) planning.isComparisonDue = true;
}

export function onSlowTasksDue({ state }: Turn, { stageId }: { readonly stageId: StageId }): void {
  const stage = findStage(state, stageId);
  if (stage !== undefined) noteComparison(stage);
}

/** Marks what is slow, and comes back when something may have become so. */
export function compareTasks(turn: Turn): void {
  const { speculation } = turn.state.options.taskRetries;
  for (const stage of turn.state.stages) {
    const { planning, kind, partitions } = stage;
    if (planning?.isComparisonDue !== true || !isFullyScheduled(kind) || isStageDone(kind))
      continue;
    const taskCount = partitions.length;
    const finishedCount = decidedCountOf(stage.selector, stage.stageId);
    if (!mayCompare(finishedCount, taskCount, speculation)) {
      planning.isComparisonDue = false;
      continue;
    }
    const dueAt = nextComparisonAt(planning, taskCount);
    if (turn.now < dueAt) {
      armNextLook(turn, stage, dueAt);
      continue;
    }
    planning.isComparisonDue = false;
    planning.comparedAt = turn.now;
    const { baseline, running } = comparisonOf(turn, stage, finishedCount);
    const { slow, nextCheckMs } = findSlowTasks(running, { baseline, taskCount }, speculation);
    for (const partitionId of slow) markSlow(stage, partitionId);
    if (nextCheckMs !== undefined) armNextLook(turn, stage, (turn.now + nextCheckMs) as Instant);
  }
}

function markSlow(stage: StageState, partitionId: PartitionId): void {
  const partition = stage.partitions[partitionId];
  if (partition === undefined || partition.isSlow) return;
  partition.isSlow = true;
  noteDue(stage, partition);
}

/** A stage of many tasks is looked at less often: at most so often as costs little beside the tasks themselves. */
const TASKS_BY_MS = 100;
const MAX_LOOK_INTERVAL_MS = 1_000;

function nextComparisonAt({ comparedAt }: TaskPlanning, taskCount: number): Instant {
  if (comparedAt === null) return 0 as Instant;
  const intervalMs = Math.min(MAX_LOOK_INTERVAL_MS, Math.floor(taskCount / TASKS_BY_MS));
  return (comparedAt + intervalMs) as Instant;
}

/** What the stage's tasks are measured by is taken from all of them anew when one in so many has finished since. */
const COMPARISON_SHARE = 20;

/** What the stage's tasks are measured by. */
export interface Comparison {
  readonly baseline: Baseline;
  /** Partitions that had not finished then. */
  readonly open: readonly PartitionId[];
}

function comparisonOf(
  turn: Turn,
  stage: StageState,
  finishedCount: number,
): { readonly baseline: Baseline; readonly running: readonly ComparedTask[] } {
  const { planning, partitions } = stage;
  const known = planning?.comparison ?? null;
  const since = known === null ? Infinity : finishedCount - known.baseline.finishedCount;
  const isFresh = known !== null && since * COMPARISON_SHARE < partitions.length;
  const { baseline, open } = isFresh ? known : compareAnew(turn, stage);
  const running = open.flatMap((id) => {
    const partition = partitions[id];
    if (partition === undefined || partition.attempts.length === 0) return [];
    if (partition.isSlow || isSelected(stage, partition)) return [];
    return compared(turn, stage, partition);
  });
  return { baseline, running };
}

function compareAnew(turn: Turn, stage: StageState): Comparison {
  const { planning, partitions } = stage;
  const finished = partitions.filter((partition) => isSelected(stage, partition));
  const open = partitions.filter((partition) => !isSelected(stage, partition));
  const comparison = {
    baseline: baselineOf(finished.flatMap((partition) => compared(turn, stage, partition))),
    open: open.map(({ partitionId }) => partitionId),
  };
  if (planning !== null) planning.comparison = comparison;
  return comparison;
}

function armNextLook({ effects, now }: Turn, { stageId, planning }: StageState, at: Instant): void {
  if (planning === null) return;
  const { nextLookAt } = planning;
  if (nextLookAt !== null && nextLookAt > now && nextLookAt <= at) return;
  planning.nextLookAt = at;
  effects.push({ kind: 'arm-timer', timer: { kind: 'slow-tasks', stageId }, at });
}

function compared(
  turn: Turn,
  stage: StageState,
  partition: PartitionState,
): readonly ComparedTask[] {
  const selected = selectedAttempt(stage, partition);
  const task = selected ?? liveAttempts(stage, partition)[0];
  if (task === undefined) return [];
  return [
    {
      partitionId: partition.partitionId,
      isFinished: selected !== undefined,
      runtimeMs: runtimeOf(turn, partition, task),
      inputBytes: partition.inputBytes,
      workDone: task.stats.inputRows,
      isCopied: partition.isSlow,
    },
  ];
}

/** It may have begun before all of its input was there: for that wait it is not to blame. */
function runtimeOf(turn: Turn, { sealedAt }: PartitionState, task: TaskState): number {
  return Math.max(0, (task.endedAt ?? turn.now) - Math.max(task.createdAt, sealedAt ?? 0));
}

/** Its only attempt is slow, it never had a second one, and there is another place for one. */
export function wantsCopy(turn: Turn, stage: StageState, partition: PartitionState): boolean {
  if (!partition.isSlow || partition.isCopied || isSelected(stage, partition)) return false;
  const live = liveAttempts(stage, partition);
  if (live.length !== 1) return false;
  const barred = new Set(excludedNodes(turn, stage, partition));
  return activeNodes(turn.state).some(({ node }) => !barred.has(node.nodeId));
}

/**
 * Nodes that the partition's next attempt keeps away from: those of its live attempts, and those excluded after failures,
 * unless that were all of them: then any place is better than none.
 */
export function excludedNodes(
  { state, now }: Turn,
  stage: StageState,
  partition: PartitionState,
): readonly NodeId[] {
  const { exclusion } = state.options.taskRetries;
  const { stageId } = stage;
  const { partitionId } = partition;
  const busy = liveAttempts(stage, partition).map(({ nodeId }) => nodeId);
  if (state.failures.length === 0) return busy;
  const others = activeNodes(state).filter(({ node }) => !busy.includes(node.nodeId));
  const barred = others.filter((node) =>
    isExcluded(state.failures, { stageId, partitionId, place: placeOf(node), now }, exclusion),
  );
  return barred.length === others.length
    ? busy
    : [...busy, ...barred.map(({ node }) => node.nodeId)];
}

/** Where a task of the query ran, whether or not its worker is still there. */
function placeOf({ node }: Pick<NodeState, 'node'>): Place {
  return { nodeId: node.nodeId, host: hostOf(node.address) };
}

export function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function liveAttempts(stage: StageState, partition: PartitionState): readonly TaskState[] {
  return attemptsOf(stage, partition).filter(isLive);
}

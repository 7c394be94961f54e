/**
 * Second attempts of slow tasks (S16, K25), and places that get no more attempts after failures there (S17). A slow task's
 * partition asks for another node beside it, as a speculation that gives way to any other task; whoever finishes first counts.
 */
import type { Instant, NodeId, StageId } from '../../common/ids.ts';
import { isExcluded } from './fault-tolerant/node-exclusion.ts';
import type { Place } from './fault-tolerant/node-exclusion.ts';
import { findSlowTasks } from './fault-tolerant/slow-tasks.ts';
import type { ComparedTask } from './fault-tolerant/slow-tasks.ts';
import { attemptsOf, isLive, isSelected, selectedAttempt } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { activeNodes } from './placement/node-selector.ts';
import { findStage } from './scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
import { isFullyScheduled, isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { descriptorOf } from './task-inputs.ts';
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
  for (const stage of turn.state.stages) {
    const { planning, kind } = stage;
    if (planning?.isComparisonDue !== true || !isFullyScheduled(kind) || isStageDone(kind))
      continue;
    planning.isComparisonDue = false;
    const tasks = stage.partitions.flatMap((partition) => compared(turn, stage, partition));
    const { speculation } = turn.state.options.taskRetries;
    const { slow, nextCheckMs } = findSlowTasks(tasks, stage.partitions.length, speculation);
    for (const partition of stage.partitions)
      partition.isSlow ||= slow.includes(partition.partitionId);
    if (nextCheckMs !== undefined) armNextLook(turn, stage, (turn.now + nextCheckMs) as Instant);
  }
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
      inputBytes: inputBytes(turn.state, stage, partition),
      workDone: task.stats.inputRows,
      isCopied: partition.isSlow,
    },
  ];
}

/** It may have begun before all of its input was there: for that wait it is not to blame. */
function runtimeOf(turn: Turn, { sealedAt }: PartitionState, task: TaskState): number {
  return Math.max(0, (task.endedAt ?? turn.now) - Math.max(task.createdAt, sealedAt ?? 0));
}

function inputBytes(
  state: QuerySchedulerState,
  stage: StageState,
  partition: PartitionState,
): number {
  const splits = (descriptorOf(state, stage, partition)?.sources ?? []).flatMap(
    (source) => source.splits,
  );
  return splits.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Its only attempt is slow, it never had a second one, and there is another place for one. */
export function wantsCopy(turn: Turn, stage: StageState, partition: PartitionState): boolean {
  if (!partition.isSlow || partition.isCopied || isSelected(stage, partition)) return false;
  const live = liveAttempts(stage, partition);
  if (live.length !== 1) return false;
  const barred = excludedNodes(turn, stage, partition);
  return activeNodes(turn.state).some(({ node }) => !barred.includes(node.nodeId));
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

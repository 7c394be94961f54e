/**
 * How stages meet: remote splits from every producer task to every consumer task, output buffers for every reader, and
 * the word that no more of either will come. Tasks of both sides may be created in any order; each pair is
 * joined when the later one of the two appears, so exactly once (T14, P10).
 */
import { assert } from '../../common/assert.ts';
import type { OutputBufferId, PartitionId, TaskId } from '../../common/ids.ts';
import { coordinatorLocation } from '../../common/system/coordinator-location.ts';
import { filtersOf } from './dynamic-filters.ts';
import { createPartition } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { initialQueueLimit } from './placement/split-queue-limit.ts';
import { stageOf } from './scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
import { bufferOf, linksFrom, linksTo, locationOf, outputOf } from './stage-link.ts';
import type { Link } from './stage-link.ts';
import { canScheduleMoreTasks, countTask, isStageDone } from './stage-state.ts';
import type { StageState } from './stage-state.ts';
import { planTask, servesOutput, takesSplits } from './task-state.ts';
import type { TaskInput, TaskState } from './task-state.ts';
import {
  declareOutput,
  draftFilter,
  draftFirstUpdate,
  draftNoMoreSplits,
  draftSplit,
} from './turn.ts';
import type { Turn } from './turn.ts';

/** Adds the first attempt of the stage's next partition on this node (T26). */
export function addTask(turn: Turn, stage: StageState, host: NodeState): TaskState {
  const partition = createPartition(stage.partitions.length as PartitionId);
  stage.partitions.push(partition);
  return addAttempt(turn, stage, { partition, host });
}

/** Adds the next attempt of a partition and joins it with every task of its neighbours (T13). */
export function addAttempt(
  turn: Turn,
  stage: StageState,
  { partition, host }: { readonly partition: PartitionState; readonly host: NodeState },
): TaskState {
  assert(
    canScheduleMoreTasks(stage.kind),
    `stage ${stage.stageId} is ${stage.kind} and takes no task`,
  );
  const task = planTask({
    taskId: nextTaskId(turn.state, stage, partition),
    node: host.node,
    inputs: inputsOf(stage),
    queueLimit: initialQueueLimit(turn.state.options.splitQueueLimits, turn.now),
    createdAt: turn.now,
  });
  partition.attempts.push(stage.tasks.length);
  stage.tasks.push(task);
  countTask(stage.taskCounts, 'planned', 1);
  host.taskCount += 1;
  draftFirstUpdate(turn, stage, task);
  for (const link of linksTo(turn.state, stage)) {
    for (const producer of link.producer.tasks)
      draftRemoteSplit(turn, link, { producer, consumer: task });
    declareReader(turn, link, task);
  }
  for (const link of linksFrom(turn.state, stage)) {
    for (const consumer of link.consumer.tasks)
      draftRemoteSplit(turn, link, { producer: task, consumer });
  }
  draftSystemSplits(turn, stage, task);
  for (const filter of filtersOf(turn.state, stage)) draftFilter(turn, { stage, task }, filter);
  // The sources that have ended before this task began: it hears so in its first order.
  for (const input of task.inputs) {
    const scan = stage.scans.find((candidate) => candidate.sourceId === input.sourceId);
    const isComplete = input.isScan
      ? scan?.isClosed
      : stage.completeSources.includes(input.sourceId);
    if (isComplete === true) draftNoMoreSplits(turn, { stage, task, sourceId: input.sourceId });
  }
  return task;
}

/**
 * Called once for a stage, when it can schedule no more tasks: its consumers hear the end of a remote source when all
 * of the source's producers are complete (T16), its producers the end of their readers (T15, P9).
 */
export function tellTasksComplete(turn: Turn, stage: StageState): void {
  assert(!canScheduleMoreTasks(stage.kind), 'only a stage whose tasks are complete says so');
  for (const link of linksFrom(turn.state, stage)) completeSource(turn, link);
  for (const link of linksTo(turn.state, stage)) {
    const output = outputOf(link);
    if (output.noMoreBufferIds) continue;
    output.noMoreBufferIds = true;
    declareOutput(turn, link.producer, output);
  }
}

/**
 * A task reads nothing more. What its worker had been told of, it gives back itself; producer tasks that it never heard
 * of, or that are still to come, must not wait for it: their buffer is abandoned. `received`: what its worker has
 * acknowledged, by source. A task that read its sources to their end leaves nothing behind.
 */
export function abandonUnreadBuffers(
  turn: Turn,
  consumer: { readonly stage: StageState; readonly task: TaskState },
  received: ReadonlyMap<number, number>,
): void {
  const { stage, task } = consumer;
  for (const link of linksTo(turn.state, stage)) {
    const input = task.inputs.find((each) => each.sourceId === link.sourceId);
    if (input === undefined || isStageDone(link.producer.kind)) continue;
    const hasReceivedAll = (received.get(input.sourceId) ?? -1) >= input.nextSequenceId - 1;
    if (hasReceivedAll && stage.completeSources.includes(input.sourceId)) continue;
    abandonBuffer(turn, link, bufferOf(link, task));
  }
}

/** Nobody will ever read what feeds this stage: it is cancelled, and its producers live on for other stages. */
export function abandonAllBuffers(turn: Turn, stage: StageState): void {
  for (const link of linksTo(turn.state, stage)) {
    if (isStageDone(link.producer.kind)) continue;
    for (const bufferId of outputOf(link).bufferIds) abandonBuffer(turn, link, bufferId);
  }
}

/** A producer that still waits for this stage's tasks has no room left for their pages (T25). */
export function hasOverfullFeeder(state: QuerySchedulerState, stage: StageState): boolean {
  return linksTo(state, stage).some((link) => !outputOf(link).noMoreBufferIds && isFull(link));
}

/** A producer has no room left for the rows of this stage (§5, phased: anti-deadlock). */
export function hasFullFeeder(state: QuerySchedulerState, stage: StageState): boolean {
  return linksTo(state, stage).some(isFull);
}

function isFull({ producer, outputIndex }: Link): boolean {
  return producer.tasks.some((task) => task.overutilized[outputIndex] === true);
}

function nextTaskId(
  { queryId }: QuerySchedulerState,
  { stageId }: StageState,
  { partitionId, attempts }: PartitionState,
): TaskId {
  return { queryId, stageId, partitionId, attempt: attempts.length };
}

function inputsOf(stage: StageState): TaskInput[] {
  const { scans, remoteSources } = stage.fragment;
  const input = (isScan: boolean) => (source: { readonly sourceId: TaskInput['sourceId'] }) => ({
    sourceId: source.sourceId,
    isScan,
    nextSequenceId: 0,
    noMoreSplits: false,
  });
  return [...scans.map(input(true)), ...remoteSources.map(input(false))];
}

function abandonBuffer(turn: Turn, link: Link, bufferId: OutputBufferId): void {
  const output = outputOf(link);
  if (output.abandonedBufferIds.includes(bufferId)) return;
  output.abandonedBufferIds.push(bufferId);
  declareOutput(turn, link.producer, output);
}

function completeSource(turn: Turn, link: Link): void {
  const { consumer, sourceId } = link;
  const source = consumer.fragment.remoteSources.find((each) => each.sourceId === sourceId);
  assert(source !== undefined, `stage ${consumer.stageId} has a source ${sourceId}`);
  const isComplete = source.producers.every(
    (producer) => !canScheduleMoreTasks(stageOf(turn.state, producer).kind),
  );
  if (!isComplete || consumer.completeSources.includes(source.sourceId)) return;
  consumer.completeSources.push(source.sourceId);
  for (const task of consumer.tasks) {
    draftNoMoreSplits(turn, { stage: consumer, task, sourceId: source.sourceId });
  }
}

/** A consumer task is one more reader of each broadcast or arbitrary output that feeds it. */
function declareReader(turn: Turn, link: Link, consumer: TaskState): void {
  const output = outputOf(link);
  if (output.kind === 'partitioned') return;
  output.bufferIds.push(bufferOf(link, consumer));
  declareOutput(turn, link.producer, output);
}

function draftRemoteSplit(
  turn: Turn,
  link: Link,
  { producer, consumer }: { readonly producer: TaskState; readonly consumer: TaskState },
): void {
  if (!servesOutput(producer) || !takesSplits(consumer)) return;
  const location = locationOf(producer, link.outputIndex, bufferOf(link, consumer));
  const sourceId = consumer.inputs.find((input) => input.sourceId === link.sourceId)?.sourceId;
  assert(sourceId !== undefined, `a task has a source ${link.sourceId}`);
  // No weight: pages are bounded by the exchange, not by the split queues.
  const split = { weight: 0, input: { kind: 'remote', location } } as const;
  draftSplit(turn, { stage: link.consumer, task: consumer, sourceId }, split);
}

/** The coordinator's own rows: one buffer, there from the start, for the one task that gathers them. */
function draftSystemSplits(turn: Turn, stage: StageState, task: TaskState): void {
  for (const { sourceId, systemTable } of stage.fragment.remoteSources) {
    if (systemTable === undefined) continue;
    const target = { stage, task, sourceId };
    const location = coordinatorLocation(task.taskId, sourceId);
    draftSplit(turn, target, { weight: 0, input: { kind: 'remote', location } });
    draftNoMoreSplits(turn, target);
  }
}

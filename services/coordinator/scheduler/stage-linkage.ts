/**
 * How stages meet: remote splits from every producer task to every consumer task, output buffers for every reader, and
 * the word that no more of either will come. Tasks of both sides may be created in any order; each pair is
 * joined when the later one of the two appears, so exactly once (T14, P10).
 */
import { assert } from '../../common/assert.ts';
import type { OutputBufferId, PartitionId, SourceId, TaskId } from '../../common/ids.ts';
import { coordinatorLocation } from '../../common/system/coordinator-location.ts';
import { filtersOf } from './dynamic-filters.ts';
import { createPartition, isWhole, isZombie, selectedAttempt } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { initialQueueLimit } from './placement/split-queue-limit.ts';
import { describesTasks, retriesPartitions } from './scheduler-options.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
import { bufferOf, keyOfLink, linksFrom, linksTo, locationOf, outputOf } from './stage-link.ts';
import type { Link } from './stage-link.ts';
import { canScheduleMoreTasks, countTask, isStageDone, isStored } from './stage-state.ts';
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
  return addAttempt(turn, stage, { partition: addPartition(stage), host });
}

/** Adds the stage's next partition, without any attempt yet. */
export function addPartition(stage: StageState): PartitionState {
  assert(
    canScheduleMoreTasks(stage.kind),
    `stage ${stage.stageId} is ${stage.kind} and takes no task`,
  );
  const partition = createPartition(stage.partitions.length as PartitionId);
  stage.partitions.push(partition);
  return partition;
}

/** Adds the next attempt of a partition and joins it with every task of its neighbours (T13). */
export function addAttempt(
  turn: Turn,
  stage: StageState,
  { partition, host }: { readonly partition: PartitionState; readonly host: NodeState },
): TaskState {
  assert(!isStageDone(stage.kind), `stage ${stage.stageId} is ${stage.kind} and takes no task`);
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
  draftSystemSplits(turn, stage, task);
  for (const filter of filtersOf(turn.state, stage)) draftFilter(turn, { stage, task }, filter);
  // What a described task reads is in its descriptor.
  if (!describesTasks(turn.state.options)) joinNeighbours(turn, stage, task);
  return task;
}

/** With every task of the stages beside it that there is by now. */
function joinNeighbours(turn: Turn, stage: StageState, task: TaskState): void {
  for (const link of linksTo(turn.state, stage)) {
    for (const producer of readableAttempts(link))
      draftRemoteSplit(turn, link, { producer, consumer: task });
    declareReader(turn, link, task);
  }
  for (const link of linksFrom(turn.state, stage)) {
    // The pages of a stored output can be read when they are all there (F21).
    if (isStored(outputOf(link))) continue;
    for (const consumer of link.consumer.tasks)
      draftRemoteSplit(turn, link, { producer: task, consumer });
  }
  // The sources that have ended before this task began: it hears so in its first order.
  for (const input of task.inputs) {
    const scan = stage.scans.find((candidate) => candidate.sourceId === input.sourceId);
    // What a partition reads of its scans is written down: it hears of their end behind the last split.
    const isScanned = scan?.isClosed === true && !retriesPartitions(turn.state.options);
    const isComplete = input.isScan ? isScanned : isSourceComplete(turn.state, stage, input);
    if (isComplete) draftNoMoreSplits(turn, { stage, task, sourceId: input.sourceId });
  }
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
    if (input === undefined || !isWaitedFor(link)) continue;
    const hasReceivedAll = (received.get(input.sourceId) ?? -1) >= input.nextSequenceId - 1;
    if (hasReceivedAll && isSourceComplete(turn.state, stage, input)) continue;
    abandonBuffer(turn, link, bufferOf(link, task));
  }
}

/** Nobody will ever read what feeds this stage: it is cancelled, and its producers live on for other stages. */
export function abandonAllBuffers(turn: Turn, stage: StageState): void {
  for (const link of linksTo(turn.state, stage)) {
    if (!isWaitedFor(link)) continue;
    for (const bufferId of outputOf(link).bufferIds) abandonBuffer(turn, link, bufferId);
  }
}

/** The producer's tasks may wait for readers; stored pages wait for none. */
function isWaitedFor(link: Link): boolean {
  return !isStageDone(link.producer.kind) && !isStored(outputOf(link));
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

export function nextTaskId(
  { queryId, attempt }: QuerySchedulerState,
  { stageId, run }: StageState,
  { partitionId, attempts }: PartitionState,
): TaskId {
  return { queryId, stageId, partitionId, attempt: attempt + run + attempts.length };
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

/** Every task that the source's producers will ever have is known to the consumer (T16), or all that they store is there. */
function isSourceComplete(
  state: QuerySchedulerState,
  consumer: StageState,
  { sourceId }: { readonly sourceId: SourceId },
): boolean {
  return linksTo(state, consumer)
    .filter((link) => link.sourceId === sourceId)
    .every(({ producer, outputIndex }) => {
      const output = producer.outputs[outputIndex];
      const isKept = output !== undefined && isStored(output);
      return isKept ? isWhole(producer) : !canScheduleMoreTasks(producer.kind);
    });
}

function completeSource(turn: Turn, { consumer, sourceId }: Link): void {
  // A described task hears of the end of its share.
  if (describesTasks(turn.state.options)) return;
  if (!isSourceComplete(turn.state, consumer, { sourceId })) return;
  for (const task of consumer.tasks) {
    draftNoMoreSplits(turn, { stage: consumer, task, sourceId });
  }
}

/** The producer's tasks that a new reader is sent to. */
function readableAttempts({ producer, outputIndex }: Link): readonly TaskState[] {
  const output = producer.outputs[outputIndex];
  if (output === undefined || !isStored(output)) return producer.tasks;
  return producer.partitions
    .map((partition) => selectedAttempt(producer, partition))
    .filter((task) => task !== undefined);
}

/**
 * A partition of a stage has the attempt that counts: its readers that wait for it hear where it is, and those of a stage
 * that is whole now, that nothing follows (F21).
 */
export function tellSelected(turn: Turn, stage: StageState, producer: TaskState): void {
  for (const link of linksFrom(turn.state, stage)) {
    if (!isStored(outputOf(link))) continue;
    if (describesTasks(turn.state.options)) {
      link.consumer.planning?.fresh[keyOfLink(link)]?.push(producer.taskId.partitionId);
      turn.touched.add(link.consumer);
      continue;
    }
    // A zombie may have read the rows of an attempt that was lost since.
    for (const consumer of link.consumer.tasks)
      if (!isZombie(link.consumer, consumer)) draftRemoteSplit(turn, link, { producer, consumer });
    completeSource(turn, link);
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
  if (!takesSplits(consumer)) return;
  if (isStored(outputOf(link)) ? !isDealtTo(link, producer, consumer) : !servesOutput(producer))
    return;
  const location = locationOf(producer, link.outputIndex, bufferOf(link, consumer));
  const sourceId = consumer.inputs.find((input) => input.sourceId === link.sourceId)?.sourceId;
  assert(sourceId !== undefined, `a task has a source ${link.sourceId}`);
  // No weight: pages are bounded by the exchange, not by the split queues.
  const split = { weight: 0, input: { kind: 'remote', location } } as const;
  draftSplit(turn, { stage: link.consumer, task: consumer, sourceId }, split);
}

/** Of a stored arbitrary output, each partition goes whole to one reader, so that no re-run can deal it otherwise. */
function isDealtTo(link: Link, producer: TaskState, reader: TaskState): boolean {
  if (outputOf(link).kind !== 'arbitrary') return true;
  // A stage whose partitions follow its splits or its load does not know yet how many there will be.
  const { kind } = link.consumer.fragment.partitioning;
  const isOpen = kind === 'source' || kind === 'scaled-writer';
  const count = isOpen ? 1 : link.consumer.partitions.length;
  return producer.taskId.partitionId % count === reader.taskId.partitionId;
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

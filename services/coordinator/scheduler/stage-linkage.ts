/**
 * How stages meet: remote splits from every producer task to every consumer task, output buffers for every reader, and
 * the word that no more of either will come. Tasks of both sides may be created in any order; each pair is
 * joined when the later one of the two appears, so exactly once (T14, P10).
 */
import { assert, assertNever } from '../../common/assert.ts';
import type { OutputBufferId, PartitionId, TaskId } from '../../common/ids.ts';
import type { FragmentOutput } from '../../common/plan/plan-fragment.ts';
import type { OutputLocation } from '../../common/plan/split.ts';
import { coordinatorLocation } from '../../common/system/coordinator-location.ts';
import { filtersOf } from './dynamic-filters.ts';
import { initialQueueLimit } from './placement/split-queue-limit.ts';
import { stageOf } from './scheduler-state.ts';
import type { NodeState, QuerySchedulerState } from './scheduler-state.ts';
import { canScheduleMoreTasks, consumerFragment, countTask, isStageDone } from './stage-state.ts';
import type { OutputState, StageState } from './stage-state.ts';
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

/** The buffer that the only reader of a `single` output reads. */
const ONLY_BUFFER = 0 as OutputBufferId;

/** One output of a producer that feeds one remote source of a consumer. */
interface Link {
  readonly producer: StageState;
  readonly outputIndex: number;
  readonly consumer: StageState;
  readonly sourceId: number;
}

/**
 * The buffers of a new stage's output: partitioned ones are declared whole, once and for all; broadcast and arbitrary ones grow
 * with their consumer's tasks (T10). `consumerTaskCount`: of a hash consumer, fixed from the start (T12).
 */
export function createOutput(output: FragmentOutput, consumerTaskCount: number): OutputState {
  const { consumer, scheme } = output;
  const shared = { consumer, version: 1, abandonedBufferIds: [] };
  switch (scheme.kind) {
    case 'single':
    case 'discard':
      return { ...shared, kind: 'partitioned', bufferIds: [ONLY_BUFFER], noMoreBufferIds: true };
    case 'hash': {
      const bufferIds = Array.from({ length: consumerTaskCount }, (_, id) => id as OutputBufferId);
      return { ...shared, kind: 'partitioned', bufferIds, noMoreBufferIds: true };
    }
    case 'broadcast':
    case 'arbitrary':
      return { ...shared, kind: scheme.kind, bufferIds: [], noMoreBufferIds: false };
    default:
      return assertNever(scheme);
  }
}

/** Adds the stage's next task on this node and joins it with every task of its neighbours (T13, T26). */
export function addTask(turn: Turn, stage: StageState, host: NodeState): TaskState {
  assert(
    canScheduleMoreTasks(stage.kind),
    `stage ${stage.stageId} is ${stage.kind} and takes no task`,
  );
  const task = planTask({
    taskId: nextTaskId(turn.state, stage),
    node: host.node,
    inputs: inputsOf(stage),
    queueLimit: initialQueueLimit(turn.state.options.splitQueueLimits, turn.now),
    createdAt: turn.now,
  });
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
  return linksTo(state, stage).some(
    (link) =>
      !outputOf(link).noMoreBufferIds &&
      link.producer.tasks.some((task) => task.overutilized[link.outputIndex] === true),
  );
}

/** The stages that feed this one. */
export function producersOf(state: QuerySchedulerState, stage: StageState): readonly StageState[] {
  return stage.fragment.remoteSources.flatMap((source) =>
    source.producers.map((producer) => stageOf(state, producer)),
  );
}

/** The stages that this one feeds; the client is none. */
export function consumersOf(state: QuerySchedulerState, stage: StageState): readonly StageState[] {
  return stage.outputs
    .map(consumerFragment)
    .filter((id) => id !== undefined)
    .map((id) => stageOf(state, id));
}

/** Where a root task's rows are (T17). */
export function resultLocation(stage: StageState, task: TaskState): OutputLocation {
  const outputIndex = stage.outputs.findIndex((output) => output.consumer.kind === 'client');
  return locationOf(task, outputIndex, ONLY_BUFFER);
}

function nextTaskId(state: QuerySchedulerState, stage: StageState): TaskId {
  const partitionId = stage.tasks.length as PartitionId;
  return { queryId: state.queryId, stageId: stage.stageId, partitionId, attempt: 0 };
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

function linksTo(state: QuerySchedulerState, consumer: StageState): readonly Link[] {
  return consumer.fragment.remoteSources.flatMap(({ sourceId, producers }) =>
    producers.map((id) => {
      const producer = stageOf(state, id);
      const outputIndex = producer.outputs.findIndex(
        (output) => output.consumer.kind === 'fragment' && output.consumer.sourceId === sourceId,
      );
      return { producer, outputIndex, consumer, sourceId };
    }),
  );
}

function linksFrom(state: QuerySchedulerState, producer: StageState): readonly Link[] {
  return producer.outputs.flatMap(({ consumer }, outputIndex) =>
    consumer.kind === 'client'
      ? []
      : {
          producer,
          outputIndex,
          consumer: stageOf(state, consumer.fragmentId),
          sourceId: consumer.sourceId,
        },
  );
}

function outputOf(link: Link): OutputState {
  const output = link.producer.outputs[link.outputIndex];
  assert(output !== undefined, `stage ${link.producer.stageId} feeds source ${link.sourceId}`);
  return output;
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

function bufferOf(link: Link, consumer: TaskState): OutputBufferId {
  const scheme = link.producer.fragment.outputs[link.outputIndex]?.scheme.kind;
  return scheme === 'single'
    ? ONLY_BUFFER
    : (consumer.taskId.partitionId as number as OutputBufferId);
}

function locationOf(
  task: TaskState,
  outputIndex: number,
  bufferId: OutputBufferId,
): OutputLocation {
  const { taskId, nodeId, nodeInstanceId, address } = task;
  return { taskId, nodeId, nodeInstanceId, address, outputIndex, bufferId };
}

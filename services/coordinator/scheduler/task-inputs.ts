/**
 * What an attempt of a described partition is given: its partition's descriptor, split by split. Of a stored input, the
 * attempt that counts at the moment (F21), so that an attempt that comes later may read another one than those before it.
 */
import type { PartitionId, StageId } from '../../common/ids.ts';
import type { EmptySplit, FileSplit, OutputLocation } from '../../common/plan/split.ts';
import type { AssignableSplit, StoredInput } from './fault-tolerant/split-assignment.ts';
import { getDescriptor } from './fault-tolerant/task-descriptor.ts';
import type { DescribedPartition, TaskDescriptor } from './fault-tolerant/task-descriptor.ts';
import { partitionOf, selectedAttempt } from './partition-state.ts';
import type { PartitionState } from './partition-state.ts';
import { splitWeight } from './placement/split-placement.ts';
import { stageOf } from './scheduler-state.ts';
import type { QuerySchedulerState } from './scheduler-state.ts';
import { locationOf } from './stage-link.ts';
import type { StageState } from './stage-state.ts';
import { takesSplits } from './task-state.ts';
import type { TaskInput, TaskState } from './task-state.ts';
import { draftNoMoreSplits, draftSplit } from './turn.ts';
import type { Turn } from './turn.ts';

export function describedBy(
  { queryId }: QuerySchedulerState,
  { stageId }: { readonly stageId: StageId },
  partitionId: PartitionId,
): DescribedPartition {
  return { queryId, stageId, partitionId };
}

/** Open or sealed; `undefined` where partitions are not described. */
export function descriptorOf(
  state: QuerySchedulerState,
  stage: StageState,
  { descriptor, partitionId }: PartitionState,
): TaskDescriptor | undefined {
  return descriptor ?? getDescriptor(state.descriptors, describedBy(state, stage, partitionId));
}

/** Every stored output that the partition is known to read is there. */
export function hasStoredInputs(
  state: QuerySchedulerState,
  stage: StageState,
  partition: PartitionState,
): boolean {
  const sources = descriptorOf(state, stage, partition)?.sources ?? [];
  return sources.every(({ splits }) =>
    splits.every(({ input }) => input.kind !== 'stored' || findSource(state, input) !== undefined),
  );
}

/** Gives the attempt what is new of its descriptor, as far as it is there and its queue has room. */
export function feedDescribed(turn: Turn, stage: StageState, task: TaskState): void {
  if (!takesSplits(task)) return;
  const descriptor = descriptorOf(turn.state, stage, partitionOf(stage, task));
  for (const { sourceId, splits, noMoreSplits } of descriptor?.sources ?? []) {
    const input = task.inputs.find((each) => each.sourceId === sourceId);
    if (input === undefined || input.noMoreSplits) continue;
    const isFed = feedSource(turn, { stage, task, input }, splits);
    if (isFed && noMoreSplits) draftNoMoreSplits(turn, { stage, task, sourceId });
  }
}

interface FedInput {
  readonly stage: StageState;
  readonly task: TaskState;
  readonly input: TaskInput;
}

/** False: something has to wait. */
function feedSource(
  turn: Turn,
  { stage, task, input }: FedInput,
  splits: readonly AssignableSplit[],
): boolean {
  const { splitQueueLimits, standardSplitBytes } = turn.state.options;
  const target = { stage, task, sourceId: input.sourceId };
  for (const split of splits.slice(input.nextSequenceId)) {
    if (split.input.kind === 'stored') {
      const location = findSource(turn.state, split.input);
      if (location === undefined) return false;
      draftSplit(turn, target, { weight: 0, input: { kind: 'remote', location } });
      continue;
    }
    if (task.unacknowledged.length >= splitQueueLimits.maxUnacknowledgedSplits) return false;
    const weight = weightOf(split.input, standardSplitBytes);
    draftSplit(turn, target, { weight, input: split.input });
  }
  return true;
}

function weightOf(split: FileSplit | EmptySplit, standardSplitBytes: number): number {
  return split.kind === 'empty' ? 0 : splitWeight(split, standardSplitBytes);
}

/** Where the stored input is read now; `undefined` = no attempt that made it counts. */
function findSource(state: QuerySchedulerState, stored: StoredInput): OutputLocation | undefined {
  const { stageId, partitionId, outputIndex, bufferId } = stored;
  const producer = stageOf(state, stageId);
  const partition = producer.partitions[partitionId];
  const task = partition === undefined ? undefined : selectedAttempt(producer, partition);
  return task === undefined
    ? undefined
    : { ...locationOf(task, outputIndex, bufferId), isSpooled: true };
}

/** Splits and batches for split assigners. */
import type {
  AssignableSplit,
  AssignedSource,
  SplitBatch,
  StoredInput,
} from '../../services/coordinator/scheduler/fault-tolerant/split-assignment.ts';
import type {
  NodeId,
  OutputBufferId,
  PartitionId,
  SourceId,
  StageId,
} from '../../services/common/ids.ts';

export const aSource = (sourceId: number, isReplicated = false): AssignedSource => ({
  sourceId: sourceId as SourceId,
  isReplicated,
});

export function storedInput(stageId: number, partitionId: number, bufferId = 0): StoredInput {
  return {
    kind: 'stored',
    stageId: stageId as StageId,
    partitionId: partitionId as PartitionId,
    outputIndex: 0,
    bufferId: bufferId as OutputBufferId,
  };
}

export function aStoredSplit(
  bytes: number,
  changes: Partial<AssignableSplit> = {},
): AssignableSplit {
  return { input: storedInput(9, 0), bytes, ...changes };
}

export const onNodes = (...nodes: readonly string[]): Pick<AssignableSplit, 'nodes'> => ({
  nodes: nodes.map((node) => node as NodeId),
});

export function aBatch(
  sourceId: number,
  splits: readonly (number | AssignableSplit)[],
  noMoreSplits = false,
): SplitBatch {
  return {
    sourceId: sourceId as SourceId,
    splits: splits.map((split) => (typeof split === 'number' ? aStoredSplit(split) : split)),
    noMoreSplits,
  };
}

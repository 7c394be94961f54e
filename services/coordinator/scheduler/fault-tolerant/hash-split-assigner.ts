/**
 * Splits that have to be read by the tasks of their partition (F25, F26, §2.1). All partitions are there from the start.
 * All rows of a key meet in one task; where a partition is divided, the divided source's rows meet all rows of the others.
 */
import { assert } from '../../../common/assert.ts';
import type { NodeId, PartitionId, SourceId } from '../../../common/ids.ts';
import type { HashPartitionPlan } from './hash-partition-plan.ts';
import {
  ANY_NODE,
  draftAssignment,
  draftUpdate,
  finishDraft,
  takeBatch,
} from './split-assignment.ts';
import type {
  AssignmentDraft,
  AssignmentResult,
  OpenSources,
  SplitBatch,
} from './split-assignment.ts';

interface PartitionGroup {
  readonly partitionIds: readonly PartitionId[];
  readonly dividedSource: SourceId | null;
  /** Position in `partitionIds` of the one that the next split of the divided source goes to. */
  next: number;
}

export interface HashSplitAssigner extends OpenSources {
  readonly kind: 'hash';
  readonly groups: PartitionGroup[];
  readonly groupOfPartition: readonly number[];
  readonly partitionCount: number;
  /** By partition of the stage: where it has to run. Empty = anywhere. */
  readonly nodes: readonly NodeId[];
}

/** `nodes`: the node of each source partition, which a plan without merging and dividing keeps; empty = any. */
export function createHash(
  sources: OpenSources,
  plan: HashPartitionPlan,
  nodes: readonly NodeId[],
): HashSplitAssigner {
  let partitionCount = 0;
  const groups = plan.groups.map(({ taskCount, dividedSource }) => {
    const first = partitionCount;
    partitionCount += taskCount;
    const partitionIds = Array.from({ length: taskCount }, (_, i) => (first + i) as PartitionId);
    return { partitionIds, dividedSource, next: 0 };
  });
  assert(nodes.length === 0 || nodes.length === partitionCount, 'each partition has its node');
  const { groupOfPartition } = plan;
  return { ...sources, kind: 'hash', groups, groupOfPartition, partitionCount, nodes };
}

export function openHash(state: HashSplitAssigner): AssignmentResult {
  const draft = draftAssignment();
  for (const partitionId of partitionIds(state)) {
    const nodeId = state.nodes[partitionId];
    const requirements = nodeId === undefined ? ANY_NODE : { nodeId, isBound: true };
    draft.partitionsAdded.push({ partitionId, requirements });
  }
  draft.noMorePartitions = true;
  sealWhenComplete(state, draft);
  return finishDraft(draft);
}

export function assignHash(state: HashSplitAssigner, batch: SplitBatch): AssignmentResult {
  const draft = draftAssignment();
  const { sourceId, isReplicated } = takeBatch(state, batch);
  if (isReplicated) {
    for (const partitionId of partitionIds(state)) draftUpdate(draft, partitionId, batch);
  } else {
    for (const split of batch.splits) {
      for (const partitionId of readersOf(state, sourceId, split.sourcePartition ?? 0)) {
        draftUpdate(draft, partitionId, { sourceId, splits: [split], isReady: true });
      }
    }
    if (batch.noMoreSplits) {
      for (const partitionId of partitionIds(state))
        draftUpdate(draft, partitionId, { sourceId, noMoreSplits: true });
    }
  }
  sealWhenComplete(state, draft);
  return finishDraft(draft);
}

function readersOf(
  state: HashSplitAssigner,
  sourceId: SourceId,
  sourcePartition: number,
): readonly PartitionId[] {
  const group = state.groups[state.groupOfPartition[sourcePartition] ?? -1];
  assert(group !== undefined, `partition ${sourcePartition} of source ${sourceId} has its tasks`);
  if (group.dividedSource !== sourceId) return group.partitionIds;
  const partitionId = group.partitionIds[group.next];
  assert(partitionId !== undefined, 'a group has tasks');
  group.next = (group.next + 1) % group.partitionIds.length;
  return [partitionId];
}

function sealWhenComplete(state: HashSplitAssigner, draft: AssignmentDraft): void {
  if (state.openSources.length === 0) draft.sealed.push(...partitionIds(state));
}

function partitionIds(state: HashSplitAssigner): readonly PartitionId[] {
  return state.groups.flatMap((group) => group.partitionIds);
}

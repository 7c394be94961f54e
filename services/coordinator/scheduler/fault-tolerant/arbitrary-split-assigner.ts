/**
 * Splits that any task may take, dealt to partitions of about equal size (F25, F28, §2.1): one partition is open for each
 * place that splits want to be read at; it is full when the next split would make it too big. Replicated sources go to every
 * partition, those that come later included.
 */
import { assert } from '../../../common/assert.ts';
import type { NodeId, PartitionId } from '../../../common/ids.ts';
import type { TaskSizing } from './fault-tolerant-options.ts';
import {
  ANY_NODE,
  draftAssignment,
  draftUpdate,
  finishDraft,
  isOpen,
  takeBatch,
} from './split-assignment.ts';
import type {
  AssignableSplit,
  AssignedSource,
  AssignmentDraft,
  AssignmentResult,
  NodeRequirements,
  OpenSources,
  SplitBatch,
} from './split-assignment.ts';

interface OpenPartition {
  readonly partitionId: PartitionId;
  readonly requirements: NodeRequirements;
  bytes: number;
  splitCount: number;
}

export interface ArbitrarySplitAssigner extends OpenSources {
  readonly kind: 'arbitrary';
  readonly sizing: TaskSizing;
  partitionCount: number;
  open: OpenPartition[];
  /** Full, but a replicated source has not ended. */
  full: PartitionId[];
  /** All splits so far of the replicated sources, in the order of `sources`. */
  readonly replicated: AssignableSplit[][];
  fullSinceGrowth: number;
  /** Grows exactly; what partitions are measured by is rounded. */
  exactTargetBytes: number;
  targetBytes: number;
}

export function createArbitrary(sources: OpenSources, sizing: TaskSizing): ArbitrarySplitAssigner {
  return {
    ...sources,
    kind: 'arbitrary',
    sizing,
    partitionCount: 0,
    open: [],
    full: [],
    replicated: sources.sources.map(() => []),
    fullSinceGrowth: 0,
    exactTargetBytes: sizing.minTargetBytes,
    targetBytes: sizing.minTargetBytes,
  };
}

export function openArbitrary(state: ArbitrarySplitAssigner): AssignmentResult {
  const draft = draftAssignment();
  finishWhenComplete(state, draft);
  return finishDraft(draft);
}

export function assignArbitrary(
  state: ArbitrarySplitAssigner,
  batch: SplitBatch,
): AssignmentResult {
  const draft = draftAssignment();
  const source = takeBatch(state, batch);
  if (source.isReplicated) replicate(state, draft, batch);
  else for (const split of batch.splits) deal(state, draft, { source, split });
  finishWhenComplete(state, draft);
  return finishDraft(draft);
}

function replicate(state: ArbitrarySplitAssigner, draft: AssignmentDraft, batch: SplitBatch): void {
  const index = state.sources.findIndex(({ sourceId }) => sourceId === batch.sourceId);
  state.replicated[index]?.push(...batch.splits);
  const unsealed = [...state.full, ...state.open.map(({ partitionId }) => partitionId)];
  for (const partitionId of unsealed) draftUpdate(draft, partitionId, batch);
  if (!isReplicationComplete(state)) return;
  draft.sealed.push(...state.full);
  state.full = [];
}

function deal(
  state: ArbitrarySplitAssigner,
  draft: AssignmentDraft,
  { source, split }: { readonly source: AssignedSource; readonly split: AssignableSplit },
): void {
  const requirements = requirementsOf(state, split);
  let partition = state.open.find((open) => isSamePlace(open.requirements, requirements));
  if (partition !== undefined && isTooBig(state, partition, split)) {
    closePartition(state, draft, partition);
    partition = undefined;
  }
  partition ??= addPartition(state, draft, requirements);
  partition.bytes += split.bytes;
  partition.splitCount += 1;
  const { sourceId } = source;
  draftUpdate(draft, partition.partitionId, { sourceId, splits: [split], isReady: true });
}

/** A partition always takes its first split, however big. */
function isTooBig(
  state: ArbitrarySplitAssigner,
  partition: OpenPartition,
  split: AssignableSplit,
): boolean {
  return (
    partition.bytes + split.bytes > state.targetBytes ||
    partition.splitCount + 1 > state.sizing.maxTaskSplits
  );
}

/** Of the places it may go to one without an open partition, otherwise the one whose partition is smallest. */
function requirementsOf(state: ArbitrarySplitAssigner, split: AssignableSplit): NodeRequirements {
  const isBound = split.isBoundToNodes === true;
  const candidates = split.nodes ?? [];
  assert(!isBound || candidates.length > 0, 'a split that is bound to nodes names them');
  let best: { readonly nodeId: NodeId; readonly bytes: number } | undefined;
  for (const nodeId of candidates) {
    const place = { nodeId, isBound };
    const bytes = state.open.find((open) => isSamePlace(open.requirements, place))?.bytes ?? -1;
    if (best === undefined || bytes < best.bytes) best = { nodeId, bytes };
  }
  return best === undefined ? ANY_NODE : { nodeId: best.nodeId, isBound };
}

function isSamePlace(a: NodeRequirements, b: NodeRequirements): boolean {
  return a.nodeId === b.nodeId && a.isBound === b.isBound;
}

function addPartition(
  state: ArbitrarySplitAssigner,
  draft: AssignmentDraft,
  requirements: NodeRequirements,
): OpenPartition {
  const partitionId = state.partitionCount as PartitionId;
  state.partitionCount += 1;
  const partition = { partitionId, requirements, bytes: 0, splitCount: 0 };
  state.open.push(partition);
  draft.partitionsAdded.push({ partitionId, requirements });
  state.sources.forEach((source, index) => {
    if (!source.isReplicated) return;
    const { sourceId } = source;
    const splits = state.replicated[index] ?? [];
    draftUpdate(draft, partitionId, { sourceId, splits, noMoreSplits: !isOpen(state, source) });
  });
  return partition;
}

function closePartition(
  state: ArbitrarySplitAssigner,
  draft: AssignmentDraft,
  partition: OpenPartition,
): void {
  const { partitionId } = partition;
  state.open = state.open.filter((open) => open !== partition);
  endPartitionedSources(state, draft, partitionId);
  if (isReplicationComplete(state)) draft.sealed.push(partitionId);
  else state.full.push(partitionId);
  growTarget(state);
}

/** Big inputs get big tasks, so that their number grows slower than the input (F28). */
function growTarget(state: ArbitrarySplitAssigner): void {
  const { growthPeriod, growthFactor, minTargetBytes, maxTargetBytes } = state.sizing;
  state.fullSinceGrowth += 1;
  if (state.fullSinceGrowth < growthPeriod) return;
  state.fullSinceGrowth = 0;
  const grown = Math.ceil(state.exactTargetBytes * growthFactor);
  state.exactTargetBytes = Math.min(maxTargetBytes, grown);
  state.targetBytes = Math.round(state.exactTargetBytes / minTargetBytes) * minTargetBytes;
}

function endPartitionedSources(
  state: ArbitrarySplitAssigner,
  draft: AssignmentDraft,
  partitionId: PartitionId,
): void {
  for (const { sourceId, isReplicated } of state.sources) {
    if (!isReplicated) draftUpdate(draft, partitionId, { sourceId, noMoreSplits: true });
  }
}

function isReplicationComplete(state: ArbitrarySplitAssigner): boolean {
  return !state.sources.some((source) => source.isReplicated && isOpen(state, source));
}

/** When all sources have ended: at least one partition, and every one sealed. */
function finishWhenComplete(state: ArbitrarySplitAssigner, draft: AssignmentDraft): void {
  if (state.openSources.length > 0) return;
  if (state.partitionCount === 0) addPartition(state, draft, ANY_NODE);
  for (const { partitionId } of state.open) {
    endPartitionedSources(state, draft, partitionId);
    draft.sealed.push(partitionId);
  }
  state.open = [];
  draft.noMorePartitions = true;
}

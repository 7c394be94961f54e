/**
 * What split assigners take and give (F23, F25): splits of the sources of a stage come in, partitions with their splits go
 * out. A partition is added, updated any number of times, sealed once; nothing is added to it afterwards.
 */
import { assert } from '../../../common/assert.ts';
import type {
  NodeId,
  OutputBufferId,
  PartitionId,
  SourceId,
  StageId,
} from '../../../common/ids.ts';
import type { EmptySplit, FileSplit } from '../../../common/plan/split.ts';

/**
 * One output buffer of one partition of a producer, over a stored link. Which attempt of the partition is read, and where
 * it lies, is the output selector's word at the time that a task is made (F21).
 */
export interface StoredInput {
  readonly kind: 'stored';
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
  readonly outputIndex: number;
  readonly bufferId: OutputBufferId;
}

export interface AssignableSplit {
  readonly input: FileSplit | EmptySplit | StoredInput;
  readonly bytes: number;
  /** Hash assigner: the partition of the source it belongs to. Absent = 0. */
  readonly sourcePartition?: number;
  /** Where it is read best, best first. Absent = anywhere. */
  readonly nodes?: readonly NodeId[];
  /** Only the `nodes` can read it. */
  readonly isBoundToNodes?: true;
}

/** The next splits of one source; `noMoreSplits` with the last of them, which may be none. */
export interface SplitBatch {
  readonly sourceId: SourceId;
  readonly splits: readonly AssignableSplit[];
  readonly noMoreSplits: boolean;
}

/** A source of the stage. Replicated: every task reads all of it. */
export interface AssignedSource {
  readonly sourceId: SourceId;
  readonly isReplicated: boolean;
}

/** Where a partition's attempts should run. `isBound`: nowhere else. */
export interface NodeRequirements {
  readonly nodeId: NodeId | null;
  readonly isBound: boolean;
}

export const ANY_NODE: NodeRequirements = { nodeId: null, isBound: false };

export interface AddedPartition {
  readonly partitionId: PartitionId;
  readonly requirements: NodeRequirements;
}

export interface PartitionUpdate {
  readonly partitionId: PartitionId;
  readonly sourceId: SourceId;
  readonly splits: readonly AssignableSplit[];
  /** The partition gets nothing more of this source. */
  readonly noMoreSplits: boolean;
  /** It has input of its own now, so a speculative attempt may begin (F11). */
  readonly isReady: boolean;
}

/** To be applied in the order of the fields. */
export interface AssignmentResult {
  readonly partitionsAdded: readonly AddedPartition[];
  readonly updates: readonly PartitionUpdate[];
  readonly sealed: readonly PartitionId[];
  /** No partition will be added any more; told once. */
  readonly noMorePartitions: boolean;
}

/** An AssignmentResult while it is made: one update for each partition and source. */
export interface AssignmentDraft {
  readonly partitionsAdded: AddedPartition[];
  readonly updates: Map<string, DraftedUpdate>;
  readonly sealed: PartitionId[];
  noMorePartitions: boolean;
}

interface DraftedUpdate {
  readonly partitionId: PartitionId;
  readonly sourceId: SourceId;
  readonly splits: AssignableSplit[];
  noMoreSplits: boolean;
  isReady: boolean;
}

export function draftAssignment(): AssignmentDraft {
  return { partitionsAdded: [], updates: new Map(), sealed: [], noMorePartitions: false };
}

/** Adds to what the partition is told of the source. */
export function draftUpdate(
  draft: AssignmentDraft,
  partitionId: PartitionId,
  news: {
    readonly sourceId: SourceId;
    readonly splits?: readonly AssignableSplit[];
    readonly noMoreSplits?: boolean;
    readonly isReady?: boolean;
  },
): void {
  const key = `${partitionId}/${news.sourceId}`;
  let update = draft.updates.get(key);
  if (update === undefined) {
    const { sourceId } = news;
    update = { partitionId, sourceId, splits: [], noMoreSplits: false, isReady: false };
    draft.updates.set(key, update);
  }
  update.splits.push(...(news.splits ?? []));
  update.noMoreSplits ||= news.noMoreSplits === true;
  update.isReady ||= news.isReady === true;
}

export function finishDraft(draft: AssignmentDraft): AssignmentResult {
  const { partitionsAdded, updates, sealed, noMorePartitions } = draft;
  return { partitionsAdded, updates: [...updates.values()], sealed, noMorePartitions };
}

/** Sources that have not ended. */
export interface OpenSources {
  readonly sources: readonly AssignedSource[];
  openSources: SourceId[];
}

export function openAll(sources: readonly AssignedSource[]): OpenSources {
  return { sources, openSources: sources.map(({ sourceId }) => sourceId) };
}

/** The source of a batch, which must not have ended; it ends with the batch that says so. */
export function takeBatch(state: OpenSources, batch: SplitBatch): AssignedSource {
  const { sourceId } = batch;
  const source = state.sources.find((candidate) => candidate.sourceId === sourceId);
  assert(source !== undefined, `source ${sourceId} belongs to the stage`);
  assert(state.openSources.includes(sourceId), `source ${sourceId} has not ended`);
  if (batch.noMoreSplits) state.openSources = state.openSources.filter((id) => id !== sourceId);
  return source;
}

export function isOpen(state: OpenSources, { sourceId }: AssignedSource): boolean {
  return state.openSources.includes(sourceId);
}

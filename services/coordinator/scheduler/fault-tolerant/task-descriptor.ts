/** All that a partition's attempts are made of, whenever they run (F12, F13, F29). */
import { assert } from '../../../common/assert.ts';
import type { PartitionId, QueryId, SourceId, StageId } from '../../../common/ids.ts';
import type {
  AddedPartition,
  AssignableSplit,
  NodeRequirements,
  PartitionUpdate,
} from './split-assignment.ts';

export interface DescribedSource {
  readonly sourceId: SourceId;
  readonly splits: AssignableSplit[];
  noMoreSplits: boolean;
}

/** Open until its partition is sealed: only then every source has ended. */
export interface TaskDescriptor {
  readonly requirements: NodeRequirements;
  readonly sources: DescribedSource[];
}

export function openDescriptor(partition: AddedPartition): TaskDescriptor {
  return { requirements: partition.requirements, sources: [] };
}

export function extendDescriptor(descriptor: TaskDescriptor, update: PartitionUpdate): void {
  const { sourceId } = update;
  let source = descriptor.sources.find((candidate) => candidate.sourceId === sourceId);
  if (source === undefined) {
    source = { sourceId, splits: [], noMoreSplits: false };
    descriptor.sources.push(source);
  }
  assert(!source.noMoreSplits || update.splits.length === 0, 'a source that ended gets no splits');
  source.splits.push(...update.splits);
  source.noMoreSplits ||= update.noMoreSplits;
}

/** The descriptors of sealed partitions, of one query or of several, within one bound (F29). */
export interface DescriptorStorage {
  readonly maxBytes: number;
  /** By query, stage and partition. */
  readonly entries: Record<string, StoredDescriptor>;
  usedBytes: number;
  readonly destroyedQueries: QueryId[];
}

export interface DescribedPartition {
  readonly queryId: QueryId;
  readonly stageId: StageId;
  readonly partitionId: PartitionId;
}

interface StoredDescriptor extends DescribedPartition {
  readonly descriptor: TaskDescriptor;
  readonly bytes: number;
}

export function createDescriptorStorage(maxBytes: number): DescriptorStorage {
  return { maxBytes, entries: {}, usedBytes: 0, destroyedQueries: [] };
}

/** Keeps a sealed partition's descriptor until it is removed; twice is a bug, after the query's end nothing is kept. */
export function putDescriptor(
  storage: DescriptorStorage,
  partition: DescribedPartition,
  descriptor: TaskDescriptor,
): void {
  if (storage.destroyedQueries.includes(partition.queryId)) return;
  const key = keyOf(partition);
  const { queryId, stageId, partitionId } = partition;
  const isNew = storage.entries[key] === undefined;
  assert(isNew, `partition ${partitionId} of stage ${stageId} is described once`);
  const bytes = descriptorBytes(descriptor);
  storage.entries[key] = { queryId, stageId, partitionId, descriptor, bytes };
  storage.usedBytes += bytes;
}

export function getDescriptor(
  storage: DescriptorStorage,
  partition: DescribedPartition,
): TaskDescriptor | undefined {
  return storage.entries[keyOf(partition)]?.descriptor;
}

/** The partition has finished, or its query has no use for it any more. */
export function removeDescriptor(storage: DescriptorStorage, partition: DescribedPartition): void {
  const key = keyOf(partition);
  storage.usedBytes -= storage.entries[key]?.bytes ?? 0;
  delete storage.entries[key];
}

export function destroyDescriptors(storage: DescriptorStorage, queryId: QueryId): void {
  for (const entry of Object.values(storage.entries))
    if (entry.queryId === queryId) removeDescriptor(storage, entry);
  if (!storage.destroyedQueries.includes(queryId)) storage.destroyedQueries.push(queryId);
}

/** The query that has to fail because all together take too much: the one that takes most. */
export function overflowingQuery(storage: DescriptorStorage): QueryId | undefined {
  if (storage.usedBytes <= storage.maxBytes) return undefined;
  const used = new Map<QueryId, number>();
  for (const { queryId, bytes } of Object.values(storage.entries))
    used.set(queryId, (used.get(queryId) ?? 0) + bytes);
  let most: { readonly queryId: QueryId; readonly bytes: number } | undefined;
  for (const [queryId, bytes] of used)
    if (most === undefined || bytes > most.bytes) most = { queryId, bytes };
  return most?.queryId;
}

/** Roughly what an engine needs for an object, for a character. */
const OBJECT_BYTES = 128;
const CHARACTER_BYTES = 2;

/** An estimate by what differs between descriptors: the number of their splits and the length of the paths. */
export function descriptorBytes(descriptor: TaskDescriptor): number {
  let bytes = OBJECT_BYTES;
  for (const { splits } of descriptor.sources) {
    bytes += OBJECT_BYTES;
    for (const { input, nodes } of splits) {
      bytes += OBJECT_BYTES + CHARACTER_BYTES * (input.kind === 'file' ? input.path.length : 0);
      for (const nodeId of nodes ?? []) bytes += CHARACTER_BYTES * nodeId.length;
    }
  }
  return bytes;
}

function keyOf({ queryId, stageId, partitionId }: DescribedPartition): string {
  return `${queryId}/${stageId}/${partitionId}`;
}

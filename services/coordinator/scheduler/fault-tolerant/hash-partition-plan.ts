/**
 * Which tasks read which partitions of hashed sources (F25, F26, §2.1): small partitions share a task, an oversize one is
 * divided between several where the fragment allows it.
 */
import { assert } from '../../../common/assert.ts';
import type { SourceId } from '../../../common/ids.ts';
import type { TaskSizing } from './fault-tolerant-options.ts';
import { mergeEstimates, totalBytes } from './output-size.ts';
import type { OutputSizeEstimate } from './output-size.ts';

export interface SourceEstimate {
  readonly sourceId: SourceId;
  readonly estimate: OutputSizeEstimate;
}

export interface HashPartitioning {
  /** Partitions of every hashed source. */
  readonly partitionCount: number;
  /** One for each hashed source; with one missing, each partition is a task of its own. */
  readonly estimates: readonly SourceEstimate[];
  readonly hashedSources: readonly SourceId[];
  /** Sources whose rows of one partition may go to different tasks, the other sources' rows to all of them. */
  readonly divisibleSources: readonly SourceId[];
  /** False: each partition has a task of its own, or more. */
  readonly mayMerge: boolean;
  readonly nodeCount: number;
}

/** Tasks that read the same partitions. */
export interface TaskGroup {
  readonly taskCount: number;
  /** With more than one task: the source whose splits are dealt to them in turn; all others go to each. */
  readonly dividedSource: SourceId | null;
}

export interface HashPartitionPlan {
  readonly groups: readonly TaskGroup[];
  /** Position in `groups`, by partition of the sources. */
  readonly groupOfPartition: readonly number[];
}

const ONE_TASK: TaskGroup = { taskCount: 1, dividedSource: null };

export function planHashPartitions(
  partitioning: HashPartitioning,
  sizing: TaskSizing,
): HashPartitionPlan {
  const { partitionCount, hashedSources, estimates } = partitioning;
  assert(partitionCount > 0, 'a hashed source has partitions');
  const known = estimates.filter(({ sourceId }) => hashedSources.includes(sourceId));
  if (known.length === 0 || known.length < hashedSources.length) return oneToOne(partitionCount);
  const merged = mergeEstimates(known.map(({ estimate }) => estimate));
  assert(merged.partitionBytes.length === partitionCount, 'estimates are of the same partitions');
  const targetBytes = targetOf(totalBytes(merged), partitioning.nodeCount, sizing);
  const groups: TaskGroup[] = [];
  const groupBytes: number[] = [];
  const groupOfPartition = merged.partitionBytes.map((bytes, partition) => {
    const smallest = partitioning.mayMerge ? smallestOf(groupBytes) : -1;
    const filled = (groupBytes[smallest] ?? 0) + bytes;
    if (smallest !== -1 && filled <= targetBytes) {
      groupBytes[smallest] = filled;
      return smallest;
    }
    groups.push(bytes > targetBytes ? divide(partitioning, partition, targetBytes) : ONE_TASK);
    groupBytes.push(bytes);
    return groups.length - 1;
  });
  return { groups, groupOfPartition };
}

function oneToOne(partitionCount: number): HashPartitionPlan {
  return {
    groups: Array.from({ length: partitionCount }, () => ONE_TASK),
    groupOfPartition: Array.from({ length: partitionCount }, (_, partition) => partition),
  };
}

/** The target that gives neither too many tasks nor too few for the cluster. */
function targetOf(bytes: number, nodeCount: number, sizing: TaskSizing): number {
  const { hashTargetBytes, maxTasks, minTasksPerNode } = sizing;
  const target = Math.max(hashTargetBytes, Math.ceil(bytes / maxTasks));
  const minTasks = Math.max(1, minTasksPerNode * nodeCount);
  return Math.min(target, Math.max(1, Math.floor(bytes / minTasks)));
}

function smallestOf(groupBytes: readonly number[]): number {
  let smallest = -1;
  groupBytes.forEach((bytes, group) => {
    if (smallest === -1 || bytes < (groupBytes[smallest] ?? 0)) smallest = group;
  });
  return smallest;
}

/** Worth it only while what every one of its tasks reads besides is small. */
function divide(partitioning: HashPartitioning, partition: number, targetBytes: number): TaskGroup {
  let largest: { readonly sourceId: SourceId; readonly bytes: number } | undefined;
  let total = 0;
  for (const { sourceId, estimate } of partitioning.estimates) {
    if (!partitioning.hashedSources.includes(sourceId)) continue;
    const bytes = estimate.partitionBytes[partition] ?? 0;
    total += bytes;
    if (largest === undefined || bytes > largest.bytes) largest = { sourceId, bytes };
  }
  if (largest === undefined || !partitioning.divisibleSources.includes(largest.sourceId))
    return ONE_TASK;
  const others = total - largest.bytes;
  if (others > targetBytes / 4) return ONE_TASK;
  const taskCount = Math.floor(largest.bytes / (targetBytes - others)) + 1;
  return taskCount === 1 ? ONE_TASK : { taskCount, dividedSource: largest.sourceId };
}

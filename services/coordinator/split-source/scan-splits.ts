/** A scan's row groups, joined to splits lazily: what is not asked for is not made. */
import type { PartitionId } from '../../common/ids.ts';
import type { RowGroup, ScanDescriptor, ScanFile } from '../../common/plan/plan-fragment.ts';
import type { FileSplit } from '../../common/plan/split.ts';
import type { RowGroupPruner } from './prune-scan.ts';

/** Even a small table gives every task of the cluster several splits, so that none waits for the slowest. */
const SPLITS_PER_TASK = 4;

export interface SplitSizing {
  /** Session property split_target_bytes. */
  readonly targetBytes: number;
  /** Tasks that a stage over the whole cluster has. */
  readonly taskCount: number;
}

/**
 * Row ranges of files, aligned to row groups; a single row group is never cut. Of a scan that is read by partitions: one
 * partition after the other, a row group once for each partition that may have rows in it.
 */
export function* splitsOf(
  scan: ScanDescriptor,
  sizing: SplitSizing,
  pruner?: RowGroupPruner,
): Generator<FileSplit, void, void> {
  const load = scanLoad(scan.totalBytes, scan.totalRows);
  const share = Math.ceil(load / (SPLITS_PER_TASK * Math.max(1, sizing.taskCount)));
  const target = Math.max(1, Math.min(sizing.targetBytes, share));
  const partitions = partitionsOf(scan);
  if (partitions.length === 0) {
    for (const file of scan.files) yield* splitsOfFile(pruned(file, pruner), target);
  }
  for (const partition of partitions) {
    yield* splitsOfPartition(scan, partition, { target, pruner });
  }
}

function pruned(file: ScanFile, pruner: RowGroupPruner | undefined): ScanFile {
  return pruner === undefined ? file : { ...file, rowGroups: pruner.prune(file) };
}

function partitionsOf(scan: ScanDescriptor): readonly number[] {
  const groups = scan.files.flatMap(({ rowGroups }) => rowGroups);
  return [...new Set(groups.flatMap(({ partitions = [] }) => partitions))].toSorted(
    (a, b) => a - b,
  );
}

function* splitsOfPartition(
  scan: ScanDescriptor,
  partition: number,
  { target, pruner }: { readonly target: number; readonly pruner: RowGroupPruner | undefined },
): Generator<FileSplit, void, void> {
  for (const file of scan.files) {
    const rowGroups = file.rowGroups.filter(({ partitions }) => partitions?.includes(partition));
    for (const split of splitsOfFile(pruned({ ...file, rowGroups }, pruner), target)) {
      yield { ...split, partition: partition as PartitionId };
    }
  }
}

function* splitsOfFile(file: ScanFile, target: number): Generator<FileSplit, void, void> {
  let split: FileSplit | undefined;
  for (const group of file.rowGroups) {
    if (split !== undefined && fits(split, group, target)) {
      split = {
        ...split,
        rowCount: split.rowCount + group.rowCount,
        bytes: split.bytes + group.bytes,
      };
      continue;
    }
    if (split !== undefined) yield split;
    const { rowGroups: _, ...identityAndReading } = file;
    split = { kind: 'file', ...identityAndReading, ...group };
  }
  if (split !== undefined) yield split;
}

/** Pruned row groups leave gaps: only neighbours make one range. */
function fits(split: FileSplit, group: RowGroup, target: number): boolean {
  if (split.firstRow + split.rowCount !== group.firstRow) return false;
  const { bytes, rowCount } = group;
  return scanLoad(split.bytes + bytes, split.rowCount + rowCount) <= target;
}

/** A scan that reads no column, such as count(*), has rows and no bytes. */
function scanLoad(bytes: number, rowCount: number): number {
  return Math.max(bytes, rowCount);
}

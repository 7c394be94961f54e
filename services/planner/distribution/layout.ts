/**
 * How scans lie apart by a key in their files: tasks that read one part of each scan have all rows with their keys, and
 * need no exchange. Either row groups are cut by ranges of the key (design: RANGE(key, bounds)), or files are buckets of
 * its hash.
 */
import { assertNever } from '../../common/assert.ts';
import { type ScanId } from '../logical/logical-plan.ts';
import { bucketPartition, type BucketLayout } from './bucket-layout.ts';
import { partitionsOf } from './range-bounds.ts';
import { type CopiedScan } from './copied-scan.ts';
import { type RangeLayout } from './range-layout.ts';
import { type ShareLayout } from './share-layout.ts';

/** Of two partitions at least. */
export type Layout = (RangeLayout | BucketLayout | ShareLayout) & {
  /** Other scans of the same tasks, each of which reads all of their rows. Absent = none. */
  readonly copies?: readonly CopiedScan[];
};

export function withCopies(layout: Layout, copies: readonly CopiedScan[]): Layout {
  const all = [...(layout.copies ?? []), ...copies];
  return all.length === 0 ? layout : { ...layout, copies: all };
}

/** What the tasks read of one scan. */
export interface LayoutPart {
  readonly scanId: ScanId;
  /** The scan whose description has these row groups, in this order. */
  readonly original: ScanId;
  readonly rowGroups: readonly PartitionedRowGroup[];
  /** Of row groups of which the layout does not know. */
  readonly partitionsOfOthers: readonly number[];
}

export interface PartitionedRowGroup {
  /** Bytes of its rows. */
  readonly load: number;
  /** The partitions that may have rows of it, ascending. */
  readonly partitions: readonly number[];
}

export function partitionCountOf(layout: Layout): number {
  switch (layout.kind) {
    case 'range':
      return layout.bounds.length + 1;
    case 'buckets':
    case 'shares':
      return layout.partitionCount;
    default:
      return assertNever(layout);
  }
}

/** For EXPLAIN: `range(l_orderkey, 8)`, `buckets(l_orderkey, 8)`, `shares(8)`. */
export function layoutText(layout: Layout): string {
  const [first] = layout.scans;
  const names = first === undefined ? [] : 'name' in first ? [first.name] : first.names;
  return `${layout.kind}(${[...names, partitionCountOf(layout)].join(', ')})`;
}

/** What the tasks read of every scan, copies included. */
export function partsOf(layout: Layout): readonly LayoutPart[] {
  const partitionsOfOthers = allPartitions(layout);
  const copies = (layout.copies ?? []).map((copy) => ({
    ...copy,
    rowGroups: [],
    partitionsOfOthers,
  }));
  return [...keyedParts(layout), ...copies];
}

function allPartitions(layout: Layout): readonly number[] {
  return Array.from({ length: partitionCountOf(layout) }, (_, partition) => partition);
}

/** Row groups that are not known may have rows of all partitions; a share is any row group's, but only one's. */
function keyedParts(layout: Layout): readonly LayoutPart[] {
  const partitionsOfOthers = layout.kind === 'shares' ? [0] : allPartitions(layout);
  return layout.scans.map(({ scanId, original }, index) => ({
    scanId,
    original,
    rowGroups: rowGroupsOf(layout, index),
    partitionsOfOthers,
  }));
}

function rowGroupsOf(layout: Layout, scan: number): readonly PartitionedRowGroup[] {
  switch (layout.kind) {
    case 'range':
      return (layout.scans[scan]?.rowGroups ?? []).map((rowGroup) => ({
        load: rowGroup.load,
        partitions: partitionsOf(rowGroup, layout.bounds),
      }));
    case 'buckets':
      return (layout.scans[scan]?.rowGroups ?? []).map(({ load, bucket }) => ({
        load,
        partitions: [bucketPartition(layout, bucket)],
      }));
    case 'shares':
      return (layout.scans[scan]?.rowGroups ?? []).map(({ load, share }) => ({
        load,
        partitions: [share],
      }));
    default:
      return assertNever(layout);
  }
}

export interface LayoutLoad {
  /** Bytes of the scans' rows in all of their row groups, copies apart. */
  readonly totalBytes: number;
  /** Of the total: the row groups that the busiest task reads. */
  readonly busiestShare: number;
  /** The row groups that all tasks read together, to the total. */
  readonly readRatio: number;
}

export function loadOf(layout: Layout): LayoutLoad {
  const loads = Array.from({ length: partitionCountOf(layout) }, () => 0);
  let totalBytes = 0;
  for (const { load, partitions } of keyedParts(layout).flatMap(({ rowGroups }) => rowGroups)) {
    totalBytes += load;
    for (const partition of partitions) loads[partition] = (loads[partition] ?? 0) + load;
  }
  const readBytes = loads.reduce((sum, load) => sum + load, 0);
  const total = Math.max(1, totalBytes);
  return { totalBytes, busiestShare: Math.max(...loads) / total, readRatio: readBytes / total };
}

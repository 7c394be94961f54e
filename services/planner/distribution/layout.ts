/**
 * How scans lie apart by a key in their files: tasks that read one part of each scan have all rows with their keys, and
 * need no exchange. Either row groups are cut by ranges of the key (design: RANGE(key, bounds)), or files are buckets of
 * its hash.
 */
import { assertNever } from '../../common/assert.ts';
import { type ScanId } from '../logical/logical-plan.ts';
import { bucketPartition, type BucketLayout } from './bucket-layout.ts';
import { partitionsOf } from './range-bounds.ts';
import { type RangeLayout } from './range-layout.ts';

/** Of two partitions at least. */
export type Layout = RangeLayout | BucketLayout;

/** What the tasks read of one scan. */
export interface LayoutPart {
  readonly scanId: ScanId;
  /** The scan whose description has these row groups, in this order. */
  readonly original: ScanId;
  readonly rowGroups: readonly PartitionedRowGroup[];
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
      return layout.partitionCount;
    default:
      return assertNever(layout);
  }
}

/** For EXPLAIN: `range(l_orderkey, 8)`, `buckets(l_orderkey, 8)`. */
export function layoutText(layout: Layout): string {
  const [first] = layout.scans;
  const names = first === undefined ? [] : 'name' in first ? [first.name] : first.names;
  return `${layout.kind}(${[...names, partitionCountOf(layout)].join(', ')})`;
}

export function partsOf(layout: Layout): readonly LayoutPart[] {
  switch (layout.kind) {
    case 'range':
      return layout.scans.map(({ scanId, original, rowGroups }) => ({
        scanId,
        original,
        rowGroups: rowGroups.map((rowGroup) => ({
          load: rowGroup.load,
          partitions: partitionsOf(rowGroup, layout.bounds),
        })),
      }));
    case 'buckets':
      return layout.scans.map(({ scanId, original, rowGroups }) => ({
        scanId,
        original,
        rowGroups: rowGroups.map(({ load, bucket }) => ({
          load,
          partitions: [bucketPartition(layout, bucket)],
        })),
      }));
    default:
      return assertNever(layout);
  }
}

export interface LayoutLoad {
  /** Bytes of the scans' rows in all of their row groups. */
  readonly totalBytes: number;
  /** Of the total: the row groups that the busiest task reads. */
  readonly busiestShare: number;
  /** The row groups that all tasks read together, to the total. */
  readonly readRatio: number;
}

export function loadOf(layout: Layout): LayoutLoad {
  const loads = Array.from({ length: partitionCountOf(layout) }, () => 0);
  let totalBytes = 0;
  for (const { load, partitions } of partsOf(layout).flatMap(({ rowGroups }) => rowGroups)) {
    totalBytes += load;
    for (const partition of partitions) loads[partition] = (loads[partition] ?? 0) + load;
  }
  const readBytes = loads.reduce((sum, load) => sum + load, 0);
  const total = Math.max(1, totalBytes);
  return { totalBytes, busiestShare: Math.max(...loads) / total, readRatio: readBytes / total };
}

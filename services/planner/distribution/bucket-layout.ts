/** Scans of bucketed tables: each file has the rows of one bucket of `hash(columns)`, as the table's folder says. */
import { sameColumnType, type ColumnType } from '../../common/plan/column-type.ts';
import { originalOf, type Scan, type ScanId } from '../logical/logical-plan.ts';
import { rowWidthOf } from './estimate.ts';
import { type ScanStatistics } from './scan-statistics.ts';

/**
 * Task i reads the buckets b with `b % bucketCount % partitionCount = i` of all scans. Equal keys are in buckets that
 * are equal modulo `bucketCount`, which divides the number of buckets of every scan.
 */
export interface BucketLayout {
  readonly kind: 'buckets';
  readonly scans: readonly BucketedScan[];
  readonly bucketCount: number;
  readonly partitionCount: number;
}

export interface BucketedScan {
  readonly scanId: ScanId;
  readonly original: ScanId;
  readonly names: readonly string[];
  /** Positions of the bucketing columns among the scan's, and the types that they are hashed as. */
  readonly columns: readonly number[];
  readonly hashTypes: readonly ColumnType[];
  readonly bucketCount: number;
  readonly rowGroups: readonly BucketedRowGroup[];
}

interface BucketedRowGroup {
  readonly load: number;
  readonly bucket: number;
}

/** The scan by its buckets; undefined when its table has none, or the scan does not read what they are made of. */
export function bucketedScan(
  scan: Scan,
  statistics: ScanStatistics | undefined,
): BucketedScan | undefined {
  const bucketing = statistics?.bucketing;
  if (statistics === undefined || bucketing === undefined) return undefined;
  const columns = bucketing.columns.map(({ name }) =>
    scan.fileColumns.findIndex((column) => column.origin === 'file' && column.name === name),
  );
  if (columns.includes(-1)) return undefined;
  const width = rowWidthOf(scan.columns);
  return {
    scanId: scan.scanId,
    original: originalOf(scan),
    names: bucketing.columns.map(({ name }) => name),
    columns,
    hashTypes: bucketing.columns.map(({ hashType }) => hashType),
    bucketCount: bucketing.bucketCount,
    rowGroups: statistics.rowGroups.map(({ rowCount }, index) => ({
      load: rowCount * width,
      bucket: bucketing.buckets[index] ?? 0,
    })),
  };
}

/**
 * The scans' buckets in at most `maxPartitionCount` parts; undefined when keys are hashed in different ways, or the
 * numbers of buckets do not divide each other.
 */
export function bucketLayout(
  scans: readonly BucketedScan[],
  maxPartitionCount: number,
): BucketLayout | undefined {
  const [first] = scans;
  if (first === undefined) return undefined;
  const bucketCount = Math.min(...scans.map((scan) => scan.bucketCount));
  const partitionCount = Math.min(bucketCount, maxPartitionCount);
  const fit = scans.every(
    (scan) => scan.bucketCount % bucketCount === 0 && areHashedAlike(scan, first),
  );
  return fit && partitionCount > 1
    ? { kind: 'buckets', scans, bucketCount, partitionCount }
    : undefined;
}

export function bucketPartition(
  { bucketCount, partitionCount }: BucketLayout,
  bucket: number,
): number {
  return (bucket % bucketCount) % partitionCount;
}

function areHashedAlike(a: BucketedScan, b: BucketedScan): boolean {
  return (
    a.hashTypes.length === b.hashTypes.length &&
    a.hashTypes.every((type, index) => {
      const other = b.hashTypes[index];
      return other !== undefined && sameColumnType(type, other);
    })
  );
}

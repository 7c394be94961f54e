/** Scans whose row groups are dealt to tasks in shares of about the same size, with equal keys anywhere. */
import { originalOf, type Scan, type ScanId } from '../logical/logical-plan.ts';
import { rowWidthOf } from './estimate.ts';
import { type ScanStatistics } from './scan-statistics.ts';

/** Task i reads share i of the scan. */
export interface ShareLayout {
  readonly kind: 'shares';
  readonly scans: readonly [SharedScan];
  /** Two at least. */
  readonly partitionCount: number;
}

export interface SharedScan {
  readonly scanId: ScanId;
  readonly original: ScanId;
  readonly names: readonly string[];
  readonly rowGroups: readonly { readonly load: number; readonly share: number }[];
}

/** At most so many shares, neighbours in the same one; undefined when the scan is too small to be shared out. */
export function shareLayout(
  scan: Scan,
  statistics: ScanStatistics | undefined,
  maxPartitionCount: number,
): ShareLayout | undefined {
  const sizes = statistics?.rowGroups ?? [];
  const partitionCount = Math.min(sizes.length, maxPartitionCount);
  if (partitionCount < 2) return undefined;
  const total = sizes.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const width = rowWidthOf(scan.columns);
  let before = 0;
  const rowGroups = sizes.map(({ rowCount }) => {
    const middle = (before + rowCount / 2) / Math.max(1, total);
    before += rowCount;
    return {
      load: rowCount * width,
      share: Math.min(partitionCount - 1, Math.floor(middle * partitionCount)),
    };
  });
  const { scanId } = scan;
  const shared = { scanId, original: originalOf(scan), names: [], rowGroups };
  return { kind: 'shares', scans: [shared], partitionCount };
}

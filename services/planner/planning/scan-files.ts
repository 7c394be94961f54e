import { type ScanDescriptor, type ScanFile } from '../../common/plan/plan-fragment.ts';
import type { SourceId } from '../../common/ids.ts';
import { partsOf, type LayoutPart } from '../distribution/layout.ts';
import { type PhysicalPlan } from '../distribution/physical-plan.ts';
import { type StatisticsOfScans } from '../distribution/scan-statistics.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan, type Scan } from '../logical/logical-plan.ts';
import { childrenOf, withChildren } from '../logical/plan-children.ts';
import { type ScanCatalog } from './ports.ts';

/** What the scans of a plan read, each pruned by the filter right above it. `known` are not looked up again. */
export async function describeScans(
  catalog: ScanCatalog,
  bodies: readonly LogicalPlan[],
  known: readonly ScanDescriptor[],
): Promise<readonly ScanDescriptor[]> {
  const scans = bodies.flatMap((body) => [...filteredScans(body)]);
  return await Promise.all(
    scans.map(async (filtered) => {
      const sourceId = filtered.scan.scanId as SourceId;
      const found = known.find((descriptor) => descriptor.sourceId === sourceId);
      return found ?? (await describeScan(catalog, filtered));
    }),
  );
}

async function describeScan(
  catalog: ScanCatalog,
  { scan, predicates }: FilteredScan,
): Promise<ScanDescriptor> {
  const { scanId } = scan;
  const read = await catalog.resolve(scan, predicates);
  const rowGroups = read.files.flatMap((file) => file.rowGroups);
  return {
    sourceId: scanId as SourceId,
    ...read,
    totalRows: rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0),
    totalBytes: rowGroups.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What the files of these scans say of their rows. */
export async function scanStatistics(
  catalog: ScanCatalog,
  scans: readonly Scan[],
  descriptors: readonly ScanDescriptor[],
): Promise<StatisticsOfScans> {
  const entries = await Promise.all(
    scans.map(async (scan) => {
      const files = descriptors.find(({ sourceId }) => sourceId === scan.scanId)?.files ?? [];
      return [scan.scanId, await catalog.statisticsOf(scan, files)] as const;
    }),
  );
  return new Map(entries.flatMap(([id, known]) => (known === undefined ? [] : [[id, known]])));
}

/**
 * The scans of stages that read them by parts: which parts may have rows of which row group. `originals` are what the
 * layouts were made of.
 */
export function withPartitions(
  descriptors: readonly ScanDescriptor[],
  { stages }: PhysicalPlan,
  originals: readonly ScanDescriptor[],
): readonly ScanDescriptor[] {
  const layouts = new Map<number, (descriptor: ScanDescriptor) => ScanDescriptor>();
  for (const { layout } of stages) {
    if (layout === undefined) continue;
    for (const part of partsOf(layout)) {
      const original = originals.find(({ sourceId }) => sourceId === part.original);
      layouts.set(part.scanId, (each) => withRowGroupPartitions(each, { part, original }));
    }
  }
  return descriptors.map((each) => layouts.get(each.sourceId)?.(each) ?? each);
}

interface PlacedPart {
  readonly part: LayoutPart;
  readonly original: ScanDescriptor | undefined;
}

function withRowGroupPartitions(
  descriptor: ScanDescriptor,
  { part, original }: PlacedPart,
): ScanDescriptor {
  const known = new Map(
    (original?.files ?? [])
      .flatMap((file) => file.rowGroups.map(({ firstRow }) => rowGroupKey(file, firstRow)))
      .map((key, index) => [key, part.rowGroups[index]?.partitions]),
  );
  const files = descriptor.files.map((file) => ({
    ...file,
    rowGroups: file.rowGroups.map((group) => ({
      ...group,
      partitions: known.get(rowGroupKey(file, group.firstRow)) ?? part.partitionsOfOthers,
    })),
  }));
  return { ...descriptor, files };
}

function rowGroupKey({ path, sizeBytes, modifiedAtMs }: ScanFile, firstRow: number): string {
  return `${firstRow} ${sizeBytes} ${modifiedAtMs} ${path}`;
}

interface FilteredScan {
  readonly scan: Scan;
  readonly predicates: readonly Expression[];
}

function* filteredScans(
  plan: LogicalPlan,
  predicates: readonly Expression[] = [],
): Generator<FilteredScan> {
  if (plan.kind === 'scan') yield { scan: plan, predicates };
  const below = plan.kind === 'filter' ? plan.predicates : [];
  for (const child of childrenOf(plan)) yield* filteredScans(child, below);
}

/** The plan with the row counts of its scans, where DuckDB has not estimated what comes out of them. */
export function withScanRows(plan: LogicalPlan, scans: readonly ScanDescriptor[]): LogicalPlan {
  if (plan.kind === 'scan') {
    const rows = scans.find(({ sourceId }) => sourceId === (plan.scanId as SourceId))?.totalRows;
    return plan.estimatedRows !== undefined || rows === undefined
      ? plan
      : { ...plan, estimatedRows: rows };
  }
  return withChildren(
    plan,
    childrenOf(plan).map((child) => withScanRows(child, scans)),
  );
}

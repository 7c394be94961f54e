import { type ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import type { SourceId } from '../../common/ids.ts';
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

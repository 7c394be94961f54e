/** Dynamic filters that are worth their while, by what the scanned files say of their row groups. */
import { type FilteredColumn } from '../../common/dynamic-filter/dynamic-filter.ts';
import { type KeyBounds, keyFormOf } from '../../common/dynamic-filter/key-domain.ts';
import { type ScanDescriptor } from '../../common/plan/plan-fragment.ts';
import { type DynamicFilterPlan } from '../distribution/dynamic-filters.ts';
import { type ColumnBounds, type StatisticsOfScans } from '../distribution/scan-statistics.ts';
import { type ScanId } from '../logical/logical-plan.ts';
import { compareValues } from '../logical/datum-order.ts';

export interface FilteredScans {
  readonly filters: DynamicFilterPlan;
  readonly scans: readonly ScanDescriptor[];
}

/**
 * Gives the row groups of filtered scans the bounds of their filtered columns, and leaves out what can spare nothing:
 * filters by bounds alone, on columns whose values lie all over the files, and keys that nobody is filtered by.
 */
export function usefulFilters(
  { filters, scans }: FilteredScans,
  statistics: StatisticsOfScans,
): FilteredScans {
  const filteredColumns = new Map<ScanId, readonly FilteredColumn[]>();
  const bounded = scans.map((scan): ScanDescriptor => {
    const columns = filters.filteredColumns.get(scan.sourceId) ?? [];
    const boundsOf = (column: number): readonly ColumnBounds[] =>
      statistics.get(scan.sourceId)?.boundsOf(column) ?? [];
    const useful = columns.filter(({ testsRows, column }) => {
      return testsRows || isClustered(boundsOf(column));
    });
    if (useful.length === 0) return scan;
    filteredColumns.set(scan.sourceId, useful);
    return withBounds(
      scan,
      useful.map((column) => boundsOf(column.column).map((bounds) => keyBounds(column, bounds))),
    );
  });
  const used = new Set([...filteredColumns.values()].flat().map(({ filterId }) => filterId));
  const collectedKeys = [...filters.collectedKeys].flatMap(([stage, keys]) => {
    const asked = keys.filter(({ filterId }) => used.has(filterId));
    return asked.length === 0 ? [] : [[stage, asked] as const];
  });
  return { filters: { collectedKeys: new Map(collectedKeys), filteredColumns }, scans: bounded };
}

/** Most row groups hold a part of the values that few others hold. */
function isClustered(bounds: readonly ColumnBounds[]): boolean {
  const ranges = bounds.flatMap(({ min, max }) =>
    min === undefined || max === undefined ? [] : [{ min, max }],
  );
  if (ranges.length < 2) return false;
  const inOrder = ranges.toSorted((a, b) => compareValues(a.min, b.min) ?? 0);
  const apart = inOrder.filter((range, position) => {
    const before = inOrder[position - 1];
    return before !== undefined && (compareValues(before.max, range.min) ?? 1) <= 0;
  });
  return apart.length * 2 >= ranges.length - 1;
}

/** In the form that filters compare with. */
function keyBounds({ type }: FilteredColumn, { min, max, nulls }: ColumnBounds): KeyBounds {
  const isBounded = keyFormOf(type) !== 'opaque';
  return {
    ...(min === undefined || !isBounded ? {} : { min: String(min) }),
    ...(max === undefined || !isBounded ? {} : { max: String(max) }),
    mayBeNull: nulls !== 'none',
  };
}

/** `boundsOfColumns`: for each filtered column, of each row group of the scan. */
function withBounds(
  scan: ScanDescriptor,
  boundsOfColumns: readonly (readonly KeyBounds[])[],
): ScanDescriptor {
  let position = -1;
  const files = scan.files.map((file) => ({
    ...file,
    rowGroups: file.rowGroups.map((group) => {
      position += 1;
      const bounds = boundsOfColumns.map((all) => all[position] ?? { mayBeNull: true });
      return { ...group, bounds };
    }),
  }));
  return { ...scan, files };
}

import { describe, expect, it } from 'vitest';
import type {
  CollectedKey,
  FilteredColumn,
} from '../../../../services/common/dynamic-filter/dynamic-filter.ts';
import type { FilterId, SourceId } from '../../../../services/common/ids.ts';
import type { ScanDescriptor } from '../../../../services/common/plan/plan-fragment.ts';
import type { ColumnBounds } from '../../../../services/planner/distribution/scan-statistics.ts';
import { usefulFilters } from '../../../../services/planner/planning/useful-filters.ts';

const BIGINT = { id: 'BIGINT' } as const;
const FILTER = 3 as FilterId;
const SCAN = 7;

/** Two files of two row groups each. */
const GROUPS = [0, 100].map((firstRow) => ({ firstRow, rowCount: 100, bytes: 9 }));
const DESCRIPTOR: ScanDescriptor = {
  sourceId: SCAN as SourceId,
  files: ['/a', '/b'].map((path) => {
    return { path, sizeBytes: 1, modifiedAtMs: 1, rowGroups: GROUPS };
  }),
  totalRows: 400,
  totalBytes: 36,
};

function useful(
  bounds: readonly ColumnBounds[],
  changes: Partial<FilteredColumn> = {},
): ReturnType<typeof usefulFilters> {
  const column: FilteredColumn = {
    filterId: FILTER,
    column: 0,
    type: BIGINT,
    keepsNulls: false,
    isAwaited: true,
    testsRows: false,
    ...changes,
  };
  const key: CollectedKey = {
    filterId: FILTER,
    column: 0,
    type: BIGINT,
    bloomBits: 0,
    collectsValues: true,
  };
  const filters = {
    collectedKeys: new Map([[0, [key]]]),
    filteredColumns: new Map([[SCAN, [column]]]),
  };
  const statistics = { rowGroups: [], boundsOf: () => bounds };
  return usefulFilters({ filters, scans: [DESCRIPTOR] }, new Map([[SCAN, statistics]]));
}

const range = (min: bigint, max: bigint): ColumnBounds => ({ min, max, nulls: 'none' });
const CLUSTERED = [range(0n, 9n), range(10n, 19n), range(20n, 29n), { nulls: 'some' } as const];
const SCATTERED = [range(0n, 90n), range(1n, 91n), range(2n, 92n), range(3n, 93n)];

describe('useful dynamic filters', () => {
  it('rule out row groups of a column by which the rows lie apart, by their bounds', () => {
    const { filters, scans } = useful(CLUSTERED);
    expect(filters.filteredColumns.get(SCAN)).toHaveLength(1);
    expect(filters.collectedKeys.get(0)).toHaveLength(1);
    const bounds = scans.flatMap(({ files }) =>
      files.flatMap(({ rowGroups }) => rowGroups.map((group) => group.bounds)),
    );
    expect(bounds).toEqual([
      [{ min: '0', max: '9', mayBeNull: false }],
      [{ min: '10', max: '19', mayBeNull: false }],
      [{ min: '20', max: '29', mayBeNull: false }],
      [{ mayBeNull: true }],
    ]);
  });

  it('test rows wherever these lie', () => {
    expect(useful(SCATTERED, { testsRows: true }).filters.filteredColumns.size).toBe(1);
  });

  it.each([
    ['values lie all over the files', SCATTERED],
    ['nothing is known', []],
  ])('are not those by bounds where %s: nobody collects for them', (_where, bounds) => {
    const { filters, scans } = useful(bounds);
    expect(filters.filteredColumns.size).toBe(0);
    expect(filters.collectedKeys.size).toBe(0);
    expect(scans).toEqual([DESCRIPTOR]);
  });
});

import { describe, expect, it } from 'vitest';
import { someKeys } from '../../../../services/common/dynamic-filter/key-domain.ts';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { RowGroup } from '../../../../services/common/plan/plan-fragment.ts';
import type { SplitFilter } from '../../../../services/coordinator/scheduler/scheduler-effect.ts';
import { ScanSplitSources } from '../../../../services/coordinator/split-source/scan-split-sources.ts';

const SOURCE = 7 as SourceId;

/** Row groups of 100 rows with keys [100 i, 100 i + 99]; the last has keys that nobody knows. */
function sources(): ScanSplitSources {
  const bounded = Array.from({ length: 4 }, (_, i): RowGroup => {
    const bounds = [{ min: `${100 * i}`, max: `${100 * i + 99}`, mayBeNull: i === 3 }];
    return { firstRow: 100 * i, rowCount: 100, bytes: 1_000, bounds };
  });
  const unknown = { firstRow: 400, rowCount: 100, bytes: 1_000, bounds: [{ mayBeNull: true }] };
  const file = { path: '/data/a', sizeBytes: 9, modifiedAtMs: 5, rowGroups: [...bounded, unknown] };
  const scan = { sourceId: SOURCE, files: [file], totalRows: 500, totalBytes: 5_000 };
  return new ScanSplitSources([scan], { targetBytes: 1, taskCount: 1 });
}

const aFilter = (changes: Partial<SplitFilter>): SplitFilter => ({
  index: 0,
  form: 'integer',
  domain: someKeys({ range: { min: '150', max: '160' } }),
  keepsNulls: false,
  ...changes,
});

const firstRows = async (filters: readonly SplitFilter[]): Promise<readonly number[]> =>
  (await sources().nextBatch(SOURCE, 100, filters)).splits.map(({ firstRow }) => firstRow);

describe('row groups under dynamic filters', () => {
  it('become splits only if their bounds may hold a key; the others are counted', async () => {
    const batch = await sources().nextBatch(SOURCE, 100, [aFilter({})]);
    expect(batch.splits.map(({ firstRow }) => firstRow)).toEqual([100, 400]);
    expect(batch.pruned).toEqual({ rowGroups: 3, rows: 300, bytes: 3_000 });
  });

  it('are ruled out between two values', async () => {
    const domain = someKeys({ range: { min: '5', max: '350' }, values: ['5', '350'] });
    expect(await firstRows([aFilter({ domain })])).toEqual([0, 300, 400]);
  });

  it('stay when they may hold a NULL that the join wants', async () => {
    expect(await firstRows([aFilter({ domain: { kind: 'none' }, keepsNulls: true })])).toEqual([
      300, 400,
    ]);
  });

  it('are all left out without keys, and all there without filters', async () => {
    expect(await firstRows([aFilter({ domain: { kind: 'none' } })])).toEqual([]);
    expect(await firstRows([])).toHaveLength(5);
  });

  it('follow the filters that are known when their turn comes', async () => {
    const source = sources();
    expect((await source.nextBatch(SOURCE, 1)).splits).toHaveLength(1);
    const rest = await source.nextBatch(SOURCE, 100, [aFilter({ domain: { kind: 'none' } })]);
    // The file's row groups were judged when it was opened.
    expect(rest.splits.length).toBeLessThanOrEqual(4);
    expect(rest.last).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { ScanDescriptor, ScanFile } from '../../../../services/common/plan/plan-fragment.ts';
import { ScanSplitSources } from '../../../../services/coordinator/split-source/scan-split-sources.ts';
import { splitsOf } from '../../../../services/coordinator/split-source/scan-splits.ts';

const MIB = 1024 * 1024;
const SOURCE = 7 as SourceId;

/** A file with row groups of so many bytes each, 100 rows per group; `undefined` = a pruned group. */
function aFile(path: string, groups: readonly (number | undefined)[]): ScanFile {
  return {
    path,
    sizeBytes: 1_000,
    modifiedAtMs: 5,
    rowGroups: groups.flatMap((bytes, index) =>
      bytes === undefined ? [] : [{ firstRow: index * 100, rowCount: 100, bytes }],
    ),
  };
}

function aScanOf(files: readonly ScanFile[]): ScanDescriptor {
  const groups = files.flatMap((file) => file.rowGroups);
  return {
    sourceId: SOURCE,
    files,
    totalRows: groups.reduce((sum, group) => sum + group.rowCount, 0),
    totalBytes: groups.reduce((sum, group) => sum + group.bytes, 0),
  };
}

const groupArbitrary = fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 20 * MIB }));
const filesArbitrary = fc
  .array(fc.array(groupArbitrary, { maxLength: 12 }), { maxLength: 8 })
  .map((files) => files.map((groups, index) => aFile(`/data/${index}.parquet`, groups)));
const sizingArbitrary = fc.record({
  targetBytes: fc.integer({ min: 0, max: 64 * MIB }),
  taskCount: fc.integer({ min: 0, max: 16 }),
});

describe('splits of a scan', () => {
  it('hold every row group exactly once, in order', () => {
    fc.assert(
      fc.property(filesArbitrary, sizingArbitrary, (files, sizing) => {
        const rows = [...splitsOf(aScanOf(files), sizing)].flatMap((split) =>
          Array.from({ length: split.rowCount / 100 }, (_, i) => [
            split.path,
            split.firstRow + i * 100,
          ]),
        );
        const groups = files.flatMap((file) =>
          file.rowGroups.map((group) => [file.path, group.firstRow]),
        );
        expect(rows).toEqual(groups);
      }),
    );
  });

  it('keep the bytes of their row groups, and exceed the target only with a single one', () => {
    fc.assert(
      fc.property(filesArbitrary, sizingArbitrary, (files, sizing) => {
        const scan = aScanOf(files);
        const splits = [...splitsOf(scan, sizing)];
        const total = splits.reduce((sum, split) => sum + split.bytes, 0);
        expect(total).toBe(scan.totalBytes);
        const joined = splits.filter((split) => split.rowCount > 100);
        expect(joined.every((split) => split.bytes <= sizing.targetBytes)).toBe(true);
      }),
    );
  });

  it('bring each partition the row groups that may have rows of it, one partition after the other', () => {
    const partitions = fc.uniqueArray(fc.nat(3), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(partitions, { maxLength: 12 }), sizingArbitrary, (groups, sizing) => {
        const rowGroups = groups.map((each, index) => ({
          firstRow: index * 100,
          rowCount: 100,
          bytes: 1_000,
          partitions: each,
        }));
        const file = { ...aFile('/data/0.parquet', []), rowGroups };
        const splits = [...splitsOf(aScanOf([file]), sizing)];
        const read = splits.flatMap(({ partition, firstRow, rowCount }) =>
          Array.from({ length: rowCount / 100 }, (_, i) => [partition, firstRow + i * 100]),
        );
        const wanted = [0, 1, 2, 3].flatMap((partition) =>
          rowGroups
            .filter((group) => group.partitions.includes(partition))
            .map(({ firstRow }) => [partition, firstRow]),
        );
        expect(read).toEqual(wanted);
      }),
    );
  });

  it('give every task several, even of a small table', () => {
    const file = aFile(
      '/data/small.parquet',
      Array.from({ length: 64 }, () => 1_000),
    );
    const splits = [...splitsOf(aScanOf([file]), { targetBytes: 32 * MIB, taskCount: 4 })];
    expect(splits).toHaveLength(16);
  });

  it('count rows where no column is read', () => {
    const file = aFile(
      '/data/counted.parquet',
      Array.from({ length: 64 }, () => 0),
    );
    const splits = [...splitsOf(aScanOf([file]), { targetBytes: 32 * MIB, taskCount: 4 })];
    expect(splits).toHaveLength(16);
  });
});

describe('ScanSplitSources', () => {
  const sizing = { targetBytes: 1, taskCount: 1 };
  const scan = aScanOf([aFile('/data/a.parquet', [1_000, 1_000, 1_000])]);

  it('hands out batches lazily and says which is the last (T22)', async () => {
    const sources = new ScanSplitSources([scan], sizing);
    const first = await sources.nextBatch(SOURCE, 2);
    const second = await sources.nextBatch(SOURCE, 2);
    expect(first).toMatchObject({ splits: [{ firstRow: 0 }, { firstRow: 100 }], last: false });
    expect(second).toMatchObject({ splits: [{ firstRow: 200 }], last: true });
  });

  it('makes no split that is not asked for', async () => {
    let made = 0;
    const rowGroups = Array.from({ length: 100 }, (_, index) => ({
      get firstRow() {
        made += 1;
        return index * 100;
      },
      rowCount: 100,
      bytes: 1_000,
    }));
    const file = { ...aFile('/data/big.parquet', []), rowGroups };
    const sources = new ScanSplitSources(
      [{ sourceId: SOURCE, files: [file], totalRows: 10_000, totalBytes: 100_000 }],
      sizing,
    );
    await sources.nextBatch(SOURCE, 3);
    expect(made).toBeLessThan(20);
  });

  it('fails for a source that was closed (T36)', async () => {
    const sources = new ScanSplitSources([scan], sizing);
    sources.close(SOURCE);
    await expect(sources.nextBatch(SOURCE, 1)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
  });
});

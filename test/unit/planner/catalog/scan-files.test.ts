import { describe, expect, it } from 'vitest';
import type { ParquetFooter } from '../../../../services/planner/catalog/parquet-footer.ts';
import { ScanFiles } from '../../../../services/planner/catalog/scan-files.ts';
import type { ScanColumn } from '../../../../services/planner/logical/logical-plan.ts';

const COLUMN: ScanColumn = { name: 'x', type: { id: 'BIGINT' }, origin: 'file' };

function footer(min: number, signature = 'INT64 BIGINT'): ParquetFooter {
  const chunk = (from: number) => ({
    path: 'x',
    compressedBytes: 100,
    min: String(from),
    max: String(from + 9),
    nullCount: 0,
  });
  return {
    columns: [{ name: 'x', signature }],
    rowGroups: [
      { firstRow: 0, rowCount: 10, chunks: [chunk(min), { path: 'st, x', compressedBytes: 7 }] },
      {
        firstRow: 10,
        rowCount: 10,
        chunks: [chunk(min + 10), { path: 'st, x', compressedBytes: 7 }],
      },
    ],
  };
}

/** Files that can be changed and removed; counts how often a footer is read. */
class FakeFiles {
  readonly footers = new Map<string, ParquetFooter>();
  readonly times = new Map<string, number>();
  readonly read: string[] = [];

  scanFiles(maxCachedFooters = 10): ScanFiles {
    return new ScanFiles({
      tree: {
        entriesOf: async () => await Promise.resolve(undefined),
        identityOf: async (path) => {
          const modifiedAtMs = this.times.get(path);
          return await Promise.resolve(
            modifiedAtMs === undefined ? undefined : { path, sizeBytes: 1000, modifiedAtMs },
          );
        },
      },
      footers: {
        readFooters: async (paths) => {
          this.read.push(...paths);
          return await Promise.resolve(paths.map((path) => this.footers.get(path) ?? footer(0)));
        },
      },
      maxCachedFooters,
    });
  }

  put(path: string, content: ParquetFooter, modifiedAtMs = 1): void {
    this.footers.set(path, content);
    this.times.set(path, modifiedAtMs);
  }
}

const above = (value: bigint) => ({
  kind: 'comparison' as const,
  type: { id: 'BOOLEAN' as const },
  operator: '>' as const,
  left: { kind: 'column' as const, type: COLUMN.type, index: 0 },
  right: { kind: 'constant' as const, type: COLUMN.type, value },
});

describe('ScanFiles', () => {
  it('answers files as they are, with the row groups that may matter and the bytes that are read', async () => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    files.put('/b', footer(100));
    const scan = { files: ['/a', '/b'], columns: [COLUMN], predicates: [above(105n)] };
    expect(await files.scanFiles().resolve(scan)).toEqual({
      files: [
        {
          path: '/b',
          sizeBytes: 1000,
          modifiedAtMs: 1,
          rowGroups: [
            { firstRow: 0, rowCount: 10, bytes: 100 },
            { firstRow: 10, rowCount: 10, bytes: 100 },
          ],
        },
      ],
      pruned: { files: 1, rowGroups: 2 },
    });
  });

  it('counts all leaves of a nested column and none of a virtual one', async () => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    const bytes = async (columns: readonly ScanColumn[]): Promise<number | undefined> => {
      const scan = { files: ['/a'], columns, predicates: [] };
      return (await files.scanFiles().resolve(scan)).files[0]?.rowGroups[0]?.bytes;
    };
    expect(await bytes([{ ...COLUMN, name: 'st' }])).toBe(7);
    expect(await bytes([{ ...COLUMN, origin: 'virtual' }])).toBe(0);
  });

  it('reads a footer again only when the file has changed or was forgotten', async () => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    const scanFiles = files.scanFiles(1);
    const scan = { files: ['/a'], columns: [COLUMN], predicates: [] };
    await scanFiles.resolve(scan);
    await scanFiles.resolve(scan);
    expect(files.read).toEqual(['/a']);
    files.put('/a', footer(50), 2);
    await scanFiles.resolve(scan);
    expect(files.read).toEqual(['/a', '/a']);
    files.put('/b', footer(0));
    await scanFiles.resolve({ ...scan, files: ['/b'] });
    await scanFiles.resolve(scan);
    expect(files.read).toEqual(['/a', '/a', '/b', '/a']);
  });

  it('names a file that is gone', async () => {
    const scan = { files: ['/gone'], columns: [], predicates: [] };
    await expect(new FakeFiles().scanFiles().resolve(scan)).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      details: { file: '/gone' },
    });
  });

  it.each<[string, ParquetFooter, string]>([
    ['another type', footer(0, 'INT32 INTEGER'), 'x'],
    ['a column less', { ...footer(0), columns: [] }, 'x'],
    [
      'a column more',
      { ...footer(0), columns: [...footer(0).columns, { name: 'y', signature: 'z' }] },
      'y',
    ],
  ])('names the file and column with %s than the first file', async (_, other, column) => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    files.put('/b', other);
    const scan = { files: ['/a', '/b'], columns: [COLUMN], predicates: [] };
    await expect(files.scanFiles().resolve(scan)).rejects.toMatchObject({
      code: 'SOURCE_SCHEMA_MISMATCH',
      details: { file: '/b', column },
    });
  });
});

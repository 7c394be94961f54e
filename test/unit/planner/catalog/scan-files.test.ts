import { describe, expect, it } from 'vitest';
import type { ParquetFooter } from '../../../../services/planner/catalog/parquet-footer.ts';
import {
  type FileScan,
  resolvePinned,
  ScanFiles,
} from '../../../../services/planner/catalog/scan-files.ts';
import type { Expression } from '../../../../services/planner/logical/expression.ts';
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
    columns: [{ name: 'x', type: signature.split(' ')[1] ?? '', signature }],
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

const FILE_SCAN = {
  predicates: [],
  options: {
    binaryAsString: false,
    fileRowNumber: false,
    hivePartitioning: false,
    hiveTypesAutocast: true,
    hiveTypes: [],
    unionByName: false,
  },
  isTable: false,
};

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
    const scan = {
      ...FILE_SCAN,
      files: ['/a', '/b'],
      columns: [COLUMN],
      predicates: [above(105n)],
    };
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
      const scan = { ...FILE_SCAN, files: ['/a'], columns };
      return (await files.scanFiles().resolve(scan)).files[0]?.rowGroups[0]?.bytes;
    };
    expect(await bytes([{ ...COLUMN, name: 'st' }])).toBe(7);
    expect(await bytes([{ ...COLUMN, origin: 'virtual' }])).toBe(0);
  });

  it('reads a footer again only when the file has changed or was forgotten', async () => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    const scanFiles = files.scanFiles(1);
    const scan = { ...FILE_SCAN, files: ['/a'], columns: [COLUMN] };
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
    const scan = { ...FILE_SCAN, files: ['/gone'], columns: [] };
    await expect(new FakeFiles().scanFiles().resolve(scan)).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      details: { file: '/gone' },
    });
  });

  /** The error of a scan of a first file as usual and this other one. */
  const failureWith = async (
    other: ParquetFooter,
    changes: Partial<FileScan>,
  ): Promise<unknown> => {
    const files = new FakeFiles();
    files.put('/a', footer(0));
    files.put('/b', other);
    const scan = { ...FILE_SCAN, files: ['/a', '/b'], columns: [COLUMN], ...changes };
    return await files
      .scanFiles()
      .resolve(scan)
      .then(() => undefined)
      .catch((error: unknown) => error);
  };
  const NAMED = { code: 'SOURCE_SCHEMA_MISMATCH', details: { file: '/b', column: 'x' } };
  const UNION = { options: { ...FILE_SCAN.options, unionByName: true } };

  it('name the file without a column that is read, unless columns go together by name', async () => {
    const lacking = { ...footer(0), columns: [] };
    expect(await failureWith(lacking, {})).toMatchObject(NAMED);
    expect(await failureWith(lacking, UNION)).toBeUndefined();
    expect(await failureWith(lacking, { columns: [] })).toBeUndefined();
  });

  it('name the file of a table whose column is text and is not so in the others', async () => {
    const text = footer(0, 'BYTE_ARRAY VARCHAR');
    expect(await failureWith(text, { isTable: true })).toMatchObject(NAMED);
    expect(await failureWith(text, UNION)).toBeUndefined();
    expect(await failureWith(footer(0, 'INT32 INTEGER'), { isTable: true })).toBeUndefined();
  });

  it('tells the reader of a file which columns it lacks', async () => {
    const files = new FakeFiles();
    files.put('/t/k=1/a', footer(0));
    const columns = ['x', 'y', 'k'].map((name) => ({ ...COLUMN, name }));
    const options = { ...UNION.options, hivePartitioning: true };
    const scan = { ...FILE_SCAN, files: ['/t/k=1/a'], columns, options };
    expect((await files.scanFiles().resolve(scan)).files[0]?.reading).toEqual({
      options: 'hive_partitioning = true, hive_types_autocast = false',
      missing: ['y'],
    });
  });

  it('prunes by no statistics of a column that has another type in its file', async () => {
    const files = new FakeFiles();
    files.put('/a', footer(0, 'INT32 INTEGER'));
    const scan = { ...FILE_SCAN, files: ['/a'], columns: [COLUMN], predicates: [above(105n)] };
    expect((await files.scanFiles().resolve(scan)).files).toHaveLength(1);
  });
});

describe('a pinned source', () => {
  const file = (path: string, k: string | null) => ({
    path,
    sizeBytes: 10,
    modifiedAtMs: 1,
    reading: { options: '', missing: [] },
    partition: new Map([['x', k]]),
    estimatedRows: 3,
  });

  it('is pruned by the folders of its files', () => {
    const files = [file('/x=1/a', '1'), file('/x=200/b', '200'), file('/x=null/c', null)];
    const source = { format: 'csv' as const, table: 't', columns: [COLUMN], files };
    const paths = (predicates: readonly Expression[]): readonly string[] =>
      resolvePinned(source, [COLUMN], predicates).files.map(({ path }) => path);
    expect(paths([])).toHaveLength(3);
    expect(paths([above(100n)])).toEqual(['/x=200/b']);
  });
});

import { describe, expect, it } from 'vitest';
import { FileCatalogs } from '../../../../services/planner/catalog/file-catalogs.ts';
import type { DirectoryEntry, FileTree } from '../../../../services/planner/catalog/ports.ts';
import type { FileIdentity } from '../../../../services/planner/catalog/table.ts';

/** Files by path; their directories follow from them. */
class FakeFileTree implements FileTree {
  readonly #paths: readonly string[];
  /** Listed, but gone when looked at. */
  readonly #gone: ReadonlySet<string>;

  constructor(paths: readonly string[], gone: readonly string[] = []) {
    this.#paths = paths;
    this.#gone = new Set(gone);
  }

  async entriesOf(directory: string): Promise<readonly DirectoryEntry[] | undefined> {
    const below = this.#paths.filter((path) => path.startsWith(`${directory}/`));
    if (below.length === 0) return await Promise.resolve(undefined);
    const entries = new Map<string, boolean>();
    for (const path of below) {
      const [name = '', ...rest] = path.slice(directory.length + 1).split('/');
      entries.set(name, rest.length > 0);
    }
    return [...entries].map(([name, isDirectory]) => ({ name, isDirectory }));
  }

  async identityOf(path: string): Promise<FileIdentity | undefined> {
    const exists = this.#paths.includes(path) && !this.#gone.has(path);
    return await Promise.resolve(
      exists ? { path, sizeBytes: path.length, modifiedAtMs: 7 } : undefined,
    );
  }
}

const PATHS = [
  '/data/Orders.parquet',
  '/data/notes.txt',
  '/data/.hidden.parquet',
  '/data/_tmp.parquet',
  '/data/sales/year=2020/b.parquet',
  '/data/sales/year=2020/a.parquet',
  '/data/sales/year=2021/c.PARQUET',
  '/data/sales/_SUCCESS',
  '/data/plain/x.parquet',
  '/data/docs/readme.md',
  '/other/orders.parquet',
];

const catalogs = (gone: readonly string[] = []): FileCatalogs =>
  new FileCatalogs(
    [
      { name: '', directory: '/data' },
      { name: 'other', directory: '/other' },
    ],
    new FakeFileTree(PATHS, gone),
  );

describe('FileCatalogs', () => {
  it('lists each Parquet file and each folder with Parquet files as a table', async () => {
    const tables = await catalogs().listTables('');
    expect(tables.map(({ table }) => table)).toEqual(['Orders', 'plain', 'sales']);
    expect(await catalogs().listTables('OTHER')).toEqual([{ catalog: 'other', table: 'orders' }]);
  });

  it('says that a catalog or its directory does not exist', async () => {
    await expect(catalogs().listTables('nope')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    const missing = new FileCatalogs([{ name: '', directory: '/gone' }], new FakeFileTree(PATHS));
    await expect(missing.listTables('')).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      details: { file: '/gone' },
    });
  });

  it('finds a table in any case, with all files below it in order', async () => {
    const sales = await catalogs().findTable({ catalog: '', table: 'SALES' });
    expect(sales?.files.map(({ path }) => path)).toEqual([
      '/data/sales/year=2020/a.parquet',
      '/data/sales/year=2020/b.parquet',
      '/data/sales/year=2021/c.PARQUET',
    ]);
    expect(sales?.isHivePartitioned).toBe(true);
    const orders = await catalogs().findTable({ catalog: '', table: 'orders' });
    expect(orders).toMatchObject({ name: { table: 'Orders' }, isHivePartitioned: false });
  });

  it('finds nothing where there is no Parquet file', async () => {
    expect(await catalogs().findTable({ catalog: '', table: 'docs' })).toBeUndefined();
    expect(await catalogs().findTable({ catalog: '', table: '_tmp' })).toBeUndefined();
    expect(await catalogs().findTable({ catalog: 'nope', table: 'orders' })).toBeUndefined();
  });

  it('names the file that goes while it is looked at', async () => {
    const file = '/data/plain/x.parquet';
    await expect(catalogs([file]).findTable({ catalog: '', table: 'plain' })).rejects.toMatchObject(
      { code: 'SOURCE_NOT_FOUND', details: { file } },
    );
  });

  it.each([
    [{ catalog: '', schema: '', table: 't' }, ''],
    [{ catalog: '', schema: 'main', table: 't' }, ''],
    [{ catalog: 'memory', schema: 'MAIN', table: 't' }, ''],
    [{ catalog: '', schema: 'memory', table: 't' }, ''],
    [{ catalog: '', schema: 'Other', table: 't' }, 'other'],
    [{ catalog: 'other', schema: 'main', table: 't' }, 'other'],
    [{ catalog: 'other', schema: 'x', table: 't' }, undefined],
    [{ catalog: '', schema: 'information_schema', table: 't' }, undefined],
  ])('knows the catalog of %j', (reference, catalog) => {
    expect(catalogs().nameOf(reference)?.catalog).toBe(catalog);
  });

  it('knows the table of a file', () => {
    expect(catalogs().tableOfFile('/data/sales/year=2020/a.parquet')).toEqual({
      catalog: '',
      table: 'sales',
    });
    expect(catalogs().tableOfFile('/other/orders.parquet')).toEqual({
      catalog: 'other',
      table: 'orders',
    });
    expect(catalogs().tableOfFile('/elsewhere/x.parquet')).toBeUndefined();
  });
});

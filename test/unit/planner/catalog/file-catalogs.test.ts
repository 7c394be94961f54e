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
  '/data/events.csv',
  '/data/logs/2020.ndjson.gz',
  '/data/shop/items/a.json',
  '/data/shop/visits/day=1/a.tsv',
  '/data/deep/only/notes.txt',
  '/data/torn/a.csv',
  '/data/torn/b.parquet',
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
  it('lists each data file and each folder of data files as a table, folders of folders as schemas', async () => {
    const tables = await catalogs().listTables('');
    expect(tables.map(({ schema, table }) => `${schema}.${table}`)).toEqual([
      'main.Orders',
      'main.events',
      'main.logs',
      'main.plain',
      'main.sales',
      'main.torn',
      'shop.items',
      'shop.visits',
    ]);
    expect(await catalogs().listTables('OTHER')).toEqual([
      { catalog: 'other', schema: 'main', table: 'orders' },
    ]);
  });

  it('tells the tables of one schema', async () => {
    const namesOf = async (qualifier: string): Promise<readonly string[]> =>
      (await catalogs().tablesOf(qualifier)).map(({ table }) => table);
    expect(await namesOf('Shop')).toEqual(['items', 'visits']);
    expect(await namesOf('other')).toEqual(['orders']);
    expect(await namesOf('memory')).toContain('events');
    await expect(namesOf('nope')).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
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
    const sales = await catalogs().findTable({ catalog: '', schema: 'main', table: 'SALES' });
    expect(sales?.files.map(({ path }) => path)).toEqual([
      '/data/sales/year=2020/a.parquet',
      '/data/sales/year=2020/b.parquet',
      '/data/sales/year=2021/c.PARQUET',
    ]);
    expect(sales?.isHivePartitioned).toBe(true);
    const orders = await catalogs().findTable({ catalog: '', schema: 'main', table: 'orders' });
    expect(orders).toMatchObject({ name: { table: 'Orders' }, isHivePartitioned: false });
  });

  it('knows the format of a table by its files, and refuses several formats', async () => {
    const formatOf = async (schema: string, table: string): Promise<string | undefined> =>
      (await catalogs().findTable({ catalog: '', schema, table }))?.format;
    expect(await formatOf('main', 'logs')).toBe('json');
    expect(await formatOf('main', 'events')).toBe('csv');
    expect(await formatOf('SHOP', 'Visits')).toBe('csv');
    expect(await formatOf('main', 'shop')).toBeUndefined();
    await expect(formatOf('main', 'torn')).rejects.toMatchObject({
      code: 'SOURCE_SCHEMA_MISMATCH',
      details: { file: '/data/torn/b.parquet', other_file: '/data/torn/a.csv' },
    });
  });

  it.each([
    ['cust', '/data/cust.csv', '/data/cust.json', '/data/cust.json'],
    ['DUP', '/data/DUP.csv', '/data/dup.csv', '/data/dup.csv'],
    ['both', '/data/both', '/data/both.csv', '/data/both/x.csv'],
  ])(
    'refuses the name %s of two tables, naming their places',
    async (table, first, second, file) => {
      const paths = ['/data/one.csv', '/data/both.csv', '/data/cust.csv', '/data/DUP.csv', file];
      const twins = new FileCatalogs([{ name: '', directory: '/data' }], new FakeFileTree(paths));
      await expect(twins.findTable({ catalog: '', schema: 'main', table })).rejects.toMatchObject({
        code: 'SOURCE_SCHEMA_MISMATCH',
        details: { table: expect.any(String) as unknown, file: second, other_file: first },
      });
      const one = await twins.findTable({ catalog: '', schema: 'main', table: 'one' });
      expect(one?.files).toHaveLength(1);
    },
  );

  it('finds nothing where there is no data file', async () => {
    expect(
      await catalogs().findTable({ catalog: '', schema: 'main', table: 'docs' }),
    ).toBeUndefined();
    expect(
      await catalogs().findTable({ catalog: '', schema: 'main', table: '_tmp' }),
    ).toBeUndefined();
    expect(
      await catalogs().findTable({ catalog: 'nope', schema: 'main', table: 'orders' }),
    ).toBeUndefined();
  });

  it('names the file that goes while it is looked at', async () => {
    const file = '/data/plain/x.parquet';
    await expect(
      catalogs([file]).findTable({ catalog: '', schema: 'main', table: 'plain' }),
    ).rejects.toMatchObject({ code: 'SOURCE_NOT_FOUND', details: { file } });
  });

  it.each([
    [{ catalog: '', schema: '', table: 't' }, ['', 'main']],
    [{ catalog: '', schema: 'main', table: 't' }, ['', 'main']],
    [{ catalog: 'memory', schema: 'MAIN', table: 't' }, ['', 'main']],
    [{ catalog: '', schema: 'memory', table: 't' }, ['', 'main']],
    [{ catalog: '', schema: 'Other', table: 't' }, ['other', 'main']],
    [{ catalog: 'other', schema: 'x', table: 't' }, ['other', 'x']],
    [{ catalog: '', schema: 'shop', table: 't' }, ['', 'shop']],
    [{ catalog: 'nope', schema: 'x', table: 't' }, undefined],
  ])('knows catalog and schema of %j', (reference, expected) => {
    const name = catalogs().nameOf(reference);
    expect(name && [name.catalog, name.schema]).toEqual(expected);
  });

  it('knows the table of a file, once it was looked up', async () => {
    const own = catalogs();
    const file = '/data/sales/year=2020/a.parquet';
    expect(own.tableOfFile(file)).toBeUndefined();
    await own.findTable({ catalog: '', schema: 'main', table: 'sales' });
    await own.findTable({ catalog: 'other', schema: 'main', table: 'orders' });
    expect(own.tableOfFile(file)).toEqual({ catalog: '', schema: 'main', table: 'sales' });
    expect(own.tableOfFile('/other/orders.parquet')?.catalog).toBe('other');
    expect(own.tableOfFile('/elsewhere/x.parquet')).toBeUndefined();
  });
});

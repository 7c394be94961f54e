import { describe, expect, it } from 'vitest';
import { ObjectTree } from '../../../../services/planner/catalog/object-tree.ts';
import type { FileIdentity } from '../../../../services/planner/catalog/table.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const PREFIX = 's3://bucket/data';

class Store {
  readonly clock = new VirtualClock();
  readonly tree: ObjectTree;
  listCount = 0;
  failure: Error | undefined;
  paths: readonly string[];

  constructor(paths: readonly string[]) {
    this.paths = paths;
    const lister = {
      listObjects: async (): Promise<readonly FileIdentity[]> => {
        this.listCount += 1;
        if (this.failure !== undefined) throw this.failure;
        return await Promise.resolve(
          this.paths.map((path) => ({ path: `${PREFIX}/${path}`, sizeBytes: 1, modifiedAtMs: 2 })),
        );
      },
      readText: async (path: string) => await Promise.resolve(`text of ${path}`),
    };
    this.tree = new ObjectTree({ lister, clock: this.clock, prefixes: [PREFIX] });
  }

  async entries(folder: string): Promise<readonly string[] | undefined> {
    const entries = await this.tree.entriesOf(folder);
    return entries?.map(({ name, isDirectory }) => (isDirectory ? `${name}/` : name)).toSorted();
  }
}

describe('objects as files in folders', () => {
  it('has the folders that their names say', async () => {
    const store = new Store([
      'a.parquet',
      'b/1.parquet',
      'b/2.parquet',
      'b/c/d/3.parquet',
      'b/c/4.parquet',
      'a.parquet/odd',
    ]);
    expect(await store.entries(PREFIX)).toEqual(['a.parquet/', 'b/']);
    expect(await store.entries(`${PREFIX}/b`)).toEqual(['1.parquet', '2.parquet', 'c/']);
    expect(await store.entries(`${PREFIX}/b/c`)).toEqual(['4.parquet', 'd/']);
    expect(await store.entries(`${PREFIX}/b/c/d`)).toEqual(['3.parquet']);
    expect(await store.entries(`${PREFIX}/nowhere`)).toBeUndefined();
    expect(await store.entries('s3://other/data')).toBeUndefined();
    expect(await store.tree.identityOf(`${PREFIX}/b/2.parquet`)).toMatchObject({ sizeBytes: 1 });
    expect(await store.tree.identityOf(`${PREFIX}/b`)).toBeUndefined();
    expect(await store.tree.readText(`${PREFIX}/nowhere`)).toBeUndefined();
    expect(store.listCount).toBe(1);
  });

  it('finds each of many objects in one listing', async () => {
    const store = new Store(
      Array.from({ length: 20_000 }, (_, i) => `t${i % 100}/k=${i}/part.parquet`),
    );
    const paths = store.paths.map((path) => `${PREFIX}/${path}`);
    const found = await Promise.all(paths.map(async (path) => await store.tree.identityOf(path)));
    expect(found.map((object) => object?.path)).toEqual(paths);
    expect(await store.entries(`${PREFIX}/t7`)).toHaveLength(200);
    expect(store.listCount).toBe(1);
  });

  it('lists again when the listing is old, and at once when it has failed', async () => {
    const store = new Store(['a.parquet']);
    store.failure = new Error('no route');
    await expect(store.entries(PREFIX)).rejects.toThrow('no route');
    store.failure = undefined;
    expect(await store.entries(PREFIX)).toEqual(['a.parquet']);
    store.paths = ['b.parquet'];
    expect(await store.entries(PREFIX)).toEqual(['a.parquet']);
    await store.clock.advance(501);
    expect(await store.entries(PREFIX)).toEqual(['b.parquet']);
    expect(store.listCount).toBe(3);
  });
});

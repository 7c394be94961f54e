import { describe, expect, it } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import type { FileTree } from '../../../../services/planner/catalog/ports.ts';
import { SeenPaths } from '../../../../services/planner/catalog/seen-paths.ts';

const NOW = 1_000_000 as Instant;
const OLD = NOW - 60_000;

/** The order of looks, and of the questions for times between them. */
function fixture(times: Readonly<Record<string, number>>): { seen: SeenPaths; steps: string[] } {
  const steps: string[] = [];
  const tree: FileTree = {
    entriesOf: async (directory) => {
      steps.push(`entries ${directory}`);
      return [{ name: 'x.parquet', isDirectory: false }];
    },
    identityOf: async (path) => {
      steps.push(`identity ${path}`);
      return { path, sizeBytes: 1, modifiedAtMs: 1 };
    },
  };
  const changes = {
    changedAtMs: async (path: string) => {
      steps.push(`time ${path}`);
      return times[path];
    },
  };
  return { seen: new SeenPaths(tree, changes, NOW), steps };
}

describe('what was looked at', () => {
  it('is remembered with the time before the look', async () => {
    const { seen, steps } = fixture({ '/data': OLD, '/data/x.parquet': OLD + 1 });
    expect(await seen.entriesOf('/data')).toEqual([{ name: 'x.parquet', isDirectory: false }]);
    expect((await seen.identityOf('/data/x.parquet'))?.sizeBytes).toBe(1);
    await seen.entriesOf('/data');
    expect(seen.all).toEqual([
      { path: '/data', changedAtMs: OLD },
      { path: '/data/x.parquet', changedAtMs: OLD + 1 },
    ]);
    expect(steps).toEqual([
      'time /data',
      'entries /data',
      'time /data/x.parquet',
      'identity /data/x.parquet',
      'entries /data',
    ]);
  });

  it.each<readonly [string, Record<string, number>, string]>([
    ['changed a moment ago', { '/data': NOW - 1 }, '/data'],
    ['changed in the future', { '/data': NOW + 60_000 }, '/data'],
    ['is not there', {}, '/data'],
    ['lies in an object store', { 's3://bucket/data': OLD }, 's3://bucket/data'],
  ])('may change unseen when it %s', async (_, times, path) => {
    const { seen } = fixture(times);
    await seen.entriesOf(path);
    expect(seen.all).toBeUndefined();
  });

  it('may change unseen when it is very much', async () => {
    const paths = Array.from({ length: 65 }, (__, i) => `/data/${i}.parquet`);
    const { seen } = fixture(Object.fromEntries(paths.map((path) => [path, OLD])));
    for (const path of paths.slice(0, 64)) await seen.identityOf(path);
    expect(seen.all).toHaveLength(64);
    await seen.identityOf(paths[64] ?? '');
    expect(seen.all).toBeUndefined();
  });
});

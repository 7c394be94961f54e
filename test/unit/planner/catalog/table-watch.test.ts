import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Instant } from '../../../../services/common/ids.ts';
import { localPathChanges } from '../../../../services/common/local-path-changes.ts';
import type { SeenPath } from '../../../../services/common/plan/plan-fragment.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import { FileCatalogs } from '../../../../services/planner/catalog/file-catalogs.ts';
import { NodeFileTree } from '../../../../services/planner/catalog/node-file-tree.ts';
import type { Table } from '../../../../services/planner/catalog/table.ts';
import { TableWatch } from '../../../../services/planner/catalog/table-watch.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'skein-watch-'));
  for (const part of ['events/day=1', 'events/day=2', 'empty/day=1', 'history/old'])
    mkdirSync(join(folder, part), { recursive: true });
  for (const file of ['nation.parquet', 'events/day=1/a.parquet', 'history/old/x.parquet'])
    writeFileSync(join(folder, file), 'some');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Looks with a clock by which all changes are long ago. */
async function look(schema: string, name: string) {
  const catalogs = new FileCatalogs([{ name: '', directory: folder }], new NodeFileTree());
  const clock = { ...systemClock, now: () => (Date.now() + 3_600_000) as Instant };
  const watch = new TableWatch({ catalogs, changes: localPathChanges, clock });
  const table = await catalogs.findTable({ catalog: '', schema, table: name });
  if (table === undefined) throw new Error(`there is no table ${name}`);
  const seen = async (of: Table): Promise<readonly SeenPath[] | undefined> => {
    const again = await watch.lookAgain([of]);
    return again.areSame ? again.seen : undefined;
  };
  return { table, watch, seen: await seen(table) };
}

async function areUnchanged(seen: readonly SeenPath[]): Promise<boolean> {
  for (const { path, changedAtMs } of seen)
    if ((await localPathChanges.changedAtMs(path)) !== changedAtMs) return false;
  return true;
}

/** Until a change gets another time than all before. */
async function nextTick(): Promise<void> {
  const from = Date.now();
  const probe = join(tmpdir(), `skein-watch-probe-${process.pid}`);
  do writeFileSync(probe, '');
  while (statSync(probe).ctimeMs <= from);
  rmSync(probe);
  await Promise.resolve();
}

const CHANGES: Record<string, (folder: string) => void> = {
  'a file is written anew': (at) => writeFileSync(join(at, 'events/day=1/a.parquet'), 'mose'),
  'a file is replaced': (at) => {
    writeFileSync(join(at, 'other'), 'some');
    renameSync(join(at, 'other'), join(at, 'events/day=1/a.parquet'));
  },
  'a folder without files gets one': (at) =>
    writeFileSync(join(at, 'events/day=2/b.parquet'), 'some'),
  'a folder comes': (at) => mkdirSync(join(at, 'events/day=3')),
  'a file goes': (at) => rmSync(join(at, 'events/day=1/a.parquet')),
  'another table gets the same name': (at) => writeFileSync(join(at, 'events.parquet'), 'some'),
};

describe('what a table rests on', () => {
  it.each(Object.keys(CHANGES))('shows when %s', async (name) => {
    const { seen = [] } = await look('main', 'events');
    expect(seen).not.toEqual([]);
    expect(await areUnchanged(seen)).toBe(true);
    await nextTick();
    CHANGES[name]?.(folder);
    expect(await areUnchanged(seen)).toBe(false);
  });

  it('does not show what has nothing to do with it', async () => {
    const { seen = [] } = await look('main', 'events');
    await nextTick();
    writeFileSync(join(folder, 'nation.parquet'), 'another');
    writeFileSync(join(folder, 'history/old/y.parquet'), 'another');
    expect(await areUnchanged(seen)).toBe(true);
  });

  it('is told of a table in a schema too', async () => {
    const { seen = [] } = await look('history', 'old');
    await nextTick();
    writeFileSync(join(folder, 'history/old/y.parquet'), 'another');
    expect(await areUnchanged(seen)).toBe(false);
  });

  it('is nothing for a table that is not what it was', async () => {
    const { table, watch } = await look('main', 'nation');
    writeFileSync(join(folder, 'nation.parquet'), 'longer than before');
    expect(await watch.lookAgain([table])).toEqual({ areSame: false });
  });
});

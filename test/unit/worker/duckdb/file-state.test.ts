import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceId } from '../../../../services/common/ids.ts';
import type { FileSplit } from '../../../../services/common/plan/split.ts';
import { expectUnchanged } from '../../../../services/worker/duckdb/file-state.ts';
import { SlotConnection } from '../../../../services/worker/duckdb/slot-connection.ts';

let directory: string;
let path: string;
let connection: SlotConnection;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'skein-state-'));
  path = join(directory, 'a.csv');
  writeFileSync(path, 'a\n1\n');
  const profile = {
    memoryLimitBytes: 64 << 20,
    threads: 1,
    mayReorderJoins: false,
    allowedDirectories: [directory],
  };
  connection = await SlotConnection.open(profile);
});
afterEach(() => {
  connection.close();
  rmSync(directory, { recursive: true });
});

const SCAN = {
  sourceId: 0 as SourceId,
  name: 'scan_0',
  format: 'csv' as const,
  columns: [],
  table: 't',
};

function split(): FileSplit {
  const { size, mtimeMs } = statSync(path);
  const rows = { firstRow: 0, rowCount: 1, bytes: size };
  return { kind: 'file', path, sizeBytes: size, modifiedAtMs: mtimeMs, ...rows };
}

/** What is said of the file after `change`, by its state of before. */
async function saidAfter(change: () => void): Promise<unknown> {
  const splits = [split()];
  change();
  return await expectUnchanged({ connection, scan: SCAN, splits, partition: 0 })
    .then(() => 'unchanged')
    .catch((error: unknown) => error);
}

describe('the state of a file', () => {
  it('is the same while nobody writes it', async () => {
    expect(await saidAfter(() => undefined)).toBe('unchanged');
  });

  it.each([
    ['its size', () => writeFileSync(path, 'a\n1\n2\n')],
    ['its time', () => utimesSync(path, 1, 1)],
  ])('is SOURCE_CHANGED by %s', async (_, change) => {
    const details = { file: path, table: 't' };
    expect(await saidAfter(change)).toMatchObject({ code: 'SOURCE_CHANGED', details });
  });

  it('is SOURCE_NOT_FOUND when it is gone', async () => {
    expect(await saidAfter(() => rmSync(path))).toMatchObject({ code: 'SOURCE_NOT_FOUND' });
  });
});

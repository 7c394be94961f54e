import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskBudget } from '../../../../services/worker/spill/disk-budget.ts';
import { SpillDirectory } from '../../../../services/worker/spill/spill-directory.ts';

const bytesOf = (...values: readonly number[]): ArrayBuffer => Uint8Array.from(values).buffer;

describe('a spill directory', () => {
  it('gives back what was written, and keeps nothing', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'skein-spill-')), 'run');
    const budget = new DiskBudget(1000);
    const directory = new SpillDirectory(path, budget);
    const file = await directory.openFile();
    const first = await file.append(bytesOf(1, 2, 3));
    const second = await file.append(bytesOf(4, 5));
    expect(budget.usedBytes).toBe(5);
    expect([...new Uint8Array(await file.read(second, 2))]).toEqual([4, 5]);
    expect([...new Uint8Array(await file.read(first, 3))]).toEqual([1, 2, 3]);
    await file.close();
    expect(readdirSync(path)).toEqual([]);
    expect(budget.usedBytes).toBe(0);
    await directory.close();
    expect(existsSync(path)).toBe(false);
  });

  it('refuses what exceeds the limit of all files together', async () => {
    const directory = new SpillDirectory(
      join(mkdtempSync(join(tmpdir(), 'skein-spill-')), 'run'),
      new DiskBudget(4),
    );
    const [a, b] = [await directory.openFile(), await directory.openFile()];
    await a.append(bytesOf(1, 2, 3));
    await expect(b.append(bytesOf(1, 2))).rejects.toMatchObject({ code: 'OUT_OF_DISK' });
    await a.close();
    await b.append(bytesOf(1, 2));
    await directory.close();
  });

  it('says so when a file was cut off by someone else', async () => {
    const directory = new SpillDirectory(
      join(mkdtempSync(join(tmpdir(), 'skein-spill-')), 'run'),
      new DiskBudget(100),
    );
    const file = await directory.openFile();
    await file.append(bytesOf(1, 2, 3));
    await expect(file.read(0, 9)).rejects.toMatchObject({ code: 'PAGE_CORRUPT' });
    await file.close();
    await directory.close();
  });
});

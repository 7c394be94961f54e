import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../services/common/logger.ts';
import { DiskBudget } from '../../../../services/worker/spill/disk-budget.ts';
import { writePages } from '../../../../services/worker/spill/page-io.ts';
import { RetainedDirectory } from '../../../../services/worker/spill/retained-directory.ts';
import { SpillDirectory } from '../../../../services/worker/spill/spill-directory.ts';

const bytesOf = (...values: readonly number[]): ArrayBuffer => Uint8Array.from(values).buffer;

function aDirectory(limitBytes = 1_000): {
  path: string;
  budget: DiskBudget;
  directory: RetainedDirectory;
} {
  const path = join(mkdtempSync(join(tmpdir(), 'skein-retained-')), 'outputs');
  const budget = new DiskBudget(limitBytes);
  return { path, budget, directory: new RetainedDirectory(path, { budget, log: silentLogger }) };
}

describe('a directory of stored outputs', () => {
  it('gives back what was written, before and after the file is sealed, to many at once', async () => {
    const { path, budget, directory } = aDirectory();
    const file = await directory.openFile('task.0');
    const [first, second] = await file.append([bytesOf(1, 2, 3), bytesOf()]);
    const [third] = await file.append([bytesOf(4, 5)]);
    expect(await file.read([third!, first!])).toEqual([bytesOf(4, 5), bytesOf(1, 2, 3)]);
    await file.seal(new Map());
    const reads = Array.from({ length: 20 }, () => file.read([first!, second!, third!]));
    for (const pages of await Promise.all(reads)) {
      expect(pages).toEqual([bytesOf(1, 2, 3), bytesOf(), bytesOf(4, 5)]);
    }
    expect(budget.usedBytes).toBe(5);
    await file.remove();
    await file.remove();
    expect(readdirSync(path)).toEqual([]);
    expect(budget.usedBytes).toBe(0);
    await directory.close();
    expect(existsSync(path)).toBe(false);
  });

  it('keeps no file open that nobody writes or reads', async () => {
    const { directory } = aDirectory();
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    const files = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const file = await directory.openFile(`task.${i}`);
        const [page] = await file.append([bytesOf(i)]);
        await file.seal(new Map());
        return async () => await file.read([page!]);
      }),
    );
    for (const read of files) await read();
    expect(openFiles()).toBeLessThan(before + 20);
    await directory.close();
  });

  it.each([
    ['was damaged', (file: string) => writeFileSync(file, Uint8Array.of(1, 2, 9))],
    ['was cut off', (file: string) => truncateSync(file, 2)],
    ['was removed', (file: string) => rmSync(file)],
  ])('says which file %s instead of giving its pages', async (_how, spoil) => {
    const { path, directory } = aDirectory();
    const file = await directory.openFile('task.0');
    const pages = await file.append([bytesOf(1, 2, 3)]);
    await file.seal(new Map());
    const name = join(path, 'task.0.pages');
    expect([...(await readFile(name))]).toEqual([1, 2, 3]);
    spoil(name);
    await expect(file.read(pages)).rejects.toMatchObject({
      code: 'OUTPUT_PAGE_LOST',
      details: { file: name },
    });
    await directory.close();
  });

  it('shares the limit with spilled inputs', async () => {
    const { path, budget, directory } = aDirectory(5);
    const inputs = new SpillDirectory(join(path, 'inputs'), budget);
    const input = await inputs.openFile();
    await input.append(bytesOf(1, 2, 3));
    const output = await directory.openFile('task.0');
    await expect(output.append([bytesOf(1, 2), bytesOf(3)])).rejects.toMatchObject({
      code: 'OUT_OF_DISK',
      details: { file: join(path, 'task.0.pages') },
    });
    await input.close();
    await output.append([bytesOf(1, 2), bytesOf(3)]);
    await output.remove();
    expect(budget.usedBytes).toBe(0);
    await directory.close();
  });
});

describe('pages that the disk does not take', () => {
  it('are OUT_OF_DISK, with the file', async () => {
    const handle = await open('/dev/full', 'w');
    const writing = writePages({ handle, path: '/dev/full' }, [bytesOf(1)], 0);
    await expect(writing).rejects.toMatchObject({
      code: 'OUT_OF_DISK',
      details: { file: '/dev/full' },
    });
    await handle.close();
  });

  it('are written on when the system takes only a part', async () => {
    const written: number[] = [];
    const handle = {
      writev: (parts: readonly Uint8Array[], position: number) => {
        expect(position).toBe(written.length);
        const bytes = parts.flatMap((part) => [...part]).slice(0, 2);
        written.push(...bytes);
        return Promise.resolve({ bytesWritten: bytes.length, buffers: parts });
      },
    };
    const pages = [bytesOf(1, 2, 3), bytesOf(4), bytesOf(), bytesOf(5, 6, 7)];
    await writePages({ handle: handle as never, path: 'f' }, pages, 0);
    expect(written).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

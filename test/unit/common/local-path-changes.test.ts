import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { localPathChanges } from '../../../services/common/local-path-changes.ts';

it('tells changes of a file and of a folder, also those that set the time back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skein-changes-'));
  try {
    const file = join(folder, 'x');
    writeFileSync(file, 'a');
    const before = await localPathChanges.changedAtMs(file);
    expect(before).toBe(statSync(file).ctimeMs);
    await untilLater(folder);
    const folderBefore = await localPathChanges.changedAtMs(folder);
    utimesSync(file, 1, 1);
    expect(await localPathChanges.changedAtMs(file)).toBeGreaterThan(before ?? Infinity);
    await untilLater(folder);
    rmSync(file);
    expect(await localPathChanges.changedAtMs(file)).toBeUndefined();
    expect(await localPathChanges.changedAtMs(folder)).toBeGreaterThan(folderBefore ?? Infinity);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Until the file system's clock has moved: a probe in the folder bears a later time than the folder had. */
async function untilLater(folder: string): Promise<void> {
  const from = Date.now();
  const probe = join(folder, 'probe');
  for (;;) {
    writeFileSync(probe, '');
    const { ctimeMs } = statSync(probe);
    rmSync(probe);
    if (ctimeMs > from) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

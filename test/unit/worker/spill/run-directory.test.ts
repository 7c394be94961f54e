import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../services/common/logger.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import {
  openRunDirectory,
  sweepDeadRuns,
} from '../../../../services/worker/spill/run-directory.ts';

let spill: string;
beforeEach(() => {
  // Longer than the name of a socket may be.
  spill = join(mkdtempSync(join(tmpdir(), 'skein-sweep-')), 'x'.repeat(120));
  mkdirSync(spill);
});
afterEach(() => rmSync(join(spill, '..'), { recursive: true }));

const sweep = async (): Promise<void> =>
  await sweepDeadRuns(spill, { clock: systemClock, log: silentLogger });

/** The directory of a run that was killed. */
async function deadRun(change: (name: string) => string = (name) => name): Promise<string> {
  const run = await openRunDirectory(spill, randomUUID());
  const path = join(spill, change(basename(run.path)));
  const killed = spawn(process.execPath, [
    '-e',
    `const folder = require('fs').openSync(${JSON.stringify(run.path)}, 'r');
     require('net').createServer().listen('/proc/self/fd/' + folder + '/alive', () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  await run.close();
  mkdirSync(run.path);
  await once(killed, 'exit');
  renameSync(run.path, path);
  mkdirSync(join(path, 'inputs'), { recursive: true });
  writeFileSync(join(path, 'inputs', 'input-1.pages'), 'rows');
  return path;
}

describe('directories of runs', () => {
  it('go when their run is gone', async () => {
    const path = await deadRun();
    expect(existsSync(join(path, 'alive'))).toBe(true);
    await sweep();
    expect(existsSync(path)).toBe(false);
  });

  it('stay while their run lives, wherever that is', async () => {
    const run = await openRunDirectory(spill, randomUUID());
    await sweep();
    expect(existsSync(run.path)).toBe(true);
    await run.close();
    expect(existsSync(run.path)).toBe(false);
  });

  it('stay on other hosts, under other names, and where nobody can be asked', async () => {
    const kept = [
      await deadRun((name) => name.replace(/^skein-/, 'skein-elsewhere_')),
      await deadRun((name) => `${name}-more`),
    ];
    const silent = await deadRun();
    rmSync(join(silent, 'alive'));
    const target = join(spill, 'target');
    mkdirSync(target);
    const run = await openRunDirectory(spill, randomUUID());
    await run.close();
    symlinkSync(target, run.path);
    await sweep();
    expect([...kept, silent, target].map((path) => existsSync(path))).toEqual(Array(4).fill(true));
  });

  it('of an earlier start of the machine go when they were not used for a day', async () => {
    const before = (name: string): string =>
      name.replace(/-(?:[0-9a-f]{12}|unknown)-(?=[0-9a-f]{8}-)/, '-0123456789ab-');
    const fresh = await deadRun(before);
    const old = await deadRun(before);
    const longAgo = new Date(systemClock.now() - 25 * 60 * 60 * 1000);
    for (const path of [join(old, 'inputs'), join(old, 'alive'), old]) {
      utimesSync(path, longAgo, longAgo);
    }
    await sweep();
    expect([fresh, old].map((path) => existsSync(path))).toEqual([true, false]);
  });

  it('need not be there', async () => {
    const nowhere = join(spill, 'none');
    await sweepDeadRuns(nowhere, { clock: systemClock, log: silentLogger });
    expect(existsSync(nowhere)).toBe(false);
  });
});

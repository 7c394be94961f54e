import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDirectory, sweepDeadRuns } from '../../../../services/worker/spill/run-directory.ts';
import { silentLogger } from '../../../../services/common/logger.ts';

let spill: string;
beforeEach(() => {
  spill = mkdtempSync(join(tmpdir(), 'skein-sweep-'));
});
afterEach(() => rmSync(spill, { recursive: true }));

/** A directory like that of this process's run, with another number of the process. */
function runOf(pid: number, change: (name: string) => string = (name) => name): string {
  const name = basename(runDirectory(spill, randomUUID())).replace(`-${process.pid}-`, `-${pid}-`);
  const path = join(spill, change(name));
  mkdirSync(join(path, 'inputs'), { recursive: true });
  writeFileSync(join(path, 'inputs', 'input-1.pages'), 'rows');
  return path;
}

function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid;
}

describe('directories of runs', () => {
  it('go when their process is gone, also when its number was given to this one', () => {
    const dead = runOf(deadPid());
    const earlier = runOf(process.pid, (name) =>
      name.replace(/-[0-9a-f]{8}-(?=[0-9a-f-]{36}$)/, '-00000000-'),
    );
    sweepDeadRuns(spill, silentLogger);
    expect([dead, earlier].map((path) => existsSync(path))).toEqual([false, false]);
  });

  it('stay while their process lives, on other hosts, and under other names', () => {
    const pid = deadPid();
    const kept = [
      runOf(process.pid),
      runOf(process.ppid),
      runOf(pid, (name) => name.replace(/^skein-/, 'skein-elsewhere_')),
      runOf(pid, (name) => `${name}-more`),
    ];
    const target = join(spill, 'target');
    mkdirSync(target);
    symlinkSync(
      target,
      join(
        spill,
        basename(runDirectory(spill, randomUUID())).replace(`-${process.pid}-`, `-${pid}-`),
      ),
    );
    sweepDeadRuns(spill, silentLogger);
    expect([...kept, target].map((path) => existsSync(path))).toEqual(Array(5).fill(true));
  });

  it('need not be there', () => {
    expect(() => sweepDeadRuns(join(spill, 'none'), silentLogger)).not.toThrow();
  });
});

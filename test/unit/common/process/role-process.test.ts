import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../../../services/common/logger.ts';
import {
  type ExitReport,
  RoleProcess,
  type RoleProcessOptions,
} from '../../../../services/common/process/role-process.ts';
import { supervise } from '../../../../services/common/process/supervise.ts';
import { systemClock } from '../../../../services/common/system-clock.ts';
import { deferred } from '../../../support/deferred.ts';

const directory = mkdtempSync(join(tmpdir(), 'skein-process-'));
afterAll(() => rmSync(directory, { recursive: true }));
let scriptCount = 0;

const READY = `process.stdout.write('{"ready":true,"role":"worker","address":"127.0.0.1:1"}\\n');`;
const LIVE_WITH_PARENT = `process.stdin.once('end', () => process.exit(0)).resume();`;

/** Runs a script as a role's process. */
function start(script: string, options: Partial<RoleProcessOptions> = {}): RoleProcess {
  const child = new RoleProcess({ entry: write(script), args: [], clock: systemClock, ...options });
  onTestFinished(() => child.kill());
  return child;
}

function write(script: string): string {
  scriptCount += 1;
  const path = join(directory, `role-${scriptCount}.mjs`);
  writeFileSync(path, script);
  return path;
}

describe('RoleProcess', { timeout: 30_000 }, () => {
  it('is ready at its ready line, and ends in order when it is asked to', async () => {
    const child = start(
      `console.log('not json');process.once('SIGTERM', () => process.exit(0));${LIVE_WITH_PARENT}${READY}`,
    );
    expect(await child.ready).toBe('127.0.0.1:1');
    expect(await child.stop(10_000)).toMatchObject({ exitCode: 0, signal: null });
  });

  it('is killed when it does not end in time', async () => {
    const child = start(`process.on('SIGTERM', () => undefined);${LIVE_WITH_PARENT}${READY}`);
    await child.ready;
    const report = await child.stop(50);
    expect(report).toMatchObject({ exitCode: null, signal: 'SIGKILL', exceededMemory: false });
    expect(report.cause).toContain('killed by SIGKILL');
  });

  it('says how it ended when it was never ready', async () => {
    const child = start('process.exit(7)');
    await expect(child.ready).rejects.toThrow('exited with code 7');
    expect(await child.exited).toMatchObject({ exitCode: 7, signal: null });
  });

  it('hands over what it wrote to standard error', async () => {
    let text = '';
    const child = start(`process.stderr.write('last words');process.exit(3)`, {
      onStderr: (chunk) => (text += chunk),
    });
    await child.exited;
    expect(text).toBe('last words');
  });

  it('may use all of its memory limit for its heap, so that it is the limit that ends it', async () => {
    const memoryLimitBytes = 6 * 2 ** 30;
    const child = start(
      `import { getHeapStatistics } from 'node:v8';
       process.stdout.write(JSON.stringify({ ready: true, address: String(getHeapStatistics().heap_size_limit) }) + '\\n');
       ${LIVE_WITH_PARENT}`,
      { memoryLimitBytes },
    );
    expect(Number(await child.ready)).toBeGreaterThanOrEqual(memoryLimitBytes);
  });

  it('ends when it holds more memory than its limit', async () => {
    const grow = `const hoard = [];setInterval(() => hoard.push(Buffer.alloc(16 << 20, 1)), 2);`;
    const child = start(`${READY}${grow}${LIVE_WITH_PARENT}`, { memoryLimitBytes: 200 << 20 });
    const report = await child.exited;
    expect(report).toMatchObject({ signal: 'SIGKILL', exceededMemory: true });
    expect(report.cause).toMatch(/for exceeding its memory limit \(peak memory \d+ MiB\)/);
  });

  it.runIf(process.platform === 'linux')(
    'cannot allocate far beyond its limit between two looks',
    async () => {
      const allocate = `try { Buffer.alloc(3 * 2 ** 30); } catch { process.exit(9); } process.exit(0);`;
      const child = start(allocate, { memoryLimitBytes: 256 << 20 });
      expect(await child.exited).toMatchObject({ exitCode: 9 });
    },
  );

  it.runIf(process.platform === 'linux')(
    'names the want of memory when the kernel gives it no more and it aborts',
    async () => {
      const child = start(
        `import { setTimeout } from 'node:timers/promises';
         const untouched = [];
         try { for (;;) untouched.push(new ArrayBuffer(2 ** 24)); } catch { await setTimeout(500); }
         for (const objects = []; ; ) objects.push({ some: [untouched] });`,
        { memoryLimitBytes: 2 ** 28, onStderr: () => undefined },
      );
      const report = await child.exited;
      expect(report).toMatchObject({ signal: 'SIGABRT', exceededMemory: true });
      expect(report.cause).toContain('killed by SIGABRT for want of memory within its limit');
    },
  );

  it('ends with its parent, even when that is killed', async () => {
    const child = write(`${READY}${LIVE_WITH_PARENT}`);
    const parent = write(
      `import { spawn } from 'node:child_process';
       const child = spawn(process.execPath, [${JSON.stringify(child)}], { stdio: ['pipe', 'pipe', 'inherit'] });
       child.stdout.once('data', () => console.log(child.pid));`,
    );
    const running = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(running.stdout, 'data')) as [Buffer];
    const childId = Number(line.toString());
    expect(isAlive(childId)).toBe(true);
    running.kill('SIGKILL');
    await expect.poll(() => isAlive(childId), { timeout: 20_000 }).toBe(false);
  });
});

/** A process that has ended stays known until somebody asks how. */
function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return (
      process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${processId}/stat`, 'utf8'))
    );
  } catch {
    return false;
  }
}

describe('supervise', { timeout: 30_000 }, () => {
  it('starts a process again that ended, and reports each end', async () => {
    const reports: ExitReport[] = [];
    const readyAgain = deferred();
    let readyCount = 0;
    const marker = JSON.stringify(join(directory, 'was-here'));
    const dieOnce = `import { existsSync, writeFileSync } from 'node:fs';
      if (!existsSync(${marker})) {
        writeFileSync(${marker}, '');
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), 20);
      }`;
    const supervisor = supervise({
      name: 'worker',
      entry: write(`${dieOnce}${READY}${LIVE_WITH_PARENT}`),
      args: [],
      clock: systemClock,
      log: silentLogger,
      onExit: (report) => reports.push(report),
      onReady: () => {
        readyCount += 1;
        if (readyCount === 2) readyAgain.resolve();
      },
    });
    expect(await supervisor.ready).toBe('127.0.0.1:1');
    await readyAgain.promise;
    await supervisor.stop(1_000);
    expect(reports).toMatchObject([{ signal: 'SIGKILL' }]);
    expect(reports[0]?.cause).toContain('killed by SIGKILL');
  });

  it('does not start a process again whose configuration is wrong', async () => {
    const supervisor = supervise({
      name: 'worker',
      entry: write('process.exit(2)'),
      args: [],
      clock: systemClock,
      log: silentLogger,
      onExit: () => undefined,
    });
    supervisor.ready.catch(() => undefined);
    expect(await supervisor.ended).toMatchObject({ exitCode: 2 });
  });
});

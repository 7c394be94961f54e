import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ResidentMemory } from '../../../../services/common/process/resident-memory.ts';
import { VirtualClock } from '../../../support/virtual-clock.ts';

const PATIENCE = { timeout: 10_000 };

/** A process whose parent does not ask how it ended: it stays in /proc without memory. */
async function unwaitedProcess(): Promise<number> {
  const parent = spawn('/bin/sh', ['-c', 'sleep 60 & echo $!; exec sleep 60']);
  onTestFinished(() => void parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

describe.skipIf(process.platform !== 'linux')('ResidentMemory', () => {
  it('remembers the peak of a process that has ended', async () => {
    const clock = new VirtualClock();
    const processId = await unwaitedProcess();
    const options = { processId, limitBytes: 1 << 30, clock, onExceeded: () => undefined };
    const memory = new ResidentMemory(options);
    expect(memory.peakBytes).toBeGreaterThan(0);
    process.kill(processId, 'SIGKILL');
    const state = () => readFileSync(`/proc/${processId}/stat`, 'latin1');
    await expect.poll(state, PATIENCE).toContain(') Z ');
    await clock.advance(1_000);
    memory.stop();
    expect(memory.peakBytes).toBeGreaterThan(0);
  });
});

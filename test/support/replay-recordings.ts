/**
 * Around each file of integration tests: the coordinators that it starts record what their kernels are told and decide,
 * and afterwards every recording is replayed: the kernel decides all of it again, from the recording alone.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { replayRecording } from '../../services/coordinator/log/recording.ts';

const directory = mkdtempSync(join(tmpdir(), 'skein-recorded-'));
process.env['SKEIN_KERNEL_RECORDING_DIRECTORY'] = directory;

// Hooks that are registered first are the last to run afterwards: the clusters have ended by then.
afterAll(() => {
  const diverged = readdirSync(directory).filter((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    // A coordinator that was killed leaves a line unfinished.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    return whole !== '' && replayRecording(whole).divergence !== undefined;
  });
  expect(diverged, `recordings in ${directory} that replay to other effects`).toEqual([]);
  rmSync(directory, { recursive: true });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { DIST } from '../../support/slot-harness.ts';

describe('a process whose statements are aborted, fail and are cut off at all moments', () => {
  it('never ends by an abort (exit code 134)', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'skein-stress-'));
    const script = join(import.meta.dirname, 'slot-stress.mjs');
    const child = spawn(process.execPath, [script, DIST, join(directory, 'spill')], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    });
    const [output, end] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    rmSync(directory, { recursive: true, force: true });
    expect(end).toEqual([0, null]);
    expect(JSON.parse(output)).toContain('QUERY_CANCELLED');
  });
});

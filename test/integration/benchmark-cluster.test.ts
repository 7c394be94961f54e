import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { descendantsOf } from '../support/process-tree.ts';

const root = join(import.meta.dirname, '..', '..');
const entry = pathToFileURL(join(root, 'dist', 'bench', 'cluster', 'start-cluster.js')).href;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'skein-bench-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a benchmark', () => {
  it('that SIGTERM ends takes its cluster with it', async () => {
    const options = {
      catalogDirectory: join(root, 'examples', 'data'),
      workers: 1,
      coresPerWorker: 1,
      logFile: join(directory, 'log'),
    };
    const program = `import { startCluster } from ${JSON.stringify(entry)};
      console.log((await startCluster(${JSON.stringify(options)})).address);
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(createInterface({ input: child.stdout }), 'line');
    const processes = descendantsOf(child.pid ?? 0);
    expect(processes.length).toBeGreaterThan(2);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([null, 'SIGTERM']);
    const left = processes.filter(({ processId }) => isAlive(processId));
    expect(left.map(({ command }) => command.join(' '))).toEqual([]);
  });
});

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../services/common/config/read-config.ts';
import { type WorkerConfig, workerConfig } from '../../../services/worker/config.ts';

const config = (flags: Record<string, string>): WorkerConfig =>
  workerConfig(readConfig('worker', { file: {}, environment: {}, flags }));

describe('the configuration of a worker', () => {
  it('takes its share of the machine', () => {
    const alone = config({});
    const shared = config({ workers_on_machine: '2' });
    expect(alone.cores).toBe(availableParallelism());
    expect(shared.cores).toBe(Math.max(1, Math.floor(availableParallelism() / 2)));
    expect(shared.workerBytes).toBe(Math.floor(alone.workerBytes / 2));
  });

  it('has four slots at most, and one for each core at most, unless told otherwise', () => {
    expect(config({ cores: '1' }).taskConcurrency).toBe(1);
    expect(config({ cores: '16' }).taskConcurrency).toBe(4);
    expect(config({ cores: '2', task_concurrency: '8' }).taskConcurrency).toBe(8);
  });

  it('keeps slots and pages within the worker’s memory', () => {
    const { memory, workerBytes } = config({ worker_memory_limit: '1GiB' });
    expect(memory.slotBytes + memory.pageBytes).toBeLessThan(workerBytes);
    expect(memory.pageBytes).toBe(2 ** 28);
  });

  it.each([
    { worker_memory_limit: '64MiB' },
    { worker_memory_limit: '1GiB', page_memory_limit: '1GiB' },
    { worker_memory_limit: '1GiB', task_concurrency: '64' },
    { node_id: 'not a name' },
  ])('refuses what does not fit: %j', (flags) => {
    expect(() => config(flags)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIGURATION' }) as Error,
    );
  });

  it('reads the directories of all catalogs, each once', () => {
    const { dataDirectories } = config({ catalog: '/nowhere/a,other=/nowhere/b, /nowhere/a' });
    expect(dataDirectories).toEqual(['/nowhere/a', '/nowhere/b']);
  });
});

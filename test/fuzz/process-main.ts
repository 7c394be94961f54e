/** A process of the fuzzer: tries the seeds that its parent sends, one after the other. */
import { parseArgs } from 'node:util';
import type { SeedReport, SeedRequest } from './fuzz-process.ts';
import { FuzzRun, type Trial } from './fuzz-run.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      directory: { type: 'string', default: '' },
      cluster: { type: 'boolean', default: false },
      hunt: { type: 'string', default: '' },
    },
  });
  const run = await FuzzRun.open(values.directory, { inCluster: values.cluster });
  const report = (trial?: Trial): void => {
    const { user, system } = process.cpuUsage();
    process.send?.({ trial, cpuMs: (user + system) / 1000 } satisfies SeedReport);
  };
  const answer = async ({ seed, isPlain }: SeedRequest): Promise<void> => {
    if (!isPlain) return report(await run.try(seed, values.hunt));
    await run.tryPlain(seed);
    report();
  };
  process.on('message', (request: SeedRequest) => void answer(request));
  // The parent decides when it ends.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => void run[Symbol.asyncDispose]());
  report();
}

await main();

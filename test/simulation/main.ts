/**
 * Long searches and replays: `npm run test:simulation -- --seeds 100000 [--start S]` tries seeds and prints those that break
 * a law; `-- --seed N [--trace]` replays one. `--workers` simulates the real worker code instead of its model.
 */
import { parseArgs } from 'node:util';
import { simulate, simulateWorkers } from './simulator.ts';
import type { SimulationOptions, SimulationReport } from './simulator.ts';

const USAGE = 'usage: [--workers] (--seed N [--trace] | --seeds COUNT [--start N])';
/** A search that keeps failing has said enough. */
const MAX_FAILURES = 20;
const MAX_VIOLATIONS = 8;

type Simulate = (
  seed: number,
  options?: SimulationOptions,
) => SimulationReport | Promise<SimulationReport>;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      start: { type: 'string', default: '1' },
      trace: { type: 'boolean', default: false },
      workers: { type: 'boolean', default: false },
    },
  });
  const run: Simulate = values.workers ? simulateWorkers : simulate;
  const options = values.trace ? { trace: print } : {};
  if (values.seed !== undefined) return await replay(run, Number(values.seed), options);
  if (values.seeds !== undefined) {
    return await search(run, Number(values.start), Number(values.seeds));
  }
  print(USAGE);
  return 2;
}

async function replay(run: Simulate, seed: number, options: SimulationOptions): Promise<number> {
  const report = await run(seed, options);
  printReport(report);
  print(`trace ${report.traceHash}, ${report.eventCount} events, ${report.virtualMs} virtual ms`);
  return report.violations.length === 0 ? 0 : 1;
}

async function search(run: Simulate, start: number, count: number): Promise<number> {
  const outcomes = new Map<string, number>();
  let failures = 0;
  let events = 0;
  let virtualMs = 0;
  for (let seed = start; seed < start + count && failures < MAX_FAILURES; seed += 1) {
    const report = await run(seed);
    outcomes.set(report.outcome, (outcomes.get(report.outcome) ?? 0) + 1);
    events += report.eventCount;
    virtualMs += report.virtualMs;
    if (report.violations.length === 0) continue;
    failures += 1;
    printReport(report);
  }
  const tally = [...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', ');
  print(
    `${events} events, ${Math.round(virtualMs / 1000)} virtual s: ${tally}; ${failures} seeds broke a law`,
  );
  return failures === 0 ? 0 : 1;
}

function printReport(report: SimulationReport): void {
  print(`seed ${report.seed}: ${report.outcome}`);
  for (const violation of report.violations.slice(0, MAX_VIOLATIONS)) print(`  ${violation}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();

/**
 * `npm run sim -- --seeds N --from S [--jobs J] [--engine model|workers|both] [--restore] [--counts]` tries seeds, prints
 * those that break a law, each with the smallest case found that breaks it too, and ends with one line `N passed, M failed`.
 * `npm run sim -- --seed N [--engine …] [--cuts a,b,c] [--trace]` replays one. Exit codes: 0 no law broken, 1 some, 2 wrong
 * usage.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { applyCuts } from './cuts.ts';
import { EXPECTED_COUNTS } from './coverage.ts';
import type { Counts } from './coverage.ts';
import { brokenLaw, minimise } from './minimise.ts';
import { searchOnThreads } from './search.ts';
import type { EngineKind, Failure, SearchOrder } from './search.ts';
import { drawCase } from './simulation-case.ts';
import { simulateCase, simulateWorkersCase } from './simulator.ts';
import type { SimulationOptions, SimulationReport } from './simulator.ts';

const USAGE = `usage: --seeds COUNT [--from SEED] [--jobs COUNT] [--engine model|workers|both] [--restore] [--counts]
       --seed SEED [--engine model|workers|both] [--cuts CUT,CUT,…] [--trace]`;
const MAX_VIOLATIONS = 8;
/** Of a search that finds many, so many are made small. */
const MAX_MINIMISED = 3;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      engine: { type: 'string', default: 'both' },
      cuts: { type: 'string', default: '' },
      trace: { type: 'boolean', default: false },
      restore: { type: 'boolean', default: false },
      counts: { type: 'boolean', default: false },
    },
  });
  const engines = enginesNamed(values.engine);
  if (engines === undefined || (values.seed === undefined) === (values.seeds === undefined)) {
    print(USAGE);
    return 2;
  }
  if (values.seed !== undefined) {
    const cuts = values.cuts.split(',').filter((cut) => cut !== '');
    const options = values.trace ? { trace: print } : {};
    return await replay(engines, { seed: Number(values.seed), cuts, options });
  }
  const { restore: restores, counts } = values;
  const order = { from: Number(values.from), count: Number(values.seeds), engines };
  return await search({ ...order, restores, counts }, Number(values.jobs));
}

function enginesNamed(name: string): readonly EngineKind[] | undefined {
  if (name === 'both') return ['model', 'workers'];
  return name === 'model' || name === 'workers' ? [name] : undefined;
}

interface Replay {
  readonly seed: number;
  readonly cuts: readonly string[];
  readonly options: SimulationOptions;
}

async function replay(engines: readonly EngineKind[], replayed: Replay): Promise<number> {
  const { seed, cuts, options } = replayed;
  const drawn = applyCuts(drawCase(seed), cuts);
  if (drawn === undefined) throw new Error('these cuts leave nothing of the case');
  let isBroken = false;
  for (const engine of engines) {
    const report = await runnerOf(engine)(drawn, options);
    const { traceHash, eventCount, virtualMs } = report;
    printReport({ engine, report });
    print(`  trace ${traceHash}, ${eventCount} events, ${virtualMs} virtual ms`);
    isBroken ||= report.violations.length > 0;
  }
  return isBroken ? 1 : 0;
}

async function search(order: SearchOrder, threads: number): Promise<number> {
  const { passed, failures, events, virtualMs, outcomes, counts } = await searchOnThreads(
    order,
    threads,
  );
  for (const [index, failure] of failures.entries()) {
    printReport(failure);
    if (index < MAX_MINIMISED) await printSmallest(failure);
  }
  const tally = [...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', ');
  print(`${events} events, ${Math.round(virtualMs / 1000)} virtual s: ${tally}`);
  if (order.counts) printCounts(counts, order);
  const { user, system } = process.cpuUsage();
  const perSecond = (passed + failures.length) / ((user + system) / 1e6);
  print(`${perSecond.toFixed(0)} seeds per CPU second`);
  print(`${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

/** Per 1,000 seeds, of all engines together. */
function printCounts(counts: Counts, { count }: SearchOrder): void {
  for (const name of new Set([...EXPECTED_COUNTS, ...counts.keys()])) {
    const rate = (1_000 * (counts.get(name) ?? 0)) / count;
    print(`${rate.toFixed(1).padStart(9)}  ${name}`);
  }
}

async function printSmallest({ engine, report }: Failure): Promise<void> {
  const law = brokenLaw(report);
  if (law === undefined) return;
  const cuts = await minimise(drawCase(report.seed), law, runnerOf(engine));
  const args = `--seed ${report.seed} --engine ${engine} --cuts ${cuts.join(',')}`;
  print(`  smallest: npm run sim -- ${args}`);
}

function runnerOf(
  engine: EngineKind,
): (...run: Parameters<typeof simulateCase>) => SimulationReport | Promise<SimulationReport> {
  return engine === 'model' ? simulateCase : simulateWorkersCase;
}

function printReport({ engine, report }: Failure): void {
  print(`seed ${report.seed}, ${engine}: ${report.outcome}`);
  for (const violation of report.violations.slice(0, MAX_VIOLATIONS)) print(`  ${violation}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();

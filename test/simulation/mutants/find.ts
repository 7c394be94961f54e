/**
 * Looks for the planted bug of the tree that this file is in, or for a tampering: `--seeds N [--planted NAME]`. Prints the first seed
 * that breaks a law. Exit codes: 0 found, 1 not found.
 */
import { parseArgs } from 'node:util';
import { simulate, simulateWorkers } from '../simulator.ts';
import type { SimulationReport } from '../simulator.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';

/** The real worker code is slower; every so many seeds it has its turn. */
const WORKERS_EVERY = 8;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { seeds: { type: 'string', default: '2000' }, planted: { type: 'string' } },
  });
  const plant = values.planted === undefined ? undefined : PLANTED_BUGS[values.planted];
  if (values.planted !== undefined && plant === undefined) throw new Error('no such planted bug');
  const optionsOf = () => (plant === undefined ? {} : { tamper: plant() });
  for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
    if (isBroken('model', simulate(seed, optionsOf()))) return 0;
    if (seed % WORKERS_EVERY !== 0) continue;
    if (isBroken('workers', await simulateWorkers(seed / WORKERS_EVERY, optionsOf()))) return 0;
  }
  print(`no law broken by ${values.seeds} seeds`);
  return 1;
}

function isBroken(engine: string, { seed, violations }: SimulationReport): boolean {
  const [first] = violations;
  if (first === undefined) return false;
  print(`seed ${seed}, ${engine}: ${first.split('\n')[0]}`);
  return true;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();

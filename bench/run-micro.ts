/** `npm run bench:micro`: runs every file of bench/micro/, one after another, and prints a table. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Measurement, MicroBenchmark } from './micro-benchmark.ts';

const DIRECTORY = join(import.meta.dirname, 'micro');
const USAGE = 'usage: npm run bench:micro -- [NAME …] [--json FILE]';

interface MicroReport {
  readonly name: string;
  readonly title: string;
  readonly measurements: readonly Measurement[];
}

async function runBenchmark(name: string): Promise<MicroReport> {
  const module = (await import(join(DIRECTORY, `${name}.js`))) as { benchmark: MicroBenchmark };
  const { title } = module.benchmark;
  console.log(`${name}: ${title}`);
  const measurements = await module.benchmark.run();
  for (const measurement of measurements) console.log(formatMeasurement(measurement));
  return { name, title, measurements };
}

function formatMeasurement({ name, value, unit, target }: Measurement): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 3;
  return `  ${name.padEnd(48)} ${value.toFixed(digits).padStart(12)} ${unit.padEnd(5)} ${targetText(value, target)}`;
}

function targetText(value: number, target: Measurement['target']): string {
  if (target === undefined) return '';
  const [sign, bound, isMet] =
    'atMost' in target
      ? ['≤', target.atMost, value <= target.atMost]
      : ['≥', target.atLeast, value >= target.atLeast];
  return `${sign} ${bound}: ${isMet ? 'met' : 'MISSED'}`;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { json: { type: 'string' } },
    allowPositionals: true,
  });
  const known = readdirSync(DIRECTORY)
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.slice(0, -'.js'.length))
    .sort();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`no benchmark ${unknown.join(', ')}; there are ${known.join(', ')}\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  const reports: MicroReport[] = [];
  for (const name of positionals.length > 0 ? positionals : known) {
    reports.push(await runBenchmark(name));
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify(reports, undefined, 2)}\n`);
  }
}

await main();

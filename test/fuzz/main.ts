/**
 * The long search: `npm run test:fuzz -- --seeds N [--from S]` compares N random statements with plain DuckDB and prints
 * each difference, reduced; `--cluster` runs them in real processes, of what was built last. `-- --seed S` replays one,
 * `-- --sql "…"` compares a statement over the fuzz tables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Finding, FuzzRun } from './fuzz-run.ts';

const PROGRESS_STEP = 500;
const USAGE =
  'usage: --seeds COUNT [--from S] [--cluster] [--hunt TEXT] | --seed S | --sql STATEMENT';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      sql: { type: 'string' },
      tasks: { type: 'string', default: '3' },
      cluster: { type: 'boolean', default: false },
      hunt: { type: 'string', default: '' },
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'skein-fuzz-'));
  try {
    await using run = await FuzzRun.open(directory, values.cluster);
    if (values.sql !== undefined) {
      print(JSON.stringify(await run.compare(values.sql, { taskCount: Number(values.tasks) })));
      return 0;
    }
    if (values.seed !== undefined) {
      print(run.sqlOf(Number(values.seed)));
      return await search(run, { from: Number(values.seed), count: 1, hunt: values.hunt });
    }
    if (values.seeds !== undefined) {
      const [from, count] = [Number(values.from), Number(values.seeds)];
      return await search(run, { from, count, hunt: values.hunt });
    }
    print(USAGE);
    return 2;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Search {
  readonly from: number;
  readonly count: number;
  /** Outcomes with this text are reduced and printed too. */
  readonly hunt: string;
}

async function search(run: FuzzRun, { from, count, hunt }: Search): Promise<number> {
  let failed = 0;
  for (let seed = from; seed < from + count; seed += 1) {
    if ((seed - from) % PROGRESS_STEP === 0) process.stderr.write(`seed ${seed}\n`);
    const { finding } = await run.try(seed, hunt);
    if (finding === undefined || finding.outcome.kind === 'known') continue;
    if (finding.outcome.kind === 'different') failed += 1;
    printFinding(finding);
  }
  for (const line of run.coverage.report()) print(line);
  print(`${count - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function printFinding({ seed, outcome, options, sql }: Finding): void {
  print(`-- seed ${seed}: ${JSON.stringify(outcome)} ${JSON.stringify(options)}`);
  print(`${sql};\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();

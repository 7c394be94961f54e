/**
 * The fuzzer: `npm run test:fuzz -- --seeds N [--from S] [--jobs J]` compares N random statements with plain DuckDB,
 * in as many processes as there are cores, and prints each difference, reduced; `--cluster` runs them in real
 * processes, of what was built last; an interrupt ends the search with its report. `--keep FILE` adds what differs to a file. `-- --seed S` replays one, `-- --sql "…"` compares a statement over the fuzz tables.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FuzzReport } from './fuzz-report.ts';
import { FuzzRun } from './fuzz-run.ts';
import { type Search, search } from './fuzz-search.ts';
import { writeFuzzTables } from './fuzz-tables.ts';

const USAGE =
  'usage: --seeds COUNT [--from S] [--jobs J] [--cluster] [--hunt TEXT] [--keep FILE] | --seed S | --sql STATEMENT';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      seed: { type: 'string' },
      sql: { type: 'string' },
      tasks: { type: 'string', default: '3' },
      cluster: { type: 'boolean', default: false },
      hunt: { type: 'string', default: '' },
      keep: { type: 'string' },
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'skein-fuzz-'));
  const { cluster: inCluster, hunt: hunted } = values;
  try {
    await writeFuzzTables(directory);
    if (values.sql !== undefined) {
      await using run = await FuzzRun.open(directory, { inCluster });
      print(JSON.stringify(await run.compare(values.sql, { taskCount: Number(values.tasks) })));
      return 0;
    }
    if (values.seed !== undefined) {
      await using run = await FuzzRun.open(directory);
      print(run.sqlOf(Number(values.seed)));
    }
    const [from, count] =
      values.seed === undefined ? [values.from, values.seeds] : [values.seed, '1'];
    if (count === undefined) {
      print(USAGE);
      return 2;
    }
    const jobs = Math.min(Number(values.jobs), Number(count));
    const range = { from: Number(from), count: Number(count), jobs };
    const report = new FuzzReport(print, values.keep);
    return await searched({ directory, inCluster, hunted, ...range }, report);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function searched(range: Omit<Search, 'signal'>, report: FuzzReport): Promise<number> {
  const stopped = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => stopped.abort());
  }
  const options = { ...range, signal: stopped.signal };
  const startMs = performance.now();
  const cpuMs = await search(options, report);
  const [wallSeconds, cpuSeconds] = [(performance.now() - startMs) / 1000, cpuMs / 1000];
  const rate = (report.tried / cpuSeconds).toFixed(1);
  const took = `${wallSeconds.toFixed(0)} s, ${cpuSeconds.toFixed(0)} s of CPU`;
  for (const line of report.lines(`${took}: ${rate} statements a CPU second`)) print(line);
  return report.failed === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();

/** Data and queries of the two TPC benchmarks. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './root.ts';

export type Benchmark = 'tpch' | 'tpcds';

export interface BenchmarkQuery {
  /** q01 … q22, or q99. */
  readonly name: string;
  readonly sql: string;
}

/** Outside the repository, kept between runs. */
export function cacheDirectory(): string {
  const directory = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'skein');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** The folder of the tables at a scale; generated at the first use. */
export function benchmarkData(benchmark: Benchmark, scale: number): string {
  const directory = join(cacheDirectory(), `${benchmark}-scale-${scale}`);
  if (!existsSync(directory)) {
    const script = join(ROOT, 'scripts', `generate-${benchmark}.mjs`);
    const args = [script, '--scale', String(scale), '--out', directory];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
  return directory;
}

/** The statements that make the tables of `directory` visible to plain DuckDB, as the catalog names them. */
export function tableViews(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.parquet'))
    .map((entry) => {
      const path = join(directory, entry.name, entry.isDirectory() ? '*.parquet' : '');
      const source = path.replace(/\/$/, '').replaceAll("'", "''");
      return `CREATE VIEW ${entry.name.replace(/\.parquet$/, '')} AS FROM read_parquet('${source}')`;
    });
}

/** All queries of a benchmark, or those of a list such as `q01,q05`. @throws when it has none of a name */
export function benchmarkQueries(benchmark: Benchmark, list?: string): readonly BenchmarkQuery[] {
  const directory = join(ROOT, 'test', 'sql', benchmark);
  const all = readdirSync(directory)
    .filter((file) => /^q\d\d\.sql$/.test(file))
    .sort()
    .map((file) => ({
      name: file.slice(0, 3),
      sql: readFileSync(join(directory, file), 'utf8'),
    }));
  if (list === undefined) return all;
  return list.split(',').map((name) => {
    const query = all.find((candidate) => candidate.name === name);
    if (query === undefined) throw new Error(`--queries: there is no ${name}`);
    return query;
  });
}

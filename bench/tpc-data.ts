import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../root.ts';

export interface TpchQuery {
  /** q01 … q22. */
  readonly name: string;
  readonly sql: string;
}

/** Outside the repository, kept between runs. */
export function cacheDirectory(): string {
  const directory = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'skein');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** The folder of the eight tables at a scale; generated at the first use. */
export function tpchData(scale: number): string {
  const directory = join(cacheDirectory(), `tpch-scale-${scale}`);
  if (!existsSync(directory)) {
    const script = join(ROOT, 'scripts', 'generate-tpch.mjs');
    const args = [script, '--scale', String(scale), '--out', directory];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
  return directory;
}

/** The statements that make the tables of `directory` visible to plain DuckDB, as the catalog names them. */
export function tpchViews(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.parquet'))
    .map((entry) => {
      const path = join(directory, entry.name, entry.isDirectory() ? '*.parquet' : '');
      const source = path.replace(/\/$/, '').replaceAll("'", "''");
      return `CREATE VIEW ${entry.name.replace(/\.parquet$/, '')} AS FROM read_parquet('${source}')`;
    });
}

export function tpchQueries(): readonly TpchQuery[] {
  const directory = join(ROOT, 'test', 'sql', 'tpch');
  return readdirSync(directory)
    .filter((file) => /^q\d\d\.sql$/.test(file))
    .sort()
    .map((file) => ({
      name: file.slice(0, 3),
      sql: readFileSync(join(directory, file), 'utf8'),
    }));
}

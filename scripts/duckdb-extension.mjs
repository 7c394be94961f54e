// Finds DuckDB's extensions `tpch` and `tpcds`, the published generators of both benchmarks: signed binaries that
// the package index carries as wheels `duckdb-extension-NAME`, one version per DuckDB version.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where downloads and generated data live: outside the repository, kept between runs. */
export function cacheDirectory() {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'skein');
}

/**
 * Path of the extension `name` for `duckdbVersion` ("v1.5.5"). SKEIN_BENCH_TPCH_EXTENSION and
 * SKEIN_BENCH_TPCDS_EXTENSION name one that is already there; otherwise pip downloads it once into the cache.
 */
export function extensionPath(name, duckdbVersion) {
  const variable = `SKEIN_BENCH_${name.toUpperCase()}_EXTENSION`;
  const given = process.env[variable];
  if (given) {
    if (!existsSync(given)) throw new Error(`${variable}: no such file: ${given}`);
    return given;
  }
  const directory = join(cacheDirectory(), `${name}-extension-${duckdbVersion}`);
  if (!existsSync(directory)) downloadWheel(name, duckdbVersion, directory);
  const file = `${name}.duckdb_extension`;
  return join(directory, `duckdb_extension_${name}`, 'extensions', duckdbVersion, file);
}

function downloadWheel(name, duckdbVersion, directory) {
  mkdirSync(cacheDirectory(), { recursive: true });
  const scratch = mkdtempSync(join(cacheDirectory(), 'download-'));
  try {
    const requirement = `duckdb-extension-${name}==${duckdbVersion.replace(/^v/, '')}`;
    const download = ['download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', scratch];
    python('-m', 'pip', ...download, requirement);
    const wheel = readdirSync(scratch).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error(`pip downloaded no wheel for ${requirement}`);
    const unpacked = join(scratch, 'unpacked');
    python('-m', 'zipfile', '-e', join(scratch, wheel), unpacked);
    renameSync(unpacked, directory);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function python(...args) {
  execFileSync(process.env.PYTHON || 'python3', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

// Finds DuckDB's tpch extension, the published TPC-H generator: a signed binary that the package index
// carries as the wheel `duckdb-extension-tpch`, one version per DuckDB version.
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
 * Path of the extension for `duckdbVersion` ("v1.5.5"). SKEIN_BENCH_TPCH_EXTENSION names one that is already
 * there; otherwise pip downloads it once into the cache.
 */
export function tpchExtensionPath(duckdbVersion) {
  const given = process.env.SKEIN_BENCH_TPCH_EXTENSION;
  if (given) {
    if (!existsSync(given)) throw new Error(`SKEIN_BENCH_TPCH_EXTENSION: no such file: ${given}`);
    return given;
  }
  const directory = join(cacheDirectory(), `tpch-extension-${duckdbVersion}`);
  if (!existsSync(directory)) downloadWheel(duckdbVersion, directory);
  return join(
    directory,
    'duckdb_extension_tpch',
    'extensions',
    duckdbVersion,
    'tpch.duckdb_extension',
  );
}

function downloadWheel(duckdbVersion, directory) {
  mkdirSync(cacheDirectory(), { recursive: true });
  const scratch = mkdtempSync(join(cacheDirectory(), 'download-'));
  try {
    const requirement = `duckdb-extension-tpch==${duckdbVersion.replace(/^v/, '')}`;
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

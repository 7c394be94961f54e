// Compiles the TypeScript sources to dist/ and bundles the modules that processes and threads start from: one file
// loads several times faster than the hundreds behind it. Run by `npm ci` (as `prepare`) and before the integration tests.
// All is written beside dist/ and swapped in whole, so that no process ever starts from a half-written tree; after a
// failure the old dist/ stays.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** Started by their paths, so they stay where the compiler has put them. */
const ENTRIES = [
  'services/coordinator/main',
  'services/gateway/main',
  'services/planner/main',
  'services/worker/main',
  'services/worker/duckdb/slot-thread',
  'services/cli/main',
];
/** What an entry imports when it is needed, as deep in the tree as the modules that look for files beside themselves. */
const CHUNK_DIRECTORY = 'services/cli/chunks';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const next = join(root, `dist.next-${process.pid}`);
const previous = join(root, `dist.previous-${process.pid}`);

function compile() {
  const tscPackage = createRequire(import.meta.url).resolve('typescript/package.json');
  const tsc = join(dirname(tscPackage), 'bin', 'tsc');
  const args = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', next];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root });
  if (status !== 0) throw new Error('the sources do not compile');
}

/** Replaces an entry by a file that holds all it needs, but for native code, which is found beside its package. */
async function bundle(entry) {
  const build = await rolldown({
    input: { [entry]: join(next, `${entry}.js`) },
    platform: 'node',
    external: /^@duckdb\/node-bindings/,
  });
  await build.write({
    dir: next,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${CHUNK_DIRECTORY}/[name].js`,
    sourcemap: true,
  });
  await build.close();
}

try {
  compile();
  for (const entry of ENTRIES) await bundle(entry);
  if (existsSync(dist)) renameSync(dist, previous);
  renameSync(next, dist);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const leftover of [next, previous]) rmSync(leftover, { recursive: true, force: true });
}

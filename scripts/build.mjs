// Compiles the TypeScript sources to dist/. Run by `npm ci` (as `prepare`) and before the integration tests.
// The compiler writes beside dist/ and the result is swapped in whole, so that no process ever starts from
// a half-written tree; after a failed compilation the old dist/ stays.
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tscPackage = createRequire(import.meta.url).resolve('typescript/package.json');
const dist = join(root, 'dist');
const next = join(root, `dist.next-${process.pid}`);
const previous = join(root, `dist.previous-${process.pid}`);

const compiler = spawnSync(
  process.execPath,
  [
    join(dirname(tscPackage), 'bin', 'tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    next,
  ],
  { stdio: 'inherit', cwd: root },
);
if (compiler.status === 0) {
  if (existsSync(dist)) renameSync(dist, previous);
  renameSync(next, dist);
}
for (const leftover of [next, previous]) rmSync(leftover, { recursive: true, force: true });
process.exit(compiler.status ?? 1);

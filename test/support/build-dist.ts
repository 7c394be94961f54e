import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** Rebuilds dist/ before the tests that start processes from it. SKEIN_TEST_BUILD=skip takes dist/ as it is. */
export function setup(): void {
  if (process.env['SKEIN_TEST_BUILD'] === 'skip') return;
  const build = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], {
    stdio: 'inherit',
  });
  if (build.status !== 0) throw new Error('the build failed: dist/ is not up to date');
}

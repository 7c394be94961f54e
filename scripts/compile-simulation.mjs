// Compiles the simulator to .cache/simulation.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const compiled = join(root, '.cache', 'simulation');

const tscPackage = createRequire(import.meta.url).resolve('typescript/package.json');

/** Ends this process with an exit code when the compiler finds errors. */
export function tsc(...args) {
  const compiler = join(dirname(tscPackage), 'bin', 'tsc');
  const options = { stdio: 'inherit', cwd: root };
  const { status } = spawnSync(process.execPath, [compiler, ...args], options);
  if (status !== 0) process.exit(status ?? 1);
}

export function compileSimulation() {
  tsc('-p', join(root, 'test', 'simulation', 'tsconfig.json'));
}

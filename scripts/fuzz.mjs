// Compiles the fuzzer to .cache/fuzz and runs it with the arguments given (see test/fuzz/main.ts). What
// differs is kept in the file that the tests read.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tscPackage = createRequire(import.meta.url).resolve('typescript/package.json');
const run = (...args) =>
  spawnSync(process.execPath, args, { stdio: 'inherit', cwd: root }).status ?? 1;

const compiled = run(
  join(dirname(tscPackage), 'bin', 'tsc'),
  '-p',
  join(root, 'test', 'fuzz', 'tsconfig.json'),
);
if (compiled !== 0) process.exit(compiled);
const main = join(root, '.cache', 'fuzz', 'test', 'fuzz', 'main.js');
const kept = join(root, 'test', 'fuzz', 'regressions.sql');
process.exit(run('--enable-source-maps', main, '--keep', kept, ...process.argv.slice(2)));

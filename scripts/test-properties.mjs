// `npm run test:properties [-- --rounds N] [-- FILTER …]`: runs the unit tests that state properties again and again, each time with
// seeds drawn anew; `npm test` always takes the same. Ends with `N passed, M failed`, counted in rounds; a failing property prints its seed.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '20' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(rounds) || rounds < 1) {
  console.error('usage: [--rounds COUNT] [FILTER …]');
  process.exit(2);
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const files = readdirSync(join(root, 'test', 'unit'), { recursive: true, encoding: 'utf8' })
  .map((path) => join('test', 'unit', path))
  .filter((path) => path.endsWith('.test.ts') && statesProperties(path) && isWanted(path));
if (files.length === 0) {
  console.error('no test file with properties matches');
  process.exit(2);
}

let failed = 0;
for (let round = 1; round <= rounds; round++) {
  const vitest = join('node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--project', 'unit', '--reporter=dot', ...files];
  const env = { ...process.env, SKEIN_PROPERTY_SEED: 'random' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  if (status === 0) continue;
  failed += 1;
  console.log(`round ${round}:\n${stdout}\n${stderr}`);
}
console.log(`${rounds - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function statesProperties(path) {
  return readFileSync(join(root, path), 'utf8').includes("from 'fast-check'");
}

function isWanted(path) {
  return positionals.length === 0 || positionals.some((filter) => path.includes(filter));
}

// `npm run test:mutants [-- --sample N] [-- --only ID,…]`: for each mechanism of SPEC.md that is built, a patch that takes it away
// (test/mutants/<id>.patch) from a copy of the source; one of that id's own tests must then fail. Each copy runs in a process of its
// own, so that a test without an end is one mutant's. Ends with `N passed, M failed`; an id without a patch, and a patch that does not apply, is a failure.
import { execFile, execSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { applyMutant, inTurns, readMutants, sampleOf, writeFiles } from './mutants.mjs';

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    only: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = join(root, '.cache', 'test-mutants');
const SPEC = readFileSync(join(root, 'services/coordinator/scheduler/SPEC.md'), 'utf8');
const TIMEOUT_MS = 120_000;

const rate = { passed: 0, failed: 0 };
const mutants = chosen();
rmSync(work, { recursive: true, force: true });
await inTurns(mutants, Number(values.jobs), tryMutant);
console.log(`${rate.passed} passed, ${rate.failed} failed`);
process.exitCode = rate.failed === 0 ? 0 : 1;

async function tryMutant(mutant) {
  const problem = mutant.hunks === undefined ? 'it has no patch' : await problemOf(mutant);
  rate[problem === undefined ? 'passed' : 'failed'] += 1;
  if (problem !== undefined) console.log(`NOT CAUGHT  ${mutant.name}: ${problem}`);
}

/** Why the mutant is not caught; undefined = it is. */
async function problemOf(mutant) {
  const tree = join(work, mutant.name);
  try {
    prepare(mutant, tree);
    return findFailure(mutant, await runTests(tree));
  } catch (error) {
    return error.message;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** The mutants of ids that are built, each with its tests. */
function chosen() {
  const tests = new Map(
    [...SPEC.matchAll(/^\[([\w-]+)\]: (\S+) "(.+)"$/gm)].map(([, key, file, name]) => [
      key,
      { file, name },
    ]),
  );
  const rows = [...SPEC.matchAll(/^\| ([TFPSRK]\d+) \| .*? \| (.*?) \| (.*?) \|$/gm)];
  const built = rows.filter(([, , files]) => files !== 'open' && files !== 'left out');
  const known = new Map(
    readMutants(join(root, 'test', 'mutants')).map((each) => [each.name, each]),
  );
  let all = built.map(([, id, , keys]) => ({
    ...known.get(id),
    name: id,
    tests: [...keys.matchAll(/\[([\w-]+)\]/g)]
      .map(([, key]) => tests.get(key))
      .filter((test) => test?.file.startsWith('unit/')),
  }));
  if (values.only !== undefined)
    all = all.filter(({ name }) => values.only.split(',').includes(name));
  if (values.sample === undefined) return all;
  const commit = execSync('git rev-parse HEAD', { cwd: root, encoding: 'utf8' });
  return sampleOf(all, Number(values.sample), commit);
}

/** A copy of all that the id's tests need, the patch applied. */
function prepare(mutant, tree) {
  const patched = applyMutant(root, mutant);
  writeFiles(tree, patched);
  const files = closureOf(mutant.tests.map(({ file }) => join(root, 'test', file)));
  for (const file of files) {
    const path = relative(root, file);
    if (patched.has(path)) continue;
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    linkSync(file, join(tree, path));
  }
  const options = { root: tree, include: ['test/**/*.test.ts'], testTimeout: 20_000, watch: false };
  const config = `export default ${JSON.stringify({ test: options })};\n`;
  writeFileSync(join(tree, 'vitest.config.mjs'), config);
}

/** These files and all of ours that they import. */
function closureOf(files) {
  const found = new Set();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file) || !existsSync(file)) continue;
    found.add(file);
    const imports = readFileSync(file, 'utf8').matchAll(/(?:from|import\() ?'(\.{1,2}\/[^']+)'/g);
    waiting.push(...[...imports].map(([, path]) => resolve(dirname(file), path)));
  }
  return found;
}

function runTests(tree) {
  const report = join(tree, 'report.json');
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = join(tree, 'vitest.config.mjs');
  const args = [
    vitest,
    'run',
    '--pool=threads',
    '--config',
    config,
    '--reporter=json',
    `--outputFile=${report}`,
  ];
  return new Promise((done, reject) => {
    execFile(
      process.execPath,
      args,
      { cwd: tree, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
      () => {
        if (existsSync(report)) done(JSON.parse(readFileSync(report, 'utf8')).testResults);
        else reject(new Error('its tests do not end'));
      },
    );
  });
}

function findFailure({ what, tests }, files) {
  const broken = files.find((file) => file.assertionResults.length === 0);
  if (files.length === 0) return 'its tests did not run';
  if (broken !== undefined) return `does not run: ${broken.message.split('\n')[0]}`;
  const isCaught = tests.some(({ file, name }) =>
    files
      .filter((each) => each.name.endsWith(`/test/${file}`))
      .flatMap((each) => each.assertionResults)
      .some((test) => test.status === 'failed' && patternOf(name).test(test.title)),
  );
  return isCaught ? undefined : `no test of its fails: ${what}`;
}

/** Names in SPEC.md are those in the source: what is filled in when the test runs may be anything. */
function patternOf(name) {
  const literal = name.replaceAll(/[.*+?^()|[\]\\]/g, '\\$&');
  return new RegExp(`${literal.replaceAll(/\$\{[^}]*\}|\$\w+|%s/g, '.*')}`);
}

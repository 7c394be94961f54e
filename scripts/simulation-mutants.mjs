// `npm run sim:mutants [-- --sample N] [-- --only NAME,…] [-- --seeds N] [-- --jobs J]`: is every planted bug found by the simulator or the
// explorer? Bugs are patches of the kernel (test/simulation/mutants/patches), each in a compiled copy of its own, and tamperings
// between kernel and world (planted-bugs.ts). Ends with `N passed, M failed`.
import { execFile, execSync } from 'node:child_process';
import { cpSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { compiled, compileSimulation, root, tsc } from './compile-simulation.mjs';
import { applyMutant, inTurns, readMutants, sampleOf, writeFiles } from './mutants.mjs';

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    only: { type: 'string' },
    seeds: { type: 'string', default: '2000' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
const PATCHES = join(root, 'test', 'simulation', 'mutants', 'patches');
const FIND = join('test', 'simulation', 'mutants', 'find.js');
const work = join(root, '.cache', 'simulation-mutants');
const TIMEOUT_MS = 600_000;

const rate = { passed: 0, failed: 0 };
compileSimulation();
rmSync(work, { recursive: true, force: true });
const mutants = await chosen();
compilePatches(mutants.filter(({ hunks }) => hunks !== undefined));
await inTurns(mutants, Number(values.jobs), tryMutant);
console.log(`${rate.passed} passed, ${rate.failed} failed`);
process.exitCode = rate.failed === 0 ? 0 : 1;

async function chosen() {
  const planted = await import(
    pathToFileURL(join(compiled, dirname(FIND), 'planted-bugs.js')).href
  );
  const all = [
    ...readMutants(PATCHES),
    ...Object.keys(planted.PLANTED_BUGS).map((name) => ({ name, what: 'tampering' })),
  ];
  if (values.only !== undefined)
    return all.filter(({ name }) => values.only.split(',').includes(name));
  if (values.sample === undefined) return all;
  const commit = execSync('git rev-parse HEAD', { cwd: root, encoding: 'utf8' });
  return sampleOf(all, Number(values.sample), commit);
}

/** All patched files in one run of the compiler; a patch that does not apply is a failure. */
function compilePatches(patches) {
  const sources = [];
  for (const mutant of patches) {
    try {
      const files = applyMutant(root, mutant);
      writeFiles(join(work, 'source', mutant.name), files);
      mutant.files = [...files.keys()];
      for (const file of mutant.files) sources.push(join(work, 'source', mutant.name, file));
    } catch (error) {
      mutant.problem = error.message;
    }
  }
  if (sources.length === 0) return;
  const options = '--noCheck --noResolve --rewriteRelativeImportExtensions --verbatimModuleSyntax';
  const target = '--ignoreConfig --module nodenext --target es2023 --types node';
  tsc(
    ...options.split(' '),
    ...target.split(' '),
    '--rootDir',
    join(work, 'source'),
    '--outDir',
    join(work, 'compiled'),
    ...sources,
  );
}

async function tryMutant({ name, what, files, problem }) {
  if (problem !== undefined) return note(false, name, problem);
  let tree = compiled;
  if (files !== undefined) {
    tree = join(work, 'tree', name);
    linkTree(compiled, tree);
    for (const file of files) {
      const script = file.replace(/\.ts$/, '.js');
      rmSync(join(tree, script));
      cpSync(join(work, 'compiled', name, script), join(tree, script));
    }
  }
  const planted = files === undefined ? ['--planted', name] : [];
  const found = await run([join(tree, FIND), '--seeds', values.seeds, ...planted]);
  if (files !== undefined) rmSync(tree, { recursive: true, force: true });
  return note(found.isFound, name, found.isFound ? found.text : `${what}: ${found.text}`);
}

function note(isFound, name, text) {
  rate[isFound ? 'passed' : 'failed'] += 1;
  console.log(`${isFound ? 'found' : 'NOT FOUND'}  ${name}: ${text}`);
}

/** The copy shares its files with the original; what is patched is replaced. */
function linkTree(from, to) {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.name.endsWith('.js')) linkSync(source, target);
  }
}

function run(args) {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const text = stdout.trim().split('\n').at(-1) ?? '';
      resolve({
        isFound: error === null,
        text: error === null ? text : `${text} ${stderr}`.trim(),
      });
    });
  });
}

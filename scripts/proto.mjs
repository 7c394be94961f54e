// The contracts' tool chain, all of it from node_modules.
//
//   npm run proto:gen        proto/**/*.proto → proto/gen (ts-proto, options in buf.gen.yaml)
//   npm run proto:check      generated code is up to date, lint, no breaking change to skein.v1
//   npm run proto:baseline   accept skein.v1 as it is now; only when releasing
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const generated = join(root, 'proto', 'gen');
const baseline = join('proto', 'baseline.binpb');

const bufPackage = createRequire(import.meta.url).resolve('@bufbuild/buf/package.json');

function buf(...args) {
  const program = join(dirname(bufPackage), 'bin', 'buf');
  execFileSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
}

/** Path → text of every file below `directory`. */
function readTree(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return new Map(
    files
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((path) => [path.slice(directory.length + 1), readFileSync(path, 'utf8')]),
  );
}

function withScratch(use) {
  const scratch = mkdtempSync(join(tmpdir(), 'skein-proto-'));
  try {
    return use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Generates into a scratch folder, so that a broken definition leaves the old code in place. */
function withFreshCode(use) {
  withScratch((scratch) => {
    buf('generate', '--output', scratch);
    use(join(scratch, 'proto', 'gen'));
  });
}

function generate() {
  withFreshCode((fresh) => {
    rmSync(generated, { recursive: true, force: true });
    cpSync(fresh, generated, { recursive: true });
  });
}

/** Writes the public API, and what it imports, as one image: what clients have generated their code from. */
const buildImage = (file) => buf('build', '--path', 'proto/skein/v1', '--output', file);

/** skein.v1 only grows. skein.internal.v1 may change: its Hello carries an exact protocol version. */
function checkCompatibility() {
  withScratch((scratch) => {
    const image = join(scratch, 'skein-v1.binpb');
    buildImage(image);
    buf('breaking', image, '--against', baseline, '--exclude-imports');
  });
}

function check() {
  buf('lint');
  checkCompatibility();
  withFreshCode((fresh) => {
    const expected = readTree(fresh);
    const actual = readTree(generated);
    const paths = [...new Set([...expected.keys(), ...actual.keys()])].sort();
    const stale = paths.filter((path) => expected.get(path) !== actual.get(path));
    if (stale.length === 0) return;
    console.error(`proto/gen is out of date; run "npm run proto:gen":\n  ${stale.join('\n  ')}`);
    process.exitCode = 1;
  });
}

const commands = {
  gen: generate,
  check,
  baseline: () => buildImage(baseline),
};
const command = commands[process.argv[2]];
if (command === undefined) {
  console.error(`usage: proto.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}
try {
  command();
} catch (error) {
  if (error.status === undefined) throw error;
  process.exitCode = error.status || 1; // buf has said why
}

/** SPEC.md and the tests speak of each other: a test that is gone or renamed, or an invariant without one, fails here. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..', '..');
const KERNEL = join(ROOT, 'services', 'coordinator', 'scheduler');
const SPEC = readFileSync(join(KERNEL, 'SPEC.md'), 'utf8');

interface NamedTest {
  readonly key: string;
  readonly file: string;
  readonly name: string;
}

const TESTS: readonly NamedTest[] = [...SPEC.matchAll(/^\[([\w-]+)\]: (\S+) "(.+)"$/gm)].map(
  ([, key = '', file = '', name = '']) => ({ key, file, name }),
);

const sections = new Map(
  SPEC.split(/^## /m)
    .slice(1)
    .map((section) => [section.split('\n')[0] ?? '', section]),
);

/** The cells of each row of a section's table, without its head. */
function rowsOf(section: string): readonly (readonly string[])[] {
  const lines = (sections.get(section) ?? '').split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Every mechanism of the reference, in its order. */
const EVERY_ID: readonly string[] = Object.entries({
  T: 36,
  F: 34,
  P: 12,
  S: 20,
  R: 20,
  K: 26,
}).flatMap(([letter, count]) =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`),
);

const COVERAGE = rowsOf('Coverage').map(([id = '', , files = '', tests = '']) => ({
  id,
  files,
  tests,
  status: files === 'open' || files === 'left out' ? files : 'built',
}));

/** TypeScript files of ours below a folder. */
function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}

const keysIn = (text: string): readonly string[] =>
  [...text.matchAll(/\[([\w-]+)\]/g)].map(([, key = '']) => key);

describe('SPEC.md', () => {
  it.each(TESTS)('names a test that exists: $key', ({ file, name }) => {
    const path = join(ROOT, 'test', file);
    expect(existsSync(path), path).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain(name);
  });

  it('defines every test that it refers to, once, and refers to every one', () => {
    const body = SPEC.slice(0, SPEC.indexOf('## Tests'));
    const keys = TESTS.map(({ key }) => key);
    expect([...new Set(keys)]).toEqual(keys);
    expect([...new Set(keysIn(body))].toSorted()).toEqual(keys.toSorted());
  });

  it('gives every invariant a number of its own and a test', () => {
    const rows = rowsOf('Invariants');
    expect(rows.length).toBeGreaterThan(20);
    const ids = rows.map(([id = '']) => id);
    expect([...new Set(ids)]).toEqual(ids);
    for (const [id, , tests = ''] of rows) expect(keysIn(tests), id).not.toEqual([]);
  });

  it('has one row for every mechanism, built, open or left out, and counts them', () => {
    expect(COVERAGE.map(({ id }) => id)).toEqual(EVERY_ID);
    const open = COVERAGE.filter(({ status }) => status === 'open').length;
    const leftOut = COVERAGE.filter(({ status }) => status === 'left out').length;
    expect(leftOut).toBeLessThanOrEqual(10);
    expect(SPEC).toContain(`Open: ${open} of ${EVERY_ID.length}, left out: ${leftOut}.`);
  });

  it('gives every mechanism that is built files that exist and a test', () => {
    for (const { id, files, tests, status } of COVERAGE) {
      if (status !== 'built') {
        expect(keysIn(tests), `${id} is ${status}`).toEqual([]);
        continue;
      }
      for (const file of files.split(', ')) {
        const path = file.startsWith('services/') ? join(ROOT, file) : join(KERNEL, file);
        expect(existsSync(path), `${id}: ${file}`).toBe(true);
      }
      expect(keysIn(tests), id).not.toEqual([]);
    }
  });

  it('has built every mechanism that the code cites, and knows every invariant', () => {
    const built = COVERAGE.filter(({ status }) => status === 'built').map(({ id }) => id);
    const known = new Set([...built, ...rowsOf('Invariants').map(([id = '']) => id)]);
    const cited = sourcesIn(join(ROOT, 'services')).flatMap((file) => {
      const ids = file.startsWith(KERNEL) ? /\b[TFPSRKI][1-9]\d?\b/g : /\b[TFPSRK][1-9]\d?\b/g;
      return (readFileSync(file, 'utf8').match(ids) ?? []).map((id) => `${id} in ${file}`);
    });
    expect(cited.filter((each) => !known.has(each.split(' ')[0] ?? ''))).toEqual([]);
  });

  it('has a unit test beside every file of the kernel that decides something', () => {
    const tests = new Set(
      readdirSync(join(ROOT, 'test', 'unit', 'coordinator', 'scheduler'), {
        recursive: true,
        encoding: 'utf8',
      }),
    );
    const deciding = [
      'stage-scheduler',
      'execution-policy',
      'placement',
      'recovery',
      'fault-tolerant',
    ].flatMap((folder) => readdirSync(join(KERNEL, folder)).map((file) => `${folder}/${file}`));
    const shared = new Set([
      'stage-scheduler/stage-scheduler.ts',
      'stage-scheduler/scan-feeding.ts',
      'stage-scheduler/fixed-tasks.ts',
      'execution-policy/execution-policy.ts',
      'execution-policy/fragment-inputs.ts',
      'placement/node-selector.ts',
      'recovery/recovery-policy.ts',
      'recovery/symptoms.ts',
      'fault-tolerant/fault-tolerant-options.ts',
      'fault-tolerant/split-assignment.ts',
    ]);
    const missing = deciding.filter(
      (file) => !shared.has(file) && !tests.has(file.replace('.ts', '.test.ts')),
    );
    expect(missing).toEqual([]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles, parseSource, readSources, ROOT } from './source-files.ts';
import { machinePaths, tidyViolations } from './tidy-rules.ts';

const FOLDERS = ['services', 'test', 'bench', 'scripts', 'bin'];
const BINARY = /\.(parquet|binpb|png|arrow|arrows)$/;

describe('the tree', () => {
  it('is tidy', () => {
    expect(tidyViolations(readSources(FOLDERS))).toEqual([]);
  });

  it('has kebab-case folders', () => {
    const folders = new Set(
      FOLDERS.flatMap((root) => listFiles(root)).flatMap((path) => path.split('/').slice(0, -1)),
    );
    expect([...folders].filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
  });

  it('names no path of anybody’s machine', () => {
    const rootFiles = readdirSync(ROOT, { withFileTypes: true })
      // A work tree of its own has a file there.
      .filter((entry) => entry.isFile() && entry.name !== '.git')
      .map((entry) => entry.name);
    const folders = [...FOLDERS, '.ci', 'proto', 'clients', 'deploy', 'examples'];
    const paths = [...rootFiles, ...folders.flatMap((folder) => listFiles(folder))];
    const violations = paths
      .filter((path) => !BINARY.test(path))
      .flatMap((path) => machinePaths(path, readFileSync(join(ROOT, path), 'utf8')));
    expect(violations).toEqual([]);
  });

  it('names no package registry in its lockfile', () => {
    const lockfile = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    expect(lockfile).toContain('"lockfileVersion"');
    expect(lockfile).not.toContain('"resolved": "http');
  });
});

describe('the tidy rules', () => {
  const path = 'services/worker/task/x.ts';
  const violations = (text: string, name = path): readonly string[] =>
    tidyViolations([parseSource(name, text)]);
  const lines = (count: number): string => 'f();\n'.repeat(count);

  it.each([
    ['a long file', lines(401), '401 lines'],
    ['a long function', `export function f() {\n${lines(69)}}`, 'function of 71 lines'],
    ['a long method', `class A {\n f() {\n${lines(69)}}\n}`, 'x.ts:2: function of 71 lines'],
    ['many parameters', 'const f = (a, b, c, d) => a;', '4 positional parameters'],
    ['many constructor parameters', 'class A { constructor(a, b, c, d) {} }', '4 positional'],
    ['many dependencies', 'interface ADeps { a; b; c; d; e; f; g }', '7 dependencies'],
    ['unfinished work', ['// TO', 'DO: later'].join(''), 'unfinished'],
    ['any', 'const a = b as any;', 'no any'],
    ['a default export', 'export default 1;', 'no default exports'],
    ['a banned word', 'export class QueryManager {}', 'banned word in QueryManager: Manager'],
    ['a banned constant', 'export const retryUtils = {};', 'banned word in retryUtils: Utils'],
    ['a banned re-export', `export { JobState } from './y.ts';`, 'banned word in JobState: Job'],
  ])('refuse %s', (_, text, message) => {
    expect(violations(text)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ['camelCase', 'services/worker/task/taskState.ts'],
    ['a barrel', 'services/worker/task/index.ts'],
    ['a banned word', 'services/common/string-utils.ts'],
  ])('refuse %s as a file name', (_, name) => {
    expect(violations('', name)).toHaveLength(1);
  });

  it('allow what the limits allow', () => {
    const text = [
      'export class TaskManager {}',
      'export const information = 1;',
      'rows.reduce((a, b, c, d) => a);',
      `describe('x', () => {\n${lines(80)}});`,
      'interface ADeps { a; b; c; d; e; f }',
    ];
    expect(violations(text.join('\n'))).toEqual([]);
  });

  it('see machine paths, and only those', () => {
    const home = ['', 'home', 'someone', 'skein'].join('/');
    expect(machinePaths('README.md', `cd ${home}\nsee docs/home/page`)).toEqual([
      `README.md:1: ${home}`,
    ]);
  });
});

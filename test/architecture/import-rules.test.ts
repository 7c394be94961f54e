import { describe, expect, it } from 'vitest';
import { globalViolations, importViolations, unplacedFiles } from './import-rules.ts';
import { parseSource, readSources } from './source-files.ts';

const sources = readSources(['services', 'test', 'bench', 'scripts', 'bin']);

describe('the tree', () => {
  it('has every file of services/ in the table of layers', () => {
    expect(unplacedFiles(sources)).toEqual([]);
  });

  it('keeps the import rules', () => {
    expect(importViolations(sources)).toEqual([]);
  });

  it('takes time, chance and environment only where its layer may', () => {
    expect(globalViolations(sources)).toEqual([]);
  });
});

describe('the import rules', () => {
  const violations = (path: string, ...specifiers: readonly string[]): readonly string[] =>
    importViolations([parseSource(path, specifiers.map((s) => `import '${s}';`).join('\n'))]);

  it.each([
    [
      'services/coordinator/scheduler/x.ts',
      '../runtime/ports.ts',
      '[pure] must not import [local]',
    ],
    ['services/coordinator/scheduler/x.ts', 'node:crypto', '[pure] must not import node:crypto'],
    ['services/gateway/result/x.ts', '../rpc/server.ts', '[local] must not import [io]'],
    ['services/gateway/result/x.ts', 'node:fs', '[local] must not import node:fs'],
    ['services/gateway/rpc/x.ts', '../../worker/rpc/y.ts', 'services/gateway must not import'],
    ['services/common/rpc/x.ts', '../../worker/config.ts', 'services/common must not import'],
    ['services/cli/sql.ts', '../worker/main.ts', 'services/cli must not import services/worker'],
    ['services/worker/spool/x.ts', '../../../proto/gen/skein/v1/query.ts', 'wire types only'],
    ['services/worker/spool/x.ts', '@grpc/grpc-js', '@grpc/grpc-js is not for this folder'],
    ['services/worker/rpc/x.ts', '@duckdb/node-api/lib', '@duckdb/node-api is not for this folder'],
    ['services/worker/rpc/x.ts', 'pino', 'pino is not for this folder'],
    ['services/worker/rpc/x.ts', 'node:timers/promises', 'node:timers/promises is not for'],
    [
      'services/coordinator/scheduler/recovery/x.ts',
      './fail-query.ts',
      'must not know its sibling',
    ],
    ['services/common/rpc/x.ts', './channel', 'needs a file extension'],
    ['services/common/rpc/x.ts', '../../../test/support/clock.ts', 'must not import test/'],
  ])('refuse in %s an import of %s', (path, specifier, message) => {
    expect(violations(path, specifier)).toEqual([expect.stringContaining(message)]);
  });

  it.each([
    ['services/coordinator/runtime/x.ts', '../scheduler/query-state.ts'],
    ['services/coordinator/scheduler/recovery/fail-query.ts', './recovery-policy.ts'],
    ['services/cli/embedded/cluster.ts', '../../worker/main.ts'],
    ['services/cli/embedded/cluster.ts', '../../worker/config.ts'],
    ['services/worker/rpc/x.ts', '../../../proto/gen/skein/internal/v1/task.ts'],
    ['services/common/duckdb/x.ts', '@duckdb/node-api'],
    ['services/worker/main.ts', 'pino'],
    ['services/common/page/x.ts', 'flatbuffers'],
  ])('allow in %s an import of %s', (path, specifier) => {
    expect(violations(path, specifier)).toEqual([]);
  });

  it('see re-exports, dynamic imports and import types, with their lines', () => {
    const text = [
      `export { a } from '../rpc/a.ts';`,
      `const b = await import('../rpc/b.ts');`,
      `type C = import('../rpc/c.ts').C;`,
    ];
    const found = importViolations([parseSource('services/worker/task/x.ts', text.join('\n'))]);
    expect(found).toEqual(
      [1, 2, 3].map((line) => expect.stringContaining(`x.ts:${line}: [local]`)),
    );
  });

  it('miss no new folder', () => {
    expect(unplacedFiles([parseSource('services/worker/misc/x.ts', '')])).toHaveLength(1);
    expect(unplacedFiles([parseSource('services/worker/task/deep/x.ts', '')])).toEqual([]);
  });
});

describe('the rules on globals', () => {
  const violations = (path: string, text: string): readonly string[] =>
    globalViolations([parseSource(path, text)]);
  const pure = 'services/coordinator/scheduler/x.ts';
  const local = 'services/coordinator/runtime/x.ts';
  const io = 'services/coordinator/rpc/x.ts';

  it.each([
    [pure, 'const t = Date.now();'],
    [pure, 'const t = new Date();'],
    [pure, 'const r = Math.random();'],
    [pure, 'setTimeout(() => {}, 1);'],
    [pure, 'queueMicrotask(() => {});'],
    [pure, 'const pid = process.pid;'],
    [local, 'const id = crypto.randomUUID();'],
    [local, 'setTimeout(() => {}, 1);'],
    [io, 'const t = Date.now();'],
    [io, 'const home = process.env.HOME;'],
  ])('refuse in %s: %s', (path, text) => {
    expect(violations(path, text)).toHaveLength(1);
  });

  it.each([
    [pure, 'const text = new Date(now).toISOString();'],
    [pure, 'const fields = { process: 1, crypto: 2 }; fields.process;'],
    [pure, 'interface Task { readonly process: string }'],
    [local, 'queueMicrotask(() => {});'],
    [io, 'setImmediate(() => {}); const id = crypto.randomUUID();'],
    ['services/worker/config.ts', 'const home = process.env.HOME;'],
    ['services/common/system-clock.ts', 'const now = () => Date.now();'],
  ])('allow in %s: %s', (path, text) => {
    expect(violations(path, text)).toEqual([]);
  });
});

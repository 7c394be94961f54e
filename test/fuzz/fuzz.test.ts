import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FuzzRun } from './fuzz-run.ts';

const SEED_COUNT = 1000;
const TIME_LIMIT_MS = 300_000;

let directory: string;
let run: FuzzRun;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-fuzz-'));
  run = await FuzzRun.open(directory);
});

afterAll(async () => {
  await run[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe('random statements', () => {
  it(
    'have the rows, or the error, that plain DuckDB has',
    async () => {
      for (let seed = 1; seed <= SEED_COUNT; seed += 1) {
        const { finding } = await run.try(seed);
        const isDifferent = finding?.outcome.kind === 'different';
        expect(isDifferent ? finding : undefined, `seed ${seed}`).toBeUndefined();
      }
    },
    TIME_LIMIT_MS,
  );
});

describe('statements that once differed', () => {
  it.each(readStatements('regressions.sql'))('%s', async (sql) => {
    for (const taskCount of [1, 3]) {
      for (const broadcast_threshold of ['0', '32MiB']) {
        const outcome = await run.compare(sql, { taskCount, properties: { broadcast_threshold } });
        expect(outcome.kind).toMatch(/^same-/);
      }
    }
  });
});

/** Each is ended by `;` at the end of a line; comment lines are left out. */
function readStatements(file: string): readonly string[] {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
    .replaceAll(/^--.*\n/gm, '')
    .split(/;\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

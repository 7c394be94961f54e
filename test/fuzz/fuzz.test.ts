import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FuzzRun } from './fuzz-run.ts';
import { writeFuzzTables } from './fuzz-tables.ts';
import { readKept } from './kept-statements.ts';

const SEED_COUNT = 1000;
const TIME_LIMIT_MS = 900_000;
const KEPT = fileURLToPath(new URL('regressions.sql', import.meta.url));

/** One for each core that tests may count on. */
const RUN_COUNT = 2;

let directory: string;
let runs: readonly FuzzRun[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-fuzz-'));
  await writeFuzzTables(directory);
  const opening = Array.from({ length: RUN_COUNT }, async () => await FuzzRun.open(directory));
  runs = await Promise.all(opening);
}, TIME_LIMIT_MS);

afterAll(async () => {
  for (const run of runs) await run[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe('random statements', () => {
  it(
    'have the rows, or the error, that plain DuckDB has',
    async () => {
      const everyOther = async (run: FuzzRun, first: number): Promise<void> => {
        for (let seed = first; seed <= SEED_COUNT; seed += RUN_COUNT) {
          const { finding } = await run.try(seed);
          const isDifferent = finding?.outcome.kind === 'different';
          expect(isDifferent ? finding : undefined, `seed ${seed}`).toBeUndefined();
        }
      };
      await Promise.all(runs.map(async (run, index) => await everyOther(run, index + 1)));
    },
    TIME_LIMIT_MS,
  );
});

describe('statements that once differed', () => {
  it.each(readKept(KEPT))('$sql', async ({ sql, options }) => {
    const thresholds = ['0', '32MiB'];
    const usual = [1, 3].flatMap((taskCount) =>
      thresholds.map((broadcast_threshold) => ({ taskCount, properties: { broadcast_threshold } })),
    );
    for (const each of options === undefined ? usual : [options, ...usual]) {
      const outcome = await present(runs[0]).compare(sql, each);
      expect(outcome.kind, JSON.stringify(outcome)).toMatch(/^same-/);
    }
  });
});

function present(run: FuzzRun | undefined): FuzzRun {
  if (run === undefined) throw new Error('there is a run');
  return run;
}

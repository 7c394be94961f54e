import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Tampering } from './fuzz-oracle.ts';
import { FuzzReport } from './fuzz-report.ts';
import { FuzzRun } from './fuzz-run.ts';
import { writeFuzzTables } from './fuzz-tables.ts';
import { readKept } from './kept-statements.ts';

const TIME_LIMIT_MS = 120_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-kept-'));
  await writeFuzzTables(directory);
});
afterAll(async () => await rm(directory, { recursive: true }));

const OPERATOR = 'SEMI JOIN';
/** The planted bug: where there is such a join, a row is lost. */
const losesRow: Tampering = ({ rows, ...answer }, sql) => ({
  ...answer,
  rows: sql.includes(OPERATOR) ? rows.slice(1) : rows,
});

it(
  'keeps what a search finds, reduced, in the form that the tests read',
  async () => {
    const file = join(directory, 'kept.sql');
    const printed: string[] = [];
    const report = new FuzzReport((line) => printed.push(line), file);
    await using broken = await FuzzRun.open(directory, { tampering: losesRow });
    let seed = 0;
    while (report.failed === 0) {
      seed += 1;
      report.onTrial(seed, await broken.try(seed));
    }
    const [kept, ...others] = readKept(file);
    expect(others).toEqual([]);
    const sql = kept?.sql ?? '';
    expect(printed.join('\n')).toContain(`${sql};\n`);
    expect(sql).toContain(OPERATOR);
    expect(sql.length).toBeLessThan(broken.sqlOf(seed).length);

    const options = kept?.options ?? { taskCount: 1 };
    expect(await broken.compare(sql, options)).toMatchObject({ kind: 'different' });
    await using mended = await FuzzRun.open(directory);
    expect(await mended.compare(sql, options)).toMatchObject({ kind: 'same-rows' });

    report.onTrial(seed, await broken.try(seed));
    expect(readKept(file), 'kept once').toHaveLength(1);
  },
  TIME_LIMIT_MS,
);

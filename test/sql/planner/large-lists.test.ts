import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { PlannerOracle } from '../../support/planner-oracle.ts';

let directory: string;
let oracle: PlannerOracle;

beforeAll(async () => {
  directory = await writeNullTables();
  oracle = await PlannerOracle.open(directory);
});

afterAll(async () => {
  await oracle.close();
  await rm(directory, { recursive: true });
});

function listOf(length: number, item: (index: number) => string): string {
  return Array.from({ length }, (_, index) => item(index)).join(', ');
}

const ODD_STRINGS = ["'red'", "'Ünï'", "''", "'it''s'", "'a\\b\"c'", "E'two\\nlines'", "'NULL'"];
const strings = listOf(2000, (i) => ODD_STRINGS[i] ?? `'string ${i}'`);
const integers = listOf(2000, (i) => String(i * 3 - 3000));
const dates = listOf(700, (i) => `DATE '2024-01-15' + ${i}`);
const decimals = listOf(700, (i) => `${i}.25`);
/** Longer than what DuckDB estimates beside serializing. */
const many = listOf(30_000, (i) => `'string ${i}'`);

describe('lists of many constants', () => {
  it.each([
    ['strings', `SELECT k, g FROM n1 WHERE g IN (${strings})`],
    ['strings and NULL', `SELECT k, g, g IN (${strings}, NULL) AS r FROM n1`],
    ['strings, negated', `SELECT k, g FROM n1 WHERE g NOT IN (${strings})`],
    ['integers', `SELECT k, v, v IN (${integers}) AS r FROM n1`],
    ['dates', `SELECT k, d FROM n1 WHERE d IN (${dates})`],
    ['decimals', `SELECT k, m FROM n1 WHERE m IN (${decimals})`],
    ['rows', `SELECT k, v FROM n1 WHERE (k, v) IN (${listOf(900, (i) => `(${i % 20}, ${i})`)})`],
    ['VALUES', `SELECT a, b FROM (VALUES ${listOf(800, (i) => `(${i}, 'b ${i}')`)}) AS t(a, b)`],
    ['more strings', `SELECT count(*) AS n FROM n1 WHERE g IN ('red', ${many})`],
  ])('equal DuckDB: %s', async (_what, sql) => {
    const { plan, difference } = await oracle.compare(sql, { taskCount: 2 });
    expect(difference).toBeUndefined();
    expect(plan.rung).not.toBe('whole');
  });
});

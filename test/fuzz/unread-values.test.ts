import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FuzzOracle } from './fuzz-oracle.ts';
import { writeFuzzTables } from './fuzz-tables.ts';
import { node, printSql, treesWithout } from './sql-tree.ts';

const TIME_LIMIT_MS = 120_000;
const OVERFLOW = 'mean(170141183460469231731687303715884105727::HUGEINT) OVER ()';

let directory: string;
let oracle: FuzzOracle;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'skein-unread-'));
  await writeFuzzTables(directory);
  oracle = await FuzzOracle.open(directory);
}, TIME_LIMIT_MS);
afterAll(async () => {
  await oracle[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const unread = (value: string, filter = ''): string =>
  `SELECT k FROM (SELECT k, ${value} AS unread FROM first ${filter})`;

async function kindOf(without: readonly (readonly [string, string])[]): Promise<string> {
  const options = { taskCount: 1, properties: { distribution: 'never' } };
  const query = { sql: unread(OVERFLOW), isOrdered: false, options, without };
  return (await oracle.compare(query)).kind;
}

describe('an error of a value that DuckDB alone computes', () => {
  it('is known once DuckDB answers the same rows with any value in its place', async () => {
    expect(await kindOf([[unread('NULL'), unread('1')]])).toBe('known');
  });

  it('is a difference where the answer is another one with another value', async () => {
    expect(await kindOf([[unread('NULL'), unread('1', 'WHERE k < 3')]])).toBe('different');
    expect(await kindOf([[unread('NULL', 'WHERE k < 3'), unread('1')]])).toBe('different');
  });

  it('is a difference where nothing in its place helps', async () => {
    expect(await kindOf([[unread(OVERFLOW), unread(OVERFLOW)]])).toBe('different');
  });
});

describe('treesWithout', () => {
  it('replaces each expression, by NULL and by a value of its type', () => {
    const sum = node(
      'BIGINT',
      '+',
      node('BIGINT', 'column', 'k'),
      ' + ',
      node('INTEGER', 'n', '2'),
    );
    const list = { before: 'SELECT ', items: [sum], between: ', ', after: '', min: 1 };
    const pairs = [...treesWithout(node('relation', 'select', list))];
    expect(pairs.map((pair) => pair.map(printSql))).toEqual([
      ['SELECT NULL::BIGINT', 'SELECT 1::BIGINT'],
      ['SELECT NULL::BIGINT + 2', 'SELECT 1::BIGINT + 2'],
      ['SELECT k + NULL::INTEGER', 'SELECT k + 1::INTEGER'],
    ]);
  });
});

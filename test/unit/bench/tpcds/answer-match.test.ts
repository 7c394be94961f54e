import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differenceFromOracle } from '../../../../bench/tpcds/answer-match.ts';
import type { Answer } from '../../../../bench/tpch/answer.ts';
import { PlainDuckDB } from '../../../support/plain-duckdb.ts';

let duckdb: PlainDuckDB;
beforeAll(async () => {
  duckdb = await PlainDuckDB.open();
  await duckdb.run(`CREATE TABLE points AS FROM (VALUES
    ('a', 1, 2.5), ('b', 1, NULL), ('c', 2, 0.5), ('d', 2, 7.0)) AS points(name, grade, share)`);
});
afterAll(() => duckdb[Symbol.dispose]());

/** The answer with its rows in another order, or fewer of them. */
async function rearranged(sql: string, ...positions: readonly number[]): Promise<Answer> {
  const { columns, rows } = await duckdb.answer(sql);
  return { columns, rows: positions.map((position) => rows[position] ?? []) };
}

describe('differenceFromOracle', () => {
  it.each([
    ['nothing is ordered', 'SELECT name, grade FROM points', [3, 1, 0, 2]],
    ['ties', 'SELECT name, grade FROM points ORDER BY grade DESC', [1, 0, 3, 2]],
    ['ties in an expression', 'SELECT name, grade FROM points ORDER BY grade * 2', [1, 0, 3, 2]],
    ['a key that no column has', 'SELECT name FROM points ORDER BY share', [1, 0, 2, 3]],
  ])('takes another sequence: %s', async (_why, sql, positions) => {
    const answer = await rearranged(sql, ...positions);
    expect(await differenceFromOracle(duckdb, sql, answer)).toBeUndefined();
  });

  it.each([
    ['a column', 'SELECT name, grade FROM points ORDER BY points.grade'],
    ['a position', 'SELECT name, grade FROM points ORDER BY 2'],
    ['an expression', 'SELECT name, grade FROM points ORDER BY CASE WHEN grade = 1 THEN 9 END'],
    [
      'an aggregate',
      'SELECT grade, count(*), sum(share) FROM points GROUP BY ALL ORDER BY sum(share)',
    ],
    ['a union', 'SELECT name FROM points UNION SELECT name || name FROM points ORDER BY name'],
  ])('sees a wrong sequence by %s', async (_key, sql) => {
    const { rows } = await duckdb.answer(sql);
    const answer = await rearranged(sql, ...[...rows.keys()].toReversed());
    expect(await differenceFromOracle(duckdb, sql, answer)).toContain('the order: row');
  });

  const limited = 'SELECT name, grade FROM points ORDER BY grade LIMIT 3';

  it('takes any of the rows that tie at a LIMIT, and no other', async () => {
    const all = await duckdb.answer('SELECT name, grade FROM points ORDER BY name');
    const answer = (...names: readonly string[]): Answer => ({
      ...all,
      rows: names.map((name) => all.rows.find(([found]) => found === name) ?? [name, '2']),
    });
    for (const third of ['c', 'd']) {
      expect(await differenceFromOracle(duckdb, limited, answer('b', 'a', third))).toBeUndefined();
    }
    expect(await differenceFromOracle(duckdb, limited, answer('a', 'b', 'x'))).toBe(
      'row (x, 2) is too much',
    );
    expect(await differenceFromOracle(duckdb, limited, answer('a', 'a', 'c'))).toBe(
      'row (a, 1) is too much',
    );
    expect(await differenceFromOracle(duckdb, limited, answer('a', 'b'))).toBe('2 rows, not 3');
  });
});

import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { answerDifference, readArrowAnswer, type Answer } from '../../../../bench/tpch/answer.ts';

const COLUMNS = [
  { name: 'name', type: 'VARCHAR' },
  { name: 'share', type: 'DOUBLE' },
];

function answer(...rows: Answer['rows']): Answer {
  return { columns: COLUMNS, rows };
}

describe('answerDifference', () => {
  const unordered = 'SELECT name, share FROM t;';
  const byName = 'SELECT name, share FROM t ORDER BY name DESC\nLIMIT 10;';

  it('takes rows as a multiset when nothing orders them', () => {
    const expected = answer(['a', '1'], ['b', '2'], ['b', '2']);
    expect(
      answerDifference(answer(['b', '2'], ['a', '1'], ['b', '2']), expected, unordered),
    ).toBeUndefined();
    expect(
      answerDifference(answer(['b', '2'], ['a', '1'], ['a', '1']), expected, unordered),
    ).toContain('row (');
  });

  it('holds rows to the ORDER BY, with ties free', () => {
    const expected = answer(['b', '1'], ['b', '2'], ['a', '3']);
    expect(
      answerDifference(answer(['b', '2'], ['b', '1'], ['a', '3']), expected, byName),
    ).toBeUndefined();
    expect(answerDifference(answer(['a', '3'], ['b', '1'], ['b', '2']), expected, byName)).toBe(
      'row (a), not (b)',
    );
  });

  it('allows doubles 1e-12 of their size, and nothing else any difference', () => {
    const expected = answer(['a', '1000']);
    expect(answerDifference(answer(['a', '1000.0000000001']), expected, unordered)).toBeUndefined();
    expect(answerDifference(answer(['a', '1000.00000001']), expected, unordered)).toContain('row');
    expect(answerDifference(answer(['a', null]), expected, unordered)).toContain('row');
    expect(answerDifference(answer(['a ', '1000']), expected, unordered)).toContain('row');
  });

  it('compares names, types and the number of rows', () => {
    const expected = answer(['a', '1']);
    const renamed = { columns: [{ name: 'n', type: 'VARCHAR' }, COLUMNS[1]!], rows: expected.rows };
    const retyped = {
      columns: [COLUMNS[0]!, { name: 'share', type: 'FLOAT' }],
      rows: expected.rows,
    };
    expect(answerDifference(renamed, expected, unordered)).toContain('columns (n VARCHAR');
    expect(answerDifference(retyped, expected, unordered)).toContain('share FLOAT');
    expect(answerDifference(answer(), expected, unordered)).toBe('0 rows, not 1');
  });
});

describe('readArrowAnswer', () => {
  it('reads an Arrow IPC stream into text, with DuckDB’s names of the types', () => {
    const table = tableFromArrays({
      count: BigInt64Array.of(9_007_199_254_740_993n, -1n),
      share: Float64Array.of(0.5, 2),
    });
    expect(readArrowAnswer(tableToIPC(table, 'stream'))).toEqual({
      columns: [
        { name: 'count', type: 'BIGINT' },
        { name: 'share', type: 'DOUBLE' },
      ],
      rows: [
        ['9007199254740993', '0.5'],
        ['-1', '2.0'],
      ],
    });
  });
});

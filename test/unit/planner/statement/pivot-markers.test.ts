import { describe, expect, it } from 'vitest';
import { markPivots } from '../../../../services/planner/statement/pivot-markers.ts';

describe('a PIVOT without values', () => {
  const mark = (index: number): string => ` IN ('skein pivot ${index}')`;

  it.each<[string, string]>([
    ['PIVOT t ON a USING sum(b)', `PIVOT t ON a${mark(1)} USING sum(b)`],
    ['pivot t on a, b -- both\n;', `pivot t on a${mark(1)}, b${mark(2)} -- both\n;`],
    [
      "PIVOT t ON a IN ('x', 'y'), b || ')' GROUP BY c",
      `PIVOT t ON a IN ('x', 'y'), b || ')'${mark(1)} GROUP BY c`,
    ],
    [
      'PIVOT (SELECT f(a, b) AS x FROM t JOIN u ON t.i = u.i) ON x',
      `PIVOT (SELECT f(a, b) AS x FROM t JOIN u ON t.i = u.i) ON x${mark(1)}`,
    ],
    [
      'PIVOT a JOIN b USING (i) ON (x, y) USING max(z)',
      `PIVOT a JOIN b USING (i) ON (x, y)${mark(1)} USING max(z)`,
    ],
    [
      'WITH c AS (PIVOT_WIDER t ON a USING sum(b)) PIVOT c ON d',
      `WITH c AS (PIVOT_WIDER t ON a${mark(1)} USING sum(b)) PIVOT c ON d${mark(2)}`,
    ],
  ])('gets a marker: %s', (sql, marked) => {
    expect(markPivots(sql).sql).toBe(marked);
  });

  it.each([
    'SELECT 1 AS pivot',
    'PIVOT t ON a IN (1, 2) USING sum(b)',
    'FROM t PIVOT (sum(n) FOR x IN (1, 2)) p JOIN u ON p.s = u.s',
    "SELECT 'PIVOT t ON a'",
  ])('is not in %s', (sql) => {
    expect(markPivots(sql)).toEqual({ sql, markerCount: 0 });
  });
});

import { describe, expect, it } from 'vitest';
import { mayChangeSession } from '../../../../services/coordinator/query/may-change-session.ts';

describe('whether a statement may change its session', () => {
  it.each([
    'SELECT 1',
    ' select 1',
    '-- SET\n(SELECT 1) UNION ALL (SELECT 2)',
    '/* CREATE */ ; FROM t',
    'with x AS (SELECT 1) FROM x',
    'EXPLAIN ANALYZE SELECT 1',
    'EXECUTE p(1)',
  ])('is no for %s', (sql) => {
    expect(mayChangeSession(sql)).toBe(false);
  });

  it.each([
    'SET x = 1',
    'reset x',
    'USE other',
    'PREPARE p AS SELECT 1',
    'DEALLOCATE p',
    'CREATE TEMP VIEW v AS SELECT 1',
    'DROP VIEW v',
    '',
    '/* not closed SELECT 1',
    '"SELECT" 1',
    'SELECTED',
    '-- a line ends here, too\rPREPARE p AS\nSELECT 1',
  ])('is yes for %s', (sql) => {
    expect(mayChangeSession(sql)).toBe(true);
  });
});

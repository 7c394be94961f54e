/** Statements that are wrong, each in one way: the code of its error is compared. */
import { node, type SqlNode } from '../sql-tree.ts';
import { exactColumns, type Grammar, type Relation } from './relation.ts';

/** `$` is a column: each is an error for some row or for the binder. */
const VALUES = [
  "CAST('x' || $::VARCHAR AS INTEGER)",
  '(9223372036854775807 + length($::VARCHAR) + 1)::BIGINT',
  'CAST(length($::VARCHAR) + 1000 AS TINYINT)',
  'factorial(length($::VARCHAR)::INTEGER + 60)',
  "error('wrong ' || ($ IS NULL)::VARCHAR)",
  'CAST(length($::VARCHAR) + 100 AS DECIMAL(3,1))',
  '$ + nowhere',
  'no_such_function($)',
  'sum(sum($))',
  'length($, $, $)',
  "strptime($::VARCHAR || 'x', '%Y')",
  "($::VARCHAR || '-02-30')::DATE",
  'sqrt(-1 - length($::VARCHAR))',
  '(SELECT unnest([1, 2]) WHERE $ IS NOT NULL)',
  '$ $',
  "date_trunc('never', DATE '2024-01-01' + length($::VARCHAR)::INTEGER)",
  "CAST('x' || $::VARCHAR AS UUID)",
  "CAST('[' || $::VARCHAR AS INTEGER[])",
  "CAST('{' || length($::VARCHAR) AS JSON)",
  "CAST('x' || length($::VARCHAR) AS ENUM('a', 'b'))",
  "CAST(length($::VARCHAR) || ' parsecs' AS INTERVAL)",
  "CAST('x' || length($::VARCHAR) AS TIMESTAMP WITH TIME ZONE)",
  "regexp_matches($::VARCHAR, '(' || repeat('x', 1))",
  'chr(-1 - length($::VARCHAR)::INTEGER)',
  'ln(-1 - length($::VARCHAR))',
  '(length($::VARCHAR) + 1) << 70',
  'CAST(repeat([1], length($::VARCHAR) + 1) AS INTEGER[1000])',
  "list_aggregate([length($::VARCHAR)], 'no_such_aggregate')",
  'CAST(- length($::VARCHAR) - 1 AS UBIGINT)',
  'CAST(1e300 * (length($::VARCHAR) + 1) AS FLOAT)',
  'make_date(2024, 13, length($::VARCHAR)::INTEGER)',
  'struct_extract({a: $}, 0)',
  "struct_extract({a: $}, 'b')",
  '({a: $}).b',
  '$::no_such_type',
  'CASE WHEN $ IS NULL THEN 1 ELSE [2] END',
  'row_number()',
  'row_number() OVER nowhere',
  'sum(length($::VARCHAR)) OVER (ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING)',
  'ntile(0 * length($::VARCHAR)) OVER ()',
  'quantile_cont(length($::VARCHAR), 2)',
  'max(1) FILTER (WHERE $::VARCHAR || 1)',
  '$ COLLATE nowhere',
  "map(['a', 'a'], [1, length($::VARCHAR)])",
  "$::VARCHAR LIKE 'a' ESCAPE 'bc'",
  "json_extract('{', '$' || left($::VARCHAR, 0))",
  "bitstring('2' || left($::VARCHAR, 0), 4)",
  "'1'::BIT & '11'::BIT || left($::VARCHAR, 0)::BIT",
  "strftime(DATE '2024-01-01', 1 + length($::VARCHAR))",
  "EXTRACT(never FROM DATE '2024-01-01' + length($::VARCHAR)::INTEGER)",
  "TIMESTAMP '2024-01-01' AT TIME ZONE ('Nowhere/' || length($::VARCHAR))",
];

/** `#` is a relation, `$` one of its columns. */
const STATEMENTS = [
  'SELECT * FROM no_such_table, #',
  'SELECT * FROM no_such_schema.first, #',
  'SELECT * FROM # WHERE nowhere = 1',
  'SELECT $ FROM # GROUP BY 1 + 1',
  'SELECT $ FROM # ORDER BY 99',
  'SELECT $ FROM # GROUP BY 99',
  'SELECT $ FROM # LIMIT -1',
  "SELECT $ FROM # LIMIT 'x'",
  'SELECT $ FROM # UNION ALL SELECT 1, 2',
  'SELECT $ FROM # AS t(c1, c1)',
  'SELECT $ FROM # WHERE sum(1) > 0',
  'SELECT $ FROM # HAVING nowhere > 0',
  'SELECT $ FROM # a JOIN # b USING (nowhere)',
  'SELECT $ FROM # a JOIN # b ON true',
  'SELECT a.nowhere FROM # a',
  'SELECT * EXCLUDE (nowhere) FROM #',
  'SELECT nowhere.* FROM #',
  "SELECT COLUMNS('no_such_.*') FROM #",
  'SELECT * FROM # WHERE $ IN (SELECT 1, 2)',
  'SELECT (SELECT $, $) FROM #',
  'SELECT $ FROM # FROM #',
  'SELECT * FROM # QUALIFY $ > 0 AND nowhere',
  'SELECT * FROM # JOIN #',
  'WITH c AS (SELECT * FROM #), c AS (SELECT 1) SELECT * FROM c',
  'WITH RECURSIVE c AS (SELECT $ FROM # UNION ALL SELECT count(*) FROM nowhere) SELECT * FROM c',
  'SELECT * FROM no_such_function(1), #',
  'SELECT * FROM range(1, 2, 0)',
  'SELECT * FROM range(1, 2, 3, 4), #',
  'SELECT $ FROM # GROUP BY ROLLUP ($), GROUPING SETS (())  WHERE 1',
  'VALUES (1), (1, 2)',
  'SELECT * FROM (VALUES (1)) t(a, b), #',
  'DESCRIBE no_such_table',
  'SUMMARIZE no_such_table',
  'PIVOT no_such_table ON a USING sum(b)',
  'SELECT * FROM # UNPIVOT (v FOR n IN (nowhere))',
  'SELECT * FROM # TABLESAMPLE 101%',
  'SELECT $ FROM # ASOF JOIN # ON true',
];

/** The error is above everything else: which rows it sees does not depend on a plan. */
export function failing(grammar: Grammar, relation: Relation): SqlNode | undefined {
  const { choice } = grammar;
  const [column] = choice.some(exactColumns(relation), 1);
  if (column === undefined) return undefined;
  const isOfValues = choice.chance(60);
  const template = isOfValues
    ? `SELECT ${choice.one(VALUES)} AS failure FROM #`
    : choice.one(STATEMENTS);
  const text = template.replaceAll(/\$(?!')/g, column.name);
  const [first = '', ...rest] = text.split('#');
  const parts = rest.flatMap((part) => [relation.sql, part]);
  return node('statement', isOfValues ? 'failing value' : 'failing statement', first, ...parts);
}

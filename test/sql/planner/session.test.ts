import { rm } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeNullTables } from '../../support/null-tables.ts';
import { SessionOracle } from '../../support/session-oracle.ts';

let directory: string;
let oracle: SessionOracle;

beforeAll(async () => {
  directory = await writeNullTables();
});
beforeEach(async () => {
  oracle = await SessionOracle.open(directory);
});

afterEach(async () => await oracle.close());
afterAll(async () => await rm(directory, { recursive: true }));

/** Each statement of a session answers what it answers in a session of plain DuckDB. */
async function expectSame(statements: readonly string[], isOrdered = false): Promise<void> {
  for (const sql of statements) {
    const { actual, expected } = await oracle.step(sql, isOrdered);
    expect({ sql, ...actual }).toEqual({ sql, ...expected });
  }
}

describe('a session', () => {
  it.each<[string, readonly string[]]>([
    [
      'views',
      [
        'CREATE TEMP VIEW v AS SELECT k, v AS w FROM n1 WHERE k > 1; -- the view',
        'CREATE OR REPLACE TEMPORARY VIEW "V 2" (a, "b c") AS (FROM v)',
        'SELECT "V 2".a, count(*) FROM "V 2" JOIN n2 ON n2.k = a GROUP BY ALL',
        'WITH n1 AS (SELECT 1 AS k) SELECT v.k FROM v, n1 ORDER BY ALL',
        'DESCRIBE v',
        'SHOW TABLES',
        'SUMMARIZE v',
        'SELECT * FROM temp.v x(i, j) POSITIONAL JOIN n3',
        'WITH n1 AS (SELECT 1 AS k) SELECT * FROM v POSITIONAL JOIN n1',
        'CREATE TEMP VIEW IF NOT EXISTS v AS SELECT 1',
        'SELECT count(*) FROM v',
        'CREATE OR REPLACE TEMP VIEW v AS SELECT 7 AS k, 8 AS w',
        'FROM "V 2"',
        'DROP VIEW "V 2"',
        'DROP VIEW IF EXISTS "V 2"',
        'CREATE TEMP VIEW n1 AS FROM memory.n1 LIMIT 0',
        'SELECT count(*) FROM n1',
        'SELECT count(*) FROM main.n1',
        'DROP VIEW temp.main.n1',
        'DROP VIEW v',
        'CREATE TEMP VIEW s AS FROM (SUMMARIZE n1)',
        'SELECT column_name, min, "count" FROM s',
        'CREATE TEMP VIEW d AS FROM (DESCRIBE n1)',
        'FROM d',
      ],
    ],
    [
      'macros',
      [
        'CREATE TEMP MACRO plus(a, b := 2) AS a + b',
        'CREATE OR REPLACE TEMP MACRO area(w) AS w * w, (w, h) AS plus(w * h, b := 0)',
        'CREATE TEMP MACRO above(low) AS TABLE SELECT * FROM n1 WHERE k > plus(low, b := 0)',
        'CREATE TEMP FUNCTION largest() AS (SELECT max(k) FROM n1)',
        'SELECT plus(1), plus(1, b := 5), area(3), area(3, 4), largest()',
        'SELECT g, sum(plus(k)) FROM above(1) GROUP BY g',
        `CREATE TEMP MACRO pair(a) AS TABLE (FROM n1 WHERE k = a), (a, b) AS TABLE (
          WITH n2 AS (SELECT 1 AS k) SELECT n1.k, a AS x, b AS y FROM n1 JOIN n2 USING (k)) -- the last`,
        "SELECT count(*) FROM pair(1) JOIN pair(2, ', (c) AS TABLE ') USING (k)",
        // With a key, a query runs whole, in a connection that knows no session.
        `WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, plus(1) UNION SELECT a, plus(b) FROM t WHERE b < area(3))
          FROM t JOIN n1 ON k = a`,
        `CREATE TEMP MACRO numbers(n UTINYINT := 3::UTINYINT) AS TABLE SELECT typeof(n) AS t, area(r) AS a FROM range(n) s(r)`,
        'WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT 1, 2 UNION SELECT a, b + 1 FROM t WHERE b < 5) FROM t, numbers(n := 2::UTINYINT)',
        'DROP MACRO TABLE numbers',
        'DROP MACRO TABLE pair',
        'DROP MACRO plus',
        'DROP FUNCTION largest',
        'DROP MACRO TABLE above',
        'DROP MACRO area',
      ],
    ],
    [
      'recursive expressions of the name of a table, which they begin with',
      [
        `WITH RECURSIVE n1 AS (SELECT k FROM n1 UNION ALL SELECT k + 100 FROM n1 WHERE k < 50)
          SELECT count(*), max(k) FROM n1`,
        `CREATE TEMP VIEW r AS WITH RECURSIVE n2 AS (SELECT k FROM n2 UNION SELECT k + 1 FROM n2 WHERE k < 50) FROM n2`,
        'SELECT count(*), max(k) FROM r',
        'DROP VIEW r',
      ],
    ],
    [
      'prepared statements',
      [
        'PREPARE p AS SELECT k, ? AS x FROM n1 WHERE k > $2',
        "EXECUTE p('a''b', 1 + 1)",
        'EXECUTE P(1.50, -1)',
        'PREPARE named AS SELECT $a + 1 AS n, typeof($a), $b::VARCHAR',
        'EXECUTE named(b := [1, 2], a := 2::UTINYINT)',
        "EXECUTE named(a := DATE '2020-01-01', b := NULL)",
        'PREPARE d AS DESCRIBE n1',
        'PREPARE bits AS SELECT $a AS a, $b AS b, k FROM n1 WHERE k = $c',
        "EXECUTE bits(a := '1011'::BIT, b := '123456789012345678901234567890'::BIGNUM, c := 3)",
        'EXECUTE d',
        'PREPARE s AS SUMMARIZE SELECT k, v FROM n1 WHERE k <> $1',
        'EXECUTE s(2)',
        'DEALLOCATE PREPARE p',
        'DEALLOCATE nosuch',
      ],
    ],
    [
      'variables',
      [
        "SET VARIABLE x = 'a' || 'b'",
        'SET VARIABLE y TO [1, 2, NULL]::UTINYINT[]',
        "SELECT getvariable('x') AS x, getvariable('y') AS y, getvariable('z') AS z",
        "SELECT count(*) FROM n1 WHERE list_contains(getvariable('y'), k)",
        "SET VARIABLE x = len(getvariable('y')) + 1",
        "CREATE TEMP VIEW w AS SELECT getvariable('x') AS a",
        'FROM w',
        'SHOW VARIABLES',
        "WITH RECURSIVE t(a, b) USING KEY (a) AS (SELECT getvariable('x'), 2 UNION SELECT a, b + 1 FROM t WHERE b < 5) FROM t",
        'RESET VARIABLE y',
        'SHOW VARIABLES',
        'RESET VARIABLE x',
        'DROP VIEW w',
      ],
    ],
    [
      'a catalog of its own',
      [
        'USE other',
        'SELECT count(*) FROM n1 JOIN memory.n2 ON n1.k = n2.k',
        'SELECT current_database(), current_schema()',
        'SHOW TABLES',
        'SHOW SCHEMAS',
        'USE main',
        'SELECT current_database(), current_schema(), count(*) FROM main.n1',
        'USE memory.main',
        'SHOW TABLES FROM other',
        'SHOW DATABASES',
        'SHOW SCHEMAS',
        'SHOW ALL TABLES',
        'SHOW',
        "SELECT name FROM (SHOW ALL TABLES) WHERE database = 'other' AND list_contains(column_names, 'g')",
        "SELECT column_name FROM (DESCRIBE n1) WHERE column_type = 'INTEGER'",
      ],
    ],
    [
      'settings',
      [
        "SET TimeZone = 'America/New_York'",
        "SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00' AS t, t::VARCHAR AS s",
        "SET TIME ZONE 'Asia/Tokyo'",
        "SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00'::VARCHAR AS s",
        'RESET TimeZone',
        'SET SESSION integer_division = true',
        'SELECT k / 2 AS q, 7 / 2 AS r FROM n1',
        'SELECT a.k / 2 AS q FROM n1 a POSITIONAL JOIN n3 b',
        'RESET integer_division',
        'SET ieee_floating_point_ops TO false',
        'SELECT k::DOUBLE / 0 AS x FROM n1',
        'RESET SESSION ieee_floating_point_ops',
        "SET default_collation = 'NOCASE'",
        "SELECT g, count(*) FROM n1 WHERE g = 'RED' GROUP BY g",
        'SET default_collation = DEFAULT',
      ],
    ],
  ])('has %s', async (_, statements) => {
    await expectSame(statements);
  });

  it('sorts as its settings say', async () => {
    await expectSame(
      [
        "SET default_null_order = 'NULLS FIRST'",
        'SELECT k FROM n1 ORDER BY k',
        'SELECT list_sort(list(k)) AS l, list(k ORDER BY k) AS o FROM n1',
        "SET default_order = 'DESC'",
        'SELECT k, row_number() OVER (ORDER BY k, v, g) FROM n1 ORDER BY k, v, g',
        'SELECT list_sort(list(k)) AS l FROM n1',
        'RESET default_null_order',
        'RESET default_order',
      ],
      true,
    );
  });
});

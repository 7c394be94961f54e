import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordBatchReader } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { columnsOf, rowsOf } from '../../../../services/cli/format/batch-rows.ts';
import type { FormatName } from '../../../../services/cli/format/result-format.ts';
import { textFormat } from '../../../../services/cli/format/text-formats.ts';
import { PageFixture } from '../../../support/page-fixture.ts';
import { resultStream } from '../../../support/shown-texts.ts';

let fixture: PageFixture;
let directory: string;
beforeAll(async () => {
  fixture = await PageFixture.open();
  directory = mkdtempSync(join(tmpdir(), 'skein-formats-'));
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

type TextFormatName = Exclude<FormatName, 'arrow'>;

/** The statement's result as the command writes it. */
async function formatted(name: TextFormatName, sql: string): Promise<string> {
  const reader = RecordBatchReader.from(await resultStream(fixture, sql)).open();
  let text = '';
  const format = textFormat(name, async (part) => void (text += part));
  await format.begin(columnsOf(reader.schema));
  for (const batch of reader) await format.rows(rowsOf(batch));
  await format.end();
  return text;
}

/** The statement's result as DuckDB's COPY writes it. */
async function copied(format: string, sql: string): Promise<string> {
  const file = join(directory, 'copied');
  await fixture.run(`COPY (${sql}) TO '${file}' (FORMAT ${format})`);
  return readFileSync(file, 'utf8');
}

const PEOPLE = `SELECT * FROM (VALUES (1, 'Ada', 1.5::DOUBLE, NULL), (20, 'a|b', NULL, ['x']), (-3, '日本', 2e20, []))
  AS people(id, name, score, tags)`;
const NOTHING = `SELECT 1 AS id, 'x' AS name WHERE false`;
const LINES = `SELECT 'plan' AS key, E'first\\nsecond line\\n\\nlast' AS value, 1 AS n UNION ALL SELECT E'a\\tb\\rc', chr(27) || '[2J', 2`;

describe('the format table', () => {
  it('aligns columns, numbers to the right', async () => {
    expect(await formatted('table', PEOPLE)).toBe(`\
┌────┬──────┬───────┬──────┐
│ id │ name │ score │ tags │
├────┼──────┼───────┼──────┤
│  1 │ Ada  │   1.5 │ NULL │
│ 20 │ a|b  │  NULL │ [x]  │
│ -3 │ 日本 │ 2e+20 │ []   │
└────┴──────┴───────┴──────┘
(3 rows)
`);
  });

  it('shows an empty result', async () => {
    expect(await formatted('table', NOTHING)).toBe(`\
┌────┬──────┐
│ id │ name │
├────┼──────┤
└────┴──────┘
(0 rows)
`);
  });

  it('keeps line breaks and makes other control characters visible', async () => {
    expect(await formatted('table', LINES)).toBe(`\
┌─────────┬─────────────┬───┐
│ key     │ value       │ n │
├─────────┼─────────────┼───┤
│ plan    │ first      +│ 1 │
│         │ second line+│   │
│         │            +│   │
│         │ last        │   │
│ a\\tb\\rc │ \\x1b[2J     │ 2 │
└─────────┴─────────────┴───┘
(2 rows)
`);
  });

  it('streams: rows behind the sample are written at once, wider ones lose nothing', async () => {
    const sql = `SELECT CASE WHEN i = 20000 THEN repeat('w', 50) ELSE 'x' END AS v FROM range(20001) r(i)`;
    const lines = (await formatted('table', sql)).split('\n');
    expect(lines.slice(0, 4)).toEqual(['┌───┐', '│ v │', '├───┤', '│ x │']);
    expect(lines.slice(-5)).toEqual([
      '│ x │',
      `│ ${'w'.repeat(50)} │`,
      '└───┘',
      '(20001 rows)',
      '',
    ]);
  });

  it('does not pad every row to one long text', async () => {
    const sql = `SELECT repeat('w', 100000) AS v UNION ALL SELECT 'x' FROM range(50)`;
    expect((await formatted('table', sql)).length).toBeLessThan(100_000 + 54 * 220);
  });
});

describe('the format markdown', () => {
  it('is a table that escapes what would break it', async () => {
    expect(await formatted('markdown', PEOPLE)).toBe(`\
| id | name | score | tags |
|---:|------|------:|------|
|  1 | Ada  |   1.5 | NULL |
| 20 | a\\|b |  NULL | [x]  |
| -3 | 日本 | 2e+20 | []   |
`);
    expect(await formatted('markdown', LINES)).toContain('| first<br>second line<br><br>last |');
  });
});

describe('the format vertical', () => {
  it('has a line a column', async () => {
    expect(await formatted('vertical', PEOPLE)).toBe(`\
-[ ROW 1 ]-
id    | 1
name  | Ada
score | 1.5
tags  | NULL
-[ ROW 2 ]-
id    | 20
name  | a|b
score | NULL
tags  | [x]
-[ ROW 3 ]-
id    | -3
name  | 日本
score | 2e+20
tags  | []
`);
    expect(await formatted('vertical', NOTHING)).toBe('(0 rows)\n');
    expect(await formatted('vertical', LINES)).toContain('value | first\n      | second line\n');
  });
});

const CSV_STATEMENTS = [
  PEOPLE,
  NOTHING,
  `SELECT NULL AS n`,
  `SELECT '' AS "a,b", ' x ' AS " y ", 'a#b' AS "c#d", '"' AS """q"""`,
  `SELECT E'a\\nb' AS n, E'a\\rb' AS r, E'a\\tb' AS t, 'a;b|c''d' AS p, '\\x22'::BLOB AS b`,
  `SELECT ['a,b', NULL, ''] AS l, {'k': DATE '2020-01-01'} AS s, TIMESTAMP '2020-01-01 10:00:00' AS ts, true AS b`,
  `SELECT 'nan'::DOUBLE AS a, 'inf'::FLOAT AS b, 1.50::DECIMAL(4, 2) AS c, 'NULL' AS d`,
];

describe('the format csv', () => {
  it.each(CSV_STATEMENTS)('is what DuckDB writes for %s', async (sql) => {
    expect(await formatted('csv', sql)).toBe(await copied('csv', sql));
  });
});

/** Statements whose JSON DuckDB writes as we do. */
const JSON_STATEMENTS = [
  PEOPLE.replace('2e20', '2.5'),
  NOTHING,
  `SELECT '170141183460469231731687303715884105727'::HUGEINT AS h, 9007199254740993 AS b, true AS t, NULL AS n`,
  `SELECT [1, NULL] AS l, {'a': 1, 'b': NULL} AS s, row(1, 2) AS r, MAP {1: 'a', 2: NULL} AS m, MAP {[1]: 2} AS k`,
  `SELECT union_value(a := 'x') AS u, NULL::UNION(a INT) AS n, [1, 2]::INT[2] AS f`,
  `SELECT '\\x00A'::BLOB AS b, INTERVAL 1 DAY AS i, DATE '0044-01-01 (BC)' AS d, '101'::BIT AS t, 'x'::ENUM('x') AS e`,
  `SELECT TIMESTAMPTZ '2020-01-01 00:00:00+00' AS t, uuid '00000000-0000-0000-0000-000000000001' AS u`,
  `SELECT E'a\\n"b\\\\\\t/é€😀' || chr(1) AS s, '{"a":  [1, "x y"]}'::JSON AS j, ['{"a":  1.5}'::JSON] AS jl`,
];

describe('the format jsonl', () => {
  it.each(JSON_STATEMENTS)('is what DuckDB writes for %s', async (sql) => {
    expect(await formatted('jsonl', sql)).toBe(await copied('json', sql));
  });

  it('keeps all digits, and is JSON where DuckDB’s is not', async () => {
    const sql = `SELECT 1.50::DECIMAL(4, 2) AS d, .5::DECIMAL(2, 2) AS e, 0.1::FLOAT AS f, 1e300 AS g,
      ['nan'::DOUBLE, 'inf', '-inf'] AS h, '{"a": [1.50]}'::VARIANT AS v, {'k': 1.50}::VARIANT AS w,
      '12345678901234567890123456789012345678901234567890'::BIGNUM AS b`;
    const text = await formatted('jsonl', sql);
    expect(text).toBe(
      '{"d":1.50,"e":0.50,"f":0.1,"g":1e+300,"h":["NaN","Infinity","-Infinity"],' +
        '"v":"{\\"a\\": [1.50]}","w":{"k":1.50},' +
        '"b":12345678901234567890123456789012345678901234567890}\n',
    );
    expect(() => JSON.parse(text)).not.toThrow();
  });

  it('keeps columns of one name apart', async () => {
    expect(await formatted('jsonl', 'SELECT 1 AS a, 2 AS a, 3 AS a_1')).toBe(
      '{"a":1,"a_1":2,"a_1_1":3}\n',
    );
  });

  it('puts a JSON document of several lines on one', async () => {
    const sql = `SELECT (E'{"a":\\n 1, "b c":\\t"x \\\\" y"}')::JSON AS j`;
    expect(await formatted('jsonl', sql)).toBe('{"j":{"a":1,"b c":"x \\" y"}}\n');
  });
});

describe('the format json', () => {
  it('is one array of the objects', async () => {
    expect(await formatted('json', 'SELECT i FROM range(3) r(i)')).toBe(
      '[\n{"i":0},\n{"i":1},\n{"i":2}\n]\n',
    );
    expect(JSON.parse(await formatted('json', NOTHING))).toEqual([]);
    const many = JSON.parse(await formatted('json', 'SELECT i FROM range(5000) r(i)')) as unknown[];
    expect(many).toHaveLength(5000);
  });
});

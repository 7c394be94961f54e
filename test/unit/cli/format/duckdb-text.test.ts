import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import { PageFixture } from '../../../support/page-fixture.ts';
import { columnTypeArbitrary, plainTypeIds, randomRowsSql } from '../../../support/random-rows.ts';
import { duckdbTexts, shownTexts } from '../../../support/shown-texts.ts';

let fixture: PageFixture;
beforeAll(async () => {
  fixture = await PageFixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** The command shows what DuckDB's cast to VARCHAR gives. */
async function expectDuckDBTexts(sql: string): Promise<void> {
  const expected = await duckdbTexts(fixture, sql);
  expect(expected.length).toBeGreaterThan(0);
  expect(await shownTexts(fixture, sql)).toEqual(expected);
}

const VALUES: readonly (readonly [string, readonly string[]])[] = [
  ['BOOLEAN', ['true', 'false']],
  ['TINYINT', ['-128', '127']],
  ['BIGINT', ['-9223372036854775808', '9223372036854775807']],
  ['UBIGINT', ['18446744073709551615']],
  [
    'HUGEINT',
    [
      '-170141183460469231731687303715884105728',
      '170141183460469231731687303715884105727',
      '-1',
      '18446744073709551616',
    ],
  ],
  ['UHUGEINT', ['340282366920938463463374607431768211455', '0']],
  ['BIGNUM', ["'-0'", "'1'", `'${'9'.repeat(60)}'`, `'-${'9'.repeat(60)}'`, "'256'", "'-256'"]],
  ['DECIMAL(4,2)', ['-99.99', '0.05', '-0.05', '0']],
  ['DECIMAL(3,3)', ['-.999', '.05', '-.05', '0']],
  ['DECIMAL(38,0)', ['99999999999999999999999999999999999999']],
  ['DECIMAL(38,5)', ['-999999999999999999999999999999999.99999', '0.00001']],
  ['DECIMAL(38,38)', ['-.99999999999999999999999999999999999999', '0']],
  [
    'DOUBLE',
    [
      "'nan'",
      "'inf'",
      "'-inf'",
      "'-0.0'",
      "'0.0'",
      "'1.7976931348623157e308'",
      "'5e-324'",
      "'2.2250738585072014e-308'",
      "'1e15'",
      "'1e16'",
      "'123456789012345680'",
      "'9007199254740993'",
      "'1e-4'",
      "'1e-5'",
      "'0.1'",
      "'-1.5'",
      "'5.684341886080802e-14'",
    ],
  ],
  [
    'FLOAT',
    [
      "'nan'",
      "'inf'",
      "'-0.0'",
      "'3.4028235e38'",
      "'1e-45'",
      "'1.17549435e-38'",
      "'16777217'",
      "'123456789'",
      "'0.1'",
      "'1e15'",
      "'1e16'",
      "'1e-5'",
    ],
  ],
  [
    'DATE',
    [
      "'infinity'",
      "'-infinity'",
      "'1970-01-01'",
      "'0044-03-15 (BC)'",
      "'0001-01-01 (BC)'",
      "'0001-01-01'",
      "'10000-12-31'",
      "'5877642-06-25 (BC)'",
      "'5881580-07-10'",
      "'2000-02-29'",
      "'1900-03-01'",
    ],
  ],
  ['TIME', ["'00:00:00'", "'23:59:59.999999'", "'24:00:00'", "'01:02:03.1'"]],
  ['TIME_NS', ["'23:59:59.999999999'", "'01:02:03.000000001'"]],
  [
    'TIMETZ',
    [
      "'00:00:00+15:59:59'",
      "'24:00:00-15:59:59'",
      "'01:02:03.5-00:30'",
      "'01:02:03+00'",
      "'01:02:03+00:00:01'",
      "'01:02:03-00:00:01'",
      "'01:02:03+05:45'",
    ],
  ],
  [
    'TIMESTAMP',
    [
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 (BC) 01:02:03.5'",
      "'290309-12-22 (BC) 00:00:00'",
      "'294247-01-10 04:00:54.775806'",
      "'1969-12-31 23:59:59.999999'",
    ],
  ],
  ['TIMESTAMP_S', ["'infinity'", "'-infinity'", "'1969-12-31 23:59:59'", "'0044-03-15 (BC)'"]],
  ['TIMESTAMP_MS', ["'infinity'", "'1969-12-31 23:59:59.12'", "'2020-01-01 00:00:00.001'"]],
  [
    'TIMESTAMP_NS',
    [
      "'infinity'",
      "'-infinity'",
      "'1677-09-22 00:00:00'",
      "'2262-04-11 23:47:16.854775806'",
      "'1969-12-31 23:59:59.999999999'",
    ],
  ],
  [
    'TIMESTAMPTZ',
    [
      "'infinity'",
      "'-infinity'",
      "'0044-03-15 (BC) 01:02:03+00'",
      "'2020-06-01 12:00:00.25+02'",
      "'290309-12-22 (BC) 00:00:00+00'",
    ],
  ],
  [
    'INTERVAL',
    [
      "'0 days'",
      "'-1 microseconds'",
      "'-13 months'",
      "'1 month -1 day 25:00:00'",
      "'1 year -3 months 4 days -01:02:03.4'",
      "'-2 years 1 month'",
      "'1 day'",
      "'2000000 hours'",
      "'-2147483647 months -2147483647 days'",
    ],
  ],
  [
    'VARCHAR',
    ["''", "'NULL'", "'é€😀'", 'chr(65279) || chr(65279)', "'a' || chr(10) || 'b'", 'chr(0)'],
  ],
  ['BLOB', ["''", "'\\x00\\x41\\x27\\x22\\x5C\\x7F\\x20\\xFF'", "encode('é(,)')"]],
  ['BIT', ["'1'", "'0'", "'10101010'", "'101010101'", "'0000000000000001'"]],
  [
    'UUID',
    [
      "'00000000-0000-0000-0000-000000000000'",
      "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
      "'80000000-0000-0000-0000-000000000001'",
    ],
  ],
  ['JSON', [`'{"a":  [1, null, "x"]}'`, "'null'", `'"text"'`]],
  ["ENUM('', 'a b', 'it''s', 'x,y')", ["''", "'a b'", "'it''s'", "'x,y'"]],
  [
    'GEOMETRY',
    [
      "'POINT(1 2.5)'",
      "'POINT EMPTY'",
      "'POINT(nan -0.0)'",
      "'POINT Z (1e-7 1e20 3)'",
      "'POINT M EMPTY'",
      "'LINESTRING ZM (1 2 3 4, 5 6 7 8)'",
      "'LINESTRING EMPTY'",
      "'POLYGON((0 0, 1 0, 1 1, 0 0), (0 0, 1 1, 2 2, 0 0))'",
      "'POLYGON EMPTY'",
      "'MULTIPOINT(EMPTY, 1 2)'",
      "'MULTILINESTRING((1 2, 3 4), EMPTY)'",
      "'MULTIPOLYGON Z (((0 0 1, 1 0 1, 1 1 1, 0 0 1)), EMPTY)'",
      "'GEOMETRYCOLLECTION(POINT EMPTY, GEOMETRYCOLLECTION(POINT(1 1)))'",
      "'GEOMETRYCOLLECTION EMPTY'",
    ],
  ],
];

/** Every value, then NULL. */
const rowsSql = (type: string, values: readonly string[], of = (value: string): string => value) =>
  [...values, 'NULL']
    .map((value) => `SELECT ${of(`(${value})::${type}`)} AS v`)
    .join(' UNION ALL ');

describe('the text of a cell', () => {
  it.each(VALUES)('of %s is DuckDB’s', async (type, values) => {
    await expectDuckDBTexts(rowsSql(type, values));
  });

  it.each(VALUES)(
    'of %s inside a list, a struct, a map, an array, a union is DuckDB’s',
    async (type, values) => {
      await expectDuckDBTexts(rowsSql(type, values, (value) => `[${value}, NULL]`));
      await expectDuckDBTexts(
        rowsSql(type, values, (value) => `{'a b': ${value}, 'it''s': ${value}}`),
      );
      await expectDuckDBTexts(rowsSql(type, values, (value) => `row(${value}, ${value})`));
      await expectDuckDBTexts(rowsSql(type, values, (value) => `MAP {'k': ${value}}`));
      await expectDuckDBTexts(rowsSql(type, values, (value) => `[${value}, ${value}]::${type}[2]`));
      await expectDuckDBTexts(
        rowsSql(type, values, (value) => `[union_value(member := ${value}), NULL]`),
      );
      await expectDuckDBTexts(
        values.map((value) => `SELECT MAP {(${value})::${type}: 1} AS v`).join(' UNION ALL '),
      );
    },
  );

  it.each(VALUES)('of %s as VARIANT is DuckDB’s', async (type, values) => {
    await expectDuckDBTexts(rowsSql(type, values, (value) => `${value}::VARIANT`));
    await expectDuckDBTexts(rowsSql(type, values, (value) => `[${value}, ${value}]::VARIANT`));
    await expectDuckDBTexts(rowsSql(type, values, (value) => `[${value}, NULL]::VARIANT`));
    await expectDuckDBTexts(
      rowsSql(type, values, (value) => `{'a': ${value}, 'B': [${value}]}::VARIANT`),
    );
    await expectDuckDBTexts(rowsSql(type, values, (value) => `[${value}::VARIANT]`));
  });

  it.each(plainTypeIds)('of random %s, alone and in a list, is DuckDB’s', async (id) => {
    const types: ColumnType[] = [{ id }, { id: 'LIST', child: { id } }];
    await expectDuckDBTexts(randomRowsSql(types, { rowCount: 2500, seed: 5 }));
  });
});

describe('the text of nested cells', () => {
  it('is DuckDB’s for any type', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(columnTypeArbitrary(), { minLength: 1, maxLength: 3 }),
        fc.nat(1000),
        async (types, seed) => {
          const sql = randomRowsSql(types, { rowCount: 100, seed });
          const expected = await duckdbTexts(fixture, sql);
          // A union of NULL is 'NULL' to DuckDB, and NULL to a client.
          const shown = expected.map((row) =>
            row.map((text, i) => (types[i]?.id === 'UNION' && text === 'NULL' ? null : text)),
          );
          expect(await shownTexts(fixture, sql)).toEqual(shown);
        },
      ),
      { numRuns: 40 },
    );
  });

  /** What the lexer of nested values might treat in its own way, and what it does not. */
  const ODD_CHARACTERS =
    'a|N| |\t|\n|\v|\f|\r|\'|"|,|:|;|=|(|)|[|]|{|}|\\|/|-|+|.|0|é|😀|\u00a0|\u2003|\ufeff';
  const oddText = fc.string({
    unit: fc.constantFrom(...ODD_CHARACTERS.split('|')),
    maxLength: 8,
  });

  it('quotes texts as DuckDB does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(oddText, { minLength: 20, maxLength: 60 }), async (texts) => {
        await fixture.run('CREATE OR REPLACE TEMP TABLE texts(s VARCHAR)');
        const statement = await fixture.connection.prepare('INSERT INTO texts SELECT unnest($1)');
        statement.bindList(1, texts);
        await statement.run();
        await expectDuckDBTexts(
          `SELECT s, [s], {'k': s}, row(s), MAP {s: s}, [s]::VARCHAR[1], {'k': [s]}, [[s]], [{'k': s}],
             union_value(m := s), s::VARIANT, [s]::VARIANT, [s, NULL]::VARIANT, {'k': s}::VARIANT FROM texts`,
        );
      }),
      { numRuns: 10 },
    );
  });

  it('quotes names of fields as DuckDB does', async () => {
    const names = ['a', 'A b', "it''s", 'q""q', 'b\\s', '', 'null', ' x ', 'é', ',', ':'];
    const fields = names
      .map((name) => `"${name || 'empty'}" := 1`)
      .join(', ')
      .replaceAll("''", "'");
    await expectDuckDBTexts(`SELECT struct_pack(${fields}) AS v`);
  });
});

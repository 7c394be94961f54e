import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeSchemaMessage,
  END_OF_STREAM,
} from '../../../../services/common/page/schema-message.ts';
import type { ColumnType, PlainTypeId } from '../../../../services/common/plan/column-type.ts';
import { arrowValue, duckdbValue, type PlainValue } from '../../../support/arrow-values.ts';
import { PageFixture } from '../../../support/page-fixture.ts';
import { columnTypeArbitrary, plainTypeIds, randomRowsSql } from '../../../support/random-rows.ts';

let fixture: PageFixture;
beforeAll(async () => {
  fixture = await PageFixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Types whose values DuckDB's client and Arrow give in forms of their own; they have tests of their own. */
const OPAQUE: readonly PlainTypeId[] = ['VARIANT', 'BIGNUM'];

/** What a client reads with a plain Arrow library is what DuckDB's own client reads. */
async function expectDuckDBValues(
  types: readonly ColumnType[],
  sql: string,
  targetPageBytes = 1 << 20,
): Promise<void> {
  const { columns, pages } = await fixture.paginate(sql, { layout: 'result', targetPageBytes });
  const stream = [
    encodeSchemaMessage(columns),
    ...pages.map(({ page }) => new Uint8Array(page)),
    END_OF_STREAM,
  ];
  const table = tableFromIPC(Buffer.concat(stream));
  const expected = (await fixture.connection.runAndReadAll(sql)).getRows();
  expect(table.numRows).toBe(expected.length);
  for (const [index, type] of types.entries()) {
    const actual: PlainValue[] = table.getChildAt(index)!.data.flatMap((data) => {
      return Array.from({ length: data.length }, (_, row) => arrowValue(data, row, type));
    });
    expect(actual).toEqual(expected.map((row) => nullUnions(duckdbValue(row[index]), type)));
  }
}

/** The type table says it: a NULL union arrives as NULL of its first member. */
function nullUnions(value: PlainValue, type: ColumnType): PlainValue {
  if (type.id === 'UNION') {
    const entry = value === null ? undefined : Object.entries(value)[0];
    const [name, inner] = entry ?? [type.members[0]!.name, null];
    const member = type.members.find((candidate) => candidate.name === name)!;
    return { [name]: nullUnions(inner as PlainValue, member.type) };
  }
  if (value === null) return null;
  switch (type.id) {
    case 'LIST':
    case 'ARRAY':
      return (value as PlainValue[]).map((item) => nullUnions(item, type.child));
    case 'MAP':
      return (value as PlainValue[][]).map(([key, item]) => [key!, nullUnions(item!, type.value)]);
    case 'STRUCT':
      return Object.fromEntries(
        type.fields.map((field) => {
          return [
            field.name,
            nullUnions((value as Record<string, PlainValue>)[field.name]!, field.type),
          ];
        }),
      );
    default:
      return value;
  }
}

describe('result pages', () => {
  it.each(plainTypeIds.filter((id) => id !== 'NULL' && !OPAQUE.includes(id)))(
    'give clients the values of %s',
    async (id) => {
      const types: ColumnType[] = [{ id }, { id: 'LIST', child: { id } }];
      await expectDuckDBValues(types, randomRowsSql(types, { rowCount: 3000, seed: 2 }));
    },
  );

  it('give clients the values of any types, nested in any way', async () => {
    const property = fc.asyncProperty(
      fc.array(columnTypeArbitrary(OPAQUE), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(1, 2048, 3000),
      fc.constantFrom(1000, 1 << 20),
      async (types, rowCount, targetPageBytes) => {
        await expectDuckDBValues(
          types,
          randomRowsSql(types, { rowCount, seed: 3 }),
          targetPageBytes,
        );
      },
    );
    await fc.assert(property, { numRuns: 20 });
  }, 60_000);

  it('refuse an interval that Arrow cannot hold', async () => {
    const sql = `SELECT to_microseconds(9223372036854775806)`;
    await expect(fixture.paginate(sql, { layout: 'result' })).rejects.toMatchObject({
      code: 'OUT_OF_RANGE',
    });
  });
});

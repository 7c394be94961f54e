import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColumnType, PlainTypeId } from '../../../../services/common/plan/column-type.ts';
import { PageFixture } from '../../../support/page-fixture.ts';
import { columnTypeArbitrary, plainTypeIds, randomRowsSql } from '../../../support/random-rows.ts';

let fixture: PageFixture;
beforeAll(async () => {
  fixture = await PageFixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

interface TripOptions {
  readonly targetPageBytes?: number;
  readonly streaming?: boolean;
}

/** Through exchange pages and back: the same types and the same rows in the same order, by value and by text. */
async function expectSameRows(sql: string, options: TripOptions = {}): Promise<void> {
  const names = (await fixture.columnsOf(sql)).map((_, index) => `c${index}`);
  await fixture.run(`CREATE OR REPLACE TEMP TABLE source AS FROM (${sql}) t(${names.join(', ')})`);
  const { columns, pages } = await fixture.paginate(sql, { layout: 'exchange', ...options });
  const relation = fixture.offer(
    columns,
    pages.map(({ page }) => page),
  );
  await fixture.run(`CREATE OR REPLACE TEMP TABLE copy AS FROM ${relation}`);
  expect(await fixture.columnsOf('FROM copy')).toEqual(await fixture.columnsOf('FROM source'));
  const differs = names.map((name) => {
    return `s.${name} IS DISTINCT FROM c.${name} OR s.${name}::VARCHAR IS DISTINCT FROM c.${name}::VARCHAR`;
  });
  const differences = await fixture.texts(`
    SELECT s, c FROM (SELECT *, row_number() OVER () AS n FROM source) s
    FULL JOIN (SELECT *, row_number() OVER () AS n FROM copy) c USING (n)
    WHERE s.n IS DISTINCT FROM c.n OR ${differs.join(' OR ')} LIMIT 5`);
  expect(differences).toEqual([]);
}

describe('exchange pages', () => {
  it.each(plainTypeIds.filter((id) => id !== 'NULL'))('carry %s', async (id: PlainTypeId) => {
    const list = { id: 'LIST', child: { id } } as const;
    await expectSameRows(randomRowsSql([{ id }, list], { rowCount: 5000, seed: 1 }));
  });

  it('carry rows of any types, nested in any way, as DuckDB had them', async () => {
    const property = fc.asyncProperty(
      fc.array(columnTypeArbitrary(), { minLength: 1, maxLength: 3 }),
      fc.record({
        rowCount: fc.constantFrom(0, 1, 2047, 2048, 2049, 5000),
        targetPageBytes: fc.constantFrom(1000, 30_000, 1 << 20),
        streaming: fc.boolean(),
        seed: fc.nat({ max: 1000 }),
      }),
      async (types, { rowCount, seed, ...options }) => {
        await expectSameRows(randomRowsSql(types, { rowCount, seed }), options);
      },
    );
    await fc.assert(property, { numRuns: 30 });
  }, 60_000);

  it('carry what operators leave behind: selections, constants, shared and repeated values', async () => {
    const types: ColumnType[] = [
      { id: 'LIST', child: { id: 'VARCHAR' } },
      { id: 'STRUCT', fields: [{ name: 's', type: { id: 'VARCHAR' } }] },
      { id: 'VARCHAR' },
      { id: 'MAP', key: { id: 'INTEGER' }, value: { id: 'DECIMAL', width: 38, scale: 3 } },
    ];
    await fixture.run(
      `CREATE OR REPLACE TEMP TABLE base AS ${randomRowsSql(types, { rowCount: 9000, seed: 5 })}`,
    );
    const big = `repeat('a constant long string ', 200)`;
    await expectSameRows(`FROM base WHERE rowid % 3 = 1`);
    await expectSameRows(
      `SELECT ${big} AS k, [${big}, NULL] AS kk, {x: 1, y: c2} AS s, c0 FROM base`,
    );
    await expectSameRows(
      `SELECT b.*, l.* FROM base b, (SELECT list(c2) AS l FROM base) l WHERE b.rowid < 100`,
    );
    await expectSameRows(`SELECT unnest(c0) AS item, c1 FROM base WHERE len(c0) > 1`);
    await expectSameRows(
      `SELECT list(c2 ORDER BY rowid) AS texts FROM base GROUP BY rowid // 700 ORDER BY min(rowid)`,
    );
  });

  it('cut pages at the target, but never inside a row', async () => {
    const sql = `SELECT i, repeat('x', (i % 50 * 997)::INTEGER) AS s, range(i % 300) AS l FROM range(4000) t(i)`;
    const targetPageBytes = 100_000;
    const { columns, pages } = await fixture.paginate(sql, { layout: 'exchange', targetPageBytes });
    expect(pages.length).toBeGreaterThan(900);
    expect(Math.max(...pages.map(({ page }) => page.byteLength))).toBeLessThan(
      targetPageBytes + 1000,
    );
    const huge = await fixture.paginate(`SELECT repeat('y', 3_000_000) FROM range(5)`, {
      layout: 'exchange',
    });
    expect(huge.pages.map(({ rowCount }) => rowCount)).toEqual([1, 1, 1, 1, 1]);
    expect(columns).toHaveLength(3);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageFixture } from '../../../support/page-fixture.ts';

let fixture: PageFixture;
beforeAll(async () => {
  fixture = await PageFixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

/** Through exchange pages and back: the same rows in the same order, by value and by text. */
async function expectSameRows(sql: string, targetPageBytes = 1 << 20): Promise<void> {
  const names = (await fixture.columnsOf(sql)).map((_, index) => `c${index}`);
  await fixture.run(`CREATE OR REPLACE TEMP TABLE source AS FROM (${sql}) t(${names.join(', ')})`);
  const paging = { layout: 'exchange', targetPageBytes } as const;
  const { columns, pages } = await fixture.paginate('FROM source', paging);
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
  it('smoke', async () => {
    await expectSameRows(
      `SELECT i, i::DOUBLE d, 'short' || i s, repeat('long', i % 30) l, [i, i+1] li, {a: i, b: 'x' || i} st FROM range(5000) t(i)`,
    );
  });
});

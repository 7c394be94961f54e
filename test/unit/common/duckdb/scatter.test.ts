import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PageFixture } from '../../../support/page-fixture.ts';
import { columnTypeArbitrary, randomRowsSql } from '../../../support/random-rows.ts';

let fixture: PageFixture;
beforeAll(async () => {
  fixture = await PageFixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

describe('rows dealt by hash', () => {
  it('are, partition by partition, the rows that SQL puts there', async () => {
    const property = fc.asyncProperty(
      fc.array(columnTypeArbitrary(), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(1, 2, 7, 40),
      fc.constantFrom(2000, 1 << 20),
      async (types, partitionCount, targetPageBytes) => {
        const partition = `hash(c0) % ${partitionCount}`;
        await fixture.run(
          `CREATE OR REPLACE TEMP TABLE source AS ${randomRowsSql(types, { rowCount: 5000, seed: 7 })}`,
        );
        const paging = { layout: 'exchange', partitionCount, targetPageBytes, partition } as const;
        const { columns, pages } = await fixture.paginate('FROM source', paging);
        for (let index = 0; index < partitionCount; index += 1) {
          const own = pages.filter((page) => page.partition === index).map(({ page }) => page);
          await fixture.run(
            `CREATE OR REPLACE TEMP TABLE dealt AS FROM ${fixture.offer(columns, own)}`,
          );
          expect(await textsInOrder('FROM dealt')).toEqual(
            await textsInOrder(`FROM source WHERE ${partition} = ${index}`),
          );
        }
      },
    );
    await fc.assert(property, { numRuns: 6 });
  }, 60_000);
});

/** Rows keep their order within a partition. */
async function textsInOrder(sql: string): Promise<unknown> {
  return await fixture.texts(`SELECT t FROM (${sql}) t`);
}

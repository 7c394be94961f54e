import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PagePartitioner,
  partitionPageBytes,
} from '../../../../services/common/page/page-partitioner.ts';
import { decodePage } from '../../../../services/common/page/page-reader.ts';
import type { Storage } from '../../../../services/common/page/storage.ts';
import { columnOf, valueArbitrary, valuesOf } from '../../../support/column-values.ts';

const STORAGE: Storage = { kind: 'list', item: { kind: 'bytes' } };

const batchArbitrary = fc.array(fc.tuple(valueArbitrary(STORAGE), fc.nat({ max: 4 })), {
  minLength: 1,
  maxLength: 80,
});

describe('PagePartitioner', () => {
  it('deals every row to its partition once, in order, in pages of the target size or of one row', () => {
    const property = fc.property(
      fc.array(batchArbitrary, { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.constantFrom(200, 2000, 1 << 20),
      (batches, scattered, targetPageBytes) => {
        const partitioner = new PagePartitioner({
          storages: [STORAGE],
          partitionCount: 5,
          targetPageBytes,
        });
        const pages = batches.flatMap((batch) => {
          const column = columnOf(
            STORAGE,
            batch.map(([value]) => value),
            scattered,
          );
          return partitioner.append(
            [column],
            Int32Array.from(batch, ([, partition]) => partition),
          );
        });
        pages.push(...partitioner.flush());
        for (let partition = 0; partition < 5; partition += 1) {
          const own = pages.filter((page) => page.partition === partition);
          const rows = own.flatMap(({ page }) => valuesOf(decodePage(page, [STORAGE]).columns[0]!));
          const dealt = batches.flat().filter((row) => row[1] === partition);
          expect(rows).toEqual(dealt.map(([value]) => value));
        }
        const metadataBytes = 500;
        for (const { page, rowCount } of pages) {
          expect(rowCount).toBeGreaterThan(0);
          if (rowCount > 1) expect(page.byteLength).toBeLessThan(targetPageBytes + metadataBytes);
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it('holds nothing after a flush', () => {
    const partitioner = new PagePartitioner({ storages: [STORAGE], partitionCount: 2 });
    expect(partitioner.bufferedBytes).toBe(0);
    expect(partitioner.append([columnOf(STORAGE, [['aa'], null])], Int32Array.of(0, 1))).toEqual(
      [],
    );
    expect(partitioner.bufferedBytes).toBeGreaterThan(0);
    expect(partitioner.flush().map(({ partition, rowCount }) => [partition, rowCount])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(partitioner.bufferedBytes).toBe(0);
    expect(partitioner.flush()).toEqual([]);
  });

  it('counts rows without columns too', () => {
    const partitioner = new PagePartitioner({ storages: [], partitionCount: 1 });
    expect(partitioner.append([], new Int32Array(3))).toEqual([]);
    expect(partitioner.bufferedBytes).toBeGreaterThan(0);
    const [page] = partitioner.flush();
    expect(decodePage(page!.page, [])).toEqual({ rowCount: 3, columns: [] });
  });

  it('refuses a partition that does not exist', () => {
    const partitioner = new PagePartitioner({ storages: [STORAGE], partitionCount: 2 });
    const column = columnOf(STORAGE, [[]]);
    expect(() => partitioner.append([column], Int32Array.of(2))).toThrow('existing partition');
    expect(() => partitioner.append([column], Int32Array.of(-1))).toThrow('existing partition');
  });

  it('aims at smaller pages when there are many partitions, so that all together stay bounded', () => {
    expect(partitionPageBytes(1)).toBe(1 << 20);
    expect(partitionPageBytes(32)).toBe(1 << 20);
    expect(partitionPageBytes(64)).toBe(1 << 19);
    expect(partitionPageBytes(10_000)).toBe(64 << 10);
  });
});

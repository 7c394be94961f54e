import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PageBuilder } from '../../../../services/common/page/page-builder.ts';
import { decodePage } from '../../../../services/common/page/page-reader.ts';
import { pageRowCount } from '../../../../services/common/page/record-batch-message.ts';
import { addRowBytes, columnBytes } from '../../../../services/common/page/row-bytes.ts';
import {
  columnOf,
  storageArbitrary,
  valueArbitrary,
  valueAt,
  valuesOf,
} from '../../../support/column-values.ts';

const columnArbitrary = storageArbitrary.chain((storage) =>
  fc.record({
    storage: fc.constant(storage),
    values: fc.array(valueArbitrary(storage), { minLength: 1, maxLength: 40 }),
    scattered: fc.boolean(),
  }),
);

const appendArbitrary = fc.array(
  fc.record({ picks: fc.array(fc.nat(), { maxLength: 60 }), asRange: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

describe('PageBuilder', () => {
  it('builds pages that hold exactly the rows that were appended, of any storage', () => {
    const property = fc.property(
      columnArbitrary,
      appendArbitrary,
      ({ storage, values, scattered }, appends) => {
        const column = columnOf(storage, values, scattered);
        const builder = new PageBuilder([storage]);
        const expected: unknown[] = [];
        for (const { picks, asRange } of appends) {
          const rows = Int32Array.from(picks, (pick) => pick % values.length);
          const [from = 0, to = from] = rows.slice(0, 2).toSorted();
          if (asRange) builder.appendRange([column], from, to);
          else builder.appendRows([column], rows, { from: 0, to: rows.length });
          const appended = asRange ? [...values.keys()].slice(from, to) : [...rows];
          expected.push(...appended.map((row) => valueAt(column, row)));
        }
        const page = builder.finish();
        expect(pageRowCount(page)).toBe(expected.length);
        expect(valuesOf(decodePage(page, [storage]).columns[0]!)).toEqual(expected);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('starts anew after each page, and builds the same page from what it has read', () => {
    const property = fc.property(columnArbitrary, ({ storage, values }) => {
      const builder = new PageBuilder([storage]);
      const pages = [columnOf(storage, values), columnOf(storage, values, true)].map((column) => {
        builder.appendRange([column], 0, values.length);
        return builder.finish();
      });
      expect(pages[1]).toEqual(pages[0]);
      const decoded = decodePage(pages[0]!, [storage]);
      builder.appendRange(decoded.columns, 0, decoded.rowCount);
      expect(builder.finish()).toEqual(pages[0]);
    });
    fc.assert(property, { numRuns: 100 });
  });

  it('never takes more bytes than the sizes of its rows say', () => {
    const property = fc.property(columnArbitrary, ({ storage, values, scattered }) => {
      const column = columnOf(storage, values, scattered);
      const builder = new PageBuilder([storage]);
      builder.appendRange([column], 0, values.length);
      const sizes = new Float64Array(values.length);
      addRowBytes(column, sizes);
      const padding = 8 * 60;
      const bound = sizes.reduce((total, size) => total + size, padding);
      expect(builder.byteLength).toBeLessThanOrEqual(bound);
      expect(columnBytes(column) + padding).toBeGreaterThanOrEqual(builder.byteLength);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('aligns the page and all its buffers to 8 bytes', () => {
    const builder = new PageBuilder([{ kind: 'fixed', byteWidth: 1 }, { kind: 'bytes' }]);
    const columns = [
      columnOf({ kind: 'fixed', byteWidth: 1 }, ['01', null, '03']),
      columnOf({ kind: 'bytes' }, ['aa', 'bbcc', null]),
    ];
    builder.appendRange(columns, 0, 3);
    const page = builder.finish();
    expect(page.byteLength % 8).toBe(0);
    expect([...new Uint8Array(page, 0, 4)]).toEqual([0xff, 0xff, 0xff, 0xff]);
    expect(new DataView(page).getInt32(4, true) % 8).toBe(0);
  });
});

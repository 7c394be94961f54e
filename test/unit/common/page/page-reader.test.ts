import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../../services/common/error.ts';
import { PageBuilder } from '../../../../services/common/page/page-builder.ts';
import { decodePage } from '../../../../services/common/page/page-reader.ts';
import type { Page } from '../../../../services/common/page/page.ts';
import type { Storage } from '../../../../services/common/page/storage.ts';
import { columnOf, valuesOf } from '../../../support/column-values.ts';

const STORAGES: readonly Storage[] = [
  { kind: 'fixed', byteWidth: 8 },
  { kind: 'bytes' },
  { kind: 'list', item: { kind: 'bytes' } },
];

function aPage(): Page {
  const rows = ['0102030405060708', null, '1112131415161718'];
  const columns = [
    columnOf(STORAGES[0]!, rows),
    columnOf(STORAGES[1]!, rows),
    columnOf(STORAGES[2]!, [rows, [], null]),
  ];
  const builder = new PageBuilder(STORAGES);
  builder.appendRange(columns, 0, 3);
  return builder.finish();
}

const PAGE_CORRUPT = expect.objectContaining({ code: 'PAGE_CORRUPT' });

describe('decodePage', () => {
  it('refuses a page that is cut off anywhere, or too long', () => {
    const page = aPage();
    for (let byteLength = 0; byteLength < page.byteLength; byteLength += 1) {
      expect(() => decodePage(page.slice(0, byteLength), STORAGES)).toThrow(PAGE_CORRUPT);
    }
    const longer = new Uint8Array(page.byteLength + 8);
    longer.set(new Uint8Array(page));
    expect(() => decodePage(longer.buffer, STORAGES)).toThrow(PAGE_CORRUPT);
  });

  it('refuses a page of another schema', () => {
    const page = aPage();
    expect(() => decodePage(page, STORAGES.slice(1))).toThrow(PAGE_CORRUPT);
    expect(() => decodePage(page, [...STORAGES, STORAGES[0]!])).toThrow(PAGE_CORRUPT);
  });

  it('refuses damaged bytes, or reads values that all lie inside the page', () => {
    const page = aPage();
    const property = fc.property(
      fc.nat({ max: page.byteLength - 1 }),
      fc.integer({ min: 1, max: 255 }),
      (at, change) => {
        const damaged = page.slice(0);
        new Uint8Array(damaged)[at]! ^= change;
        try {
          const { columns } = decodePage(damaged, STORAGES);
          for (const column of columns) expect(valuesOf(column)).toHaveLength(column.rowCount);
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError);
          expect(error).toEqual(PAGE_CORRUPT);
        }
      },
    );
    fc.assert(property, { numRuns: 3000 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ListOrder, listPage } from '../../../../services/gateway/rpc/list-page.ts';

const NAMES: ListOrder<string> = { keyOf: (name) => name, bytesOf: () => 1 };

function allPages(items: readonly string[], pageSize: number, order = NAMES): string[][] {
  const pages: string[][] = [];
  let pageToken = '';
  do {
    const page = listPage(items, order, { pageSize, pageToken });
    pages.push([...page.items]);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return pages;
}

describe('listPage', () => {
  it('gives each item once, in the order of the keys', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), fc.integer({ min: 1, max: 7 }), (items, size) => {
        const pages = allPages(items, size);
        expect(pages.flat()).toEqual(items.toSorted((a, b) => (a < b ? -1 : 1)));
        expect(pages.every((page) => page.length <= size)).toBe(true);
      }),
    );
  });

  it('has 100 items where nobody asks for another size, and never more than 1000', () => {
    const items = Array.from({ length: 1_500 }, (_, i) => `t${String(i).padStart(4, '0')}`);
    expect(allPages(items, 0)[0]).toHaveLength(100);
    expect(allPages(items, 100_000)[0]).toHaveLength(1_000);
  });

  it('goes on behind an item that is gone', () => {
    const { nextPageToken } = listPage(['a', 'b', 'c'], NAMES, { pageSize: 2, pageToken: '' });
    const page = listPage(['a', 'c'], NAMES, { pageSize: 2, pageToken: nextPageToken });
    expect(page).toEqual({ items: ['c'], nextPageToken: '' });
  });

  it('closes a page before it outgrows a message, and keeps one item at least', () => {
    const large = { ...NAMES, bytesOf: () => 3 * 1024 * 1024 };
    expect(allPages(['a', 'b', 'c'], 10, large)).toEqual([['a'], ['b'], ['c']]);
  });

  it('refuses a token of another service', () => {
    const page = { pageSize: 1, pageToken: '12' };
    expect(() => listPage(['a'], NAMES, page)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', details: { field: 'page_token' } }),
    );
  });
});

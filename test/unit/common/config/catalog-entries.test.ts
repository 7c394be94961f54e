import { describe, expect, it } from 'vitest';
import { catalogEntries } from '../../../../services/common/config/catalog-entries.ts';

describe('catalogEntries', () => {
  it('reads directories and prefixes, with and without names', () => {
    const entries = catalogEntries('/data/a, Lake=s3://b/p=1/, s3://c/x=y,other=/o=p');
    expect(
      entries.map(({ name, location, isObjectStore }) => [name, location, isObjectStore]),
    ).toEqual([
      ['', '/data/a', false],
      ['lake', 's3://b/p=1', true],
      ['', 's3://c/x=y', true],
      ['other', '/o=p', false],
    ]);
  });

  it.each(['s3://', 's3:///x', 'a=s3://b/../c', 's3://*/x', 'S3://b/x'])(
    'refuses %s',
    (catalog) => {
      expect(() => catalogEntries(catalog)).toThrow(catalog.replace('a=', ''));
    },
  );
});

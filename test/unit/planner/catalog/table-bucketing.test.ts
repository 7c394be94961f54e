import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import {
  bucketOfFile,
  hashTypeOf,
  parseTableBucketing,
} from '../../../../services/planner/catalog/table-bucketing.ts';

const FILE = '/data/t/_skein_bucketing.json';
const FIELDS = {
  version: 1,
  columns: ['a', 'b'],
  types: ['BIGINT', 'VARCHAR'],
  bucket_count: 16,
  hash_fingerprint: '0123456789abcdef0123456789abcdef',
  files: 'day=*/part(1)-{bucket}.parquet',
};

const parse = (changes: Readonly<Record<string, unknown>> = {}) =>
  parseTableBucketing(JSON.stringify({ ...FIELDS, ...changes }), FILE);
const invalid = (field: string) => ({
  code: 'TABLE_METADATA_INVALID',
  details: { file: FILE, field },
});

function failureOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was wrong');
}

describe('the file that describes buckets', () => {
  it('tells columns, types and the bucket of each file', () => {
    const bucketing = parse();
    expect(bucketing.columns).toEqual([
      { name: 'a', type: 'BIGINT' },
      { name: 'b', type: 'VARCHAR' },
    ]);
    const bucketOf = (path: string): number => bucketOfFile(bucketing, path, FILE);
    expect(bucketOf('day=1/part(1)-00007.parquet')).toBe(7);
    expect(bucketOf('day=/part(1)-15.parquet')).toBe(15);
    for (const path of [
      'part(1)-1.parquet',
      'day=1/x/part(1)-1.parquet',
      'day=1/part1-1.parquet',
    ]) {
      expect(failureOf(() => bucketOf(path))).toMatchObject(invalid('files'));
    }
    expect(failureOf(() => bucketOf('day=1/part(1)-16.parquet'))).toMatchObject(
      invalid('bucket_count'),
    );
  });

  it.each(Object.keys(FIELDS))('is refused without %s', (field) => {
    expect(failureOf(() => parse({ [field]: undefined }))).toMatchObject(invalid(field));
  });

  it.each(['', '[]', '7', '{"version": 1'])('is refused when it is %j', (text) => {
    expect(failureOf(() => parseTableBucketing(text, FILE))).toMatchObject({
      code: 'TABLE_METADATA_INVALID',
      details: { file: FILE },
    });
  });

  it('hashes a column as its own type or a wider integer', () => {
    const column = (type: ColumnType) => ({ name: 'a', type, origin: 'file' }) as const;
    const hashType = (type: string, own: ColumnType) =>
      hashTypeOf({ name: 'a', type }, column(own), FILE);
    expect(hashType('BIGINT', { id: 'INTEGER' })).toEqual({ id: 'BIGINT' });
    const decimal = { id: 'DECIMAL', width: 9, scale: 2 } as const;
    expect(hashType('DECIMAL(9,2)', decimal)).toEqual(decimal);
    for (const [type, own] of [
      ['INTEGER', { id: 'BIGINT' }],
      ['DECIMAL(12,2)', decimal],
      ['DOUBLE', { id: 'INTEGER' }],
    ] as const) {
      expect(failureOf(() => hashType(type, own))).toMatchObject(invalid('types'));
    }
  });
});

import { describe, expect, it } from 'vitest';
import { isObjectPath, isPlainObjectPath } from '../../../../services/common/plan/object-path.ts';

describe('object paths', () => {
  it.each(['s3://b/p/x.csv', 's3://b/p/*/..x.csv', 's3://b/d=2020-01-01/x'])(
    '%s is plain',
    (path) => {
      expect(isPlainObjectPath(path)).toBe(true);
    },
  );

  it.each([
    's3://b/../x',
    's3://b/p/./x',
    's3://b/p/..',
    's3://b/x?y=1',
    's3://b/x#y',
    's3://b/%2e%2e/x',
    'S3://b/x',
    's3:/b/x',
    '/b/x',
    's3://b/..\\x',
  ])('%s is not', (path) => {
    expect(isPlainObjectPath(path)).toBe(false);
  });

  it('are known in any case', () => {
    expect(['s3://b', 'S3://b', '/s3://b', 'x=s3://b'].map(isObjectPath)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

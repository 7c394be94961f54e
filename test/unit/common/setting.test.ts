import { describe, expect, it } from 'vitest';
import { location, names } from '../../../services/common/setting.ts';

describe('settings of several names', () => {
  it.each([
    ['', []],
    [' ', []],
    ['ssd', ['ssd']],
    [' zone=eu-1 , ssd ', ['zone=eu-1', 'ssd']],
    ['a,,b', undefined],
    ['a/b', undefined],
    ['two words', undefined],
    ['x'.repeat(65), undefined],
  ])('read names in %j', (text, expected) => {
    expect(names('').parse(text)).toEqual(expected);
  });

  it.each([
    ['', []],
    ['eu/rack-7', ['eu', 'rack-7']],
    ['/eu', undefined],
    ['eu,rack-7', undefined],
  ])('read a location in %j', (text, expected) => {
    expect(location('').parse(text)).toEqual(expected);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Json, readJson } from '../../../../services/planner/import/json-reader.ts';
import { writeJson } from '../../../../services/planner/import/json-writer.ts';

describe('readJson', () => {
  it('keeps integers that a number cannot hold', () => {
    expect(readJson('[9007199254740993, 18446744073709551615, -9223372036854775808]')).toEqual([
      9007199254740993n,
      18446744073709551615n,
      -9223372036854775808n,
    ]);
  });

  it('tells integers from doubles by how they are written', () => {
    expect(readJson('[1, 1.0, 1e3, -0.0]')).toEqual([1n, 1, 1000, -0]);
  });

  it('takes the bare Infinity and NaN that DuckDB prints', () => {
    expect(readJson('[Infinity,-Infinity,NaN]')).toEqual([Infinity, -Infinity, Number.NaN]);
  });

  it('reads escapes and text beyond ASCII', () => {
    expect(readJson('"a\\n\\"\\u0000é😀"')).toBe('a\n"\0é😀');
  });

  it.each(['', '{', '[1', '{"a"}', '"abc', '01', 'nul', '1 2', '"\\x"', '[1,]', '{"__proto__":1}'])(
    'refuses %j',
    (text) => {
      expect(() => readJson(text)).toThrow('expected');
    },
  );

  it('reads back all that is written', () => {
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.bigInt(),
      fc.double(),
      fc.string({ unit: 'grapheme' }),
    );
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value')),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('value'),
          { noNullPrototype: true },
        ),
      ),
    }));
    fc.assert(
      fc.property(value, (json) => {
        expect(readJson(writeJson(json))).toEqual(json);
      }),
    );
  });
});

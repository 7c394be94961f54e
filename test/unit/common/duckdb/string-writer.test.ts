import duckdb from '@duckdb/node-bindings';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readStrings } from '../../../../services/common/duckdb/string-reader.ts';
import {
  stringTrickWorks,
  writeStringsAtOnce,
  writeStringsOneByOne,
} from '../../../../services/common/duckdb/string-writer.ts';
import { columnOf, valuesOf } from '../../../support/column-values.ts';

/** What a vector holds after the rows were written to it. */
function written(
  write: typeof writeStringsAtOnce,
  texts: readonly string[],
  from: number,
): unknown {
  const hex = texts.map((text) => Buffer.from(text).toString('hex'));
  const column = columnOf({ kind: 'bytes' }, hex);
  if (column.kind !== 'bytes') throw new Error('strings are bytes');
  const chunk = duckdb.create_data_chunk([duckdb.create_logical_type(duckdb.Type.VARCHAR)]);
  const vector = duckdb.data_chunk_get_vector(chunk, 0);
  write(vector, column, { from, to: texts.length });
  return valuesOf(readStrings(vector, texts.length - from, undefined));
}

describe('strings in vectors', () => {
  it('are the same whether written at once or one by one', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 14 }),
      fc.string({ maxLength: 300 }),
    );
    const property = fc.property(
      fc.array(text, { minLength: 1, maxLength: 100 }),
      fc.nat(),
      (texts, pick) => {
        const from = pick % texts.length;
        const expected = texts.slice(from).map((value) => Buffer.from(value).toString('hex'));
        expect(written(writeStringsAtOnce, texts, from)).toEqual(expected);
        expect(written(writeStringsOneByOne, texts, from)).toEqual(expected);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  it('pass the self-test of this DuckDB, so that the fast way is the one in use', () => {
    expect(stringTrickWorks()).toBe(true);
  });
});

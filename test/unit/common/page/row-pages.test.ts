import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Cell,
  type CellColumn,
  pagesOfRows,
} from '../../../../services/common/page/row-pages.ts';
import {
  encodeSchemaMessage,
  END_OF_STREAM,
} from '../../../../services/common/page/schema-message.ts';

const COLUMNS: readonly CellColumn[] = [
  { name: 't', type: { id: 'VARCHAR' } },
  { name: 'i', type: { id: 'BIGINT' } },
  { name: 'd', type: { id: 'DOUBLE' } },
  { name: 'at', type: { id: 'TIMESTAMP WITH TIME ZONE' } },
];

const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);
const rowArbitrary: fc.Arbitrary<readonly Cell[]> = fc.tuple(
  orNull(fc.string({ unit: 'binary' })),
  orNull(fc.maxSafeInteger()),
  orNull(fc.double({ noNaN: true })),
  orNull(fc.integer({ min: -8e12, max: 8e12 })),
);

function read(pages: readonly ArrayBuffer[]): Cell[][] {
  const schema = encodeSchemaMessage(COLUMNS, { layout: 'result' });
  const parts = [schema, ...pages.map((page) => new Uint8Array(page)), END_OF_STREAM];
  const table = tableFromIPC(Buffer.concat(parts));
  return Array.from({ length: table.numRows }, (_, row) => {
    const [text, whole, double, at] = COLUMNS.map((_column, i) => table.getChildAt(i)?.get(row));
    return [text, whole === null ? null : Number(whole), double, at] as Cell[];
  });
}

describe('pagesOfRows', () => {
  it('holds the rows as they are', () => {
    fc.assert(
      fc.property(fc.array(rowArbitrary, { maxLength: 30 }), (rows) => {
        expect(read(pagesOfRows(COLUMNS, rows))).toEqual(rows);
      }),
    );
  });

  it('cuts many rows into pages', () => {
    const rows = Array.from({ length: 3_000 }, (_, i): Cell[] => ['x'.repeat(1_000), i, i, i]);
    const pages = pagesOfRows(COLUMNS, rows);
    expect(pages.length).toBeGreaterThan(2);
    expect(read(pages)).toEqual(rows);
  });
});

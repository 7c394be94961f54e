import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import { arrowField, PLAIN_TYPES, typeRow } from '../../../../services/common/plan/type-table.ts';

const struct = (type: ColumnType): ColumnType => ({ id: 'STRUCT', fields: [{ name: 'f', type }] });

describe('the type table', () => {
  it('says of every type whether clients get it without loss, and why not', () => {
    const lossy = Object.values(PLAIN_TYPES).filter((row) => !row.lossless);
    expect(lossy).toEqual([]);
    const enumType: ColumnType = { id: 'ENUM', values: ['a'] };
    const union: ColumnType = { id: 'UNION', members: [{ name: 'm', type: { id: 'DATE' } }] };
    for (const type of [enumType, union]) {
      expect(typeRow(type)).toMatchObject({ lossless: false, note: expect.any(String) });
      expect(typeRow(struct({ id: 'LIST', child: type })).lossless).toBe(false);
    }
    expect(
      typeRow(struct({ id: 'MAP', key: { id: 'DATE' }, value: { id: 'UUID' } })).lossless,
    ).toBe(true);
  });

  it.each([
    [4, { kind: 'int', bits: 16, signed: true }],
    [9, { kind: 'int', bits: 32, signed: true }],
    [18, { kind: 'int', bits: 64, signed: true }],
    [19, { kind: 'fixed-size-binary', byteWidth: 16 }],
  ])('keeps decimals of %i digits as DuckDB does between workers', (width, storage) => {
    const column = { name: 'd', type: { id: 'DECIMAL', width, scale: 0 } } as const;
    expect(arrowField(column, 'exchange').type).toEqual(storage);
    expect(arrowField(column, 'result').type).toEqual({
      kind: 'decimal',
      precision: width,
      scale: 0,
    });
  });

  it.each([
    [255, 8],
    [256, 16],
    [65_535, 16],
    [65_536, 32],
  ])('keeps enums of %i values in indices of %i bits between workers', (count, bits) => {
    const values = Array.from({ length: count }, (_, index) => `v${index}`);
    const field = arrowField({ name: 'e', type: { id: 'ENUM', values } }, 'exchange');
    expect(field.type).toEqual({ kind: 'int', bits, signed: false });
  });
});

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  fromLogicalType,
  learnVariantType,
  toLogicalType,
} from '../../../../services/common/duckdb/duckdb-type.ts';
import { formatColumnType, type ColumnType } from '../../../../services/common/plan/column-type.ts';
import { columnTypeArbitrary } from '../../../support/random-rows.ts';

const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
beforeAll(async () => {
  await learnVariantType(connection);
});

async function typeOf(expression: string): Promise<ColumnType> {
  const result = await connection.run(`SELECT ${expression}`);
  return fromLogicalType(result.columnLogicalType(0).logical_type);
}

describe('column types', () => {
  it('become DuckDB’s types and come back, as objects and as SQL text', async () => {
    const property = fc.asyncProperty(columnTypeArbitrary(), async (type) => {
      expect(fromLogicalType(toLogicalType(type))).toEqual(type);
      expect(await typeOf(`NULL::${formatColumnType(type)}`)).toEqual(type);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('know what only SQL can say', async () => {
    expect(await typeOf(`NULL::GEOMETRY('OGC:CRS84')`)).toEqual({
      id: 'GEOMETRY',
      crs: 'OGC:CRS84',
    });
    const unnamed = await typeOf(`row(1, 'a')`);
    expect(unnamed).toEqual({
      id: 'STRUCT',
      fields: [
        { name: '', type: { id: 'INTEGER' } },
        { name: '', type: { id: 'VARCHAR' } },
      ],
    });
    expect(formatColumnType(unnamed)).toBe('STRUCT(INTEGER, VARCHAR)');
    expect(() => toLogicalType({ id: 'GEOMETRY', crs: 'OGC:CRS84' })).toThrow('not supported');
  });
});

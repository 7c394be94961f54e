import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatColumnType } from '../../../../../services/common/plan/column-type.ts';
import {
  decimalResult,
  type DecimalType,
} from '../../../../../services/planner/fragment/sql/decimal-arithmetic.ts';

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
});

afterAll(() => {
  duckdb.disconnectSync();
  instance.closeSync();
});

const DECIMAL: fc.Arbitrary<DecimalType> = fc
  .integer({ min: 1, max: 38 })
  .chain((width) => fc.tuple(fc.constant(width), fc.integer({ min: 0, max: width })))
  .map(([width, scale]) => ({ id: 'DECIMAL', width, scale }));

describe('decimalResult', () => {
  it('is the type that DuckDB binds', async () => {
    const pairs = fc.array(fc.tuple(DECIMAL, fc.constantFrom('+', '-', '*'), DECIMAL), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(pairs, async (cases) => {
        const bindable = cases.filter(([a, operator, b]) => decimalResult(operator, a, b));
        const columns = bindable.map(([a, operator, b]) => {
          return `typeof(0::${formatColumnType(a)} ${operator} 0::${formatColumnType(b)})`;
        });
        if (columns.length === 0) return;
        const reader = await duckdb.runAndReadAll(`SELECT ${columns.join(', ')}`);
        const expected = bindable.map(([a, operator, b]) => {
          return formatColumnType(decimalResult(operator, a, b) ?? a);
        });
        expect(reader.getRows()[0]).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it('is nothing where DuckDB refuses the scale', async () => {
    const wide: DecimalType = { id: 'DECIMAL', width: 38, scale: 20 };
    expect(decimalResult('*', wide, wide)).toBeUndefined();
    const statement = `SELECT 0::${formatColumnType(wide)} * 0::${formatColumnType(wide)}`;
    await expect(duckdb.run(statement)).rejects.toThrow('scale');
  });
});

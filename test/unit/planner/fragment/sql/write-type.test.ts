import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { fromLogicalType } from '../../../../../services/common/duckdb/duckdb-type.ts';
import {
  type ColumnType,
  formatColumnType,
} from '../../../../../services/common/plan/column-type.ts';
import {
  hasTypeText,
  withFieldNames,
  withoutFieldNames,
  writeNull,
} from '../../../../../services/planner/fragment/sql/write-type.ts';

/** Values of types that have no text. */
const ROWS = [
  "row(1, 'a')",
  'row(NULL, row(2.5, true))',
  "[row(1, DATE '2024-02-29'), NULL]",
  "struct_pack(x := row(1, 'a'), y := 2)",
  'NULLIF(row(1, 2), row(1, 2))',
];

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create();
  connection = await instance.connect();
});
afterAll(() => {
  connection.disconnectSync();
  instance.closeSync();
});

async function read(sql: string): Promise<{ type: ColumnType; value: unknown }> {
  const result = await connection.runAndReadAll(sql);
  const type = fromLogicalType(result.columnType(0).toLogicalType().logical_type);
  return { type, value: String(result.getRows()[0]?.[0]) };
}

describe('a type without a text', () => {
  it.each(ROWS)('of %s has a NULL, and a named form that comes back the same', async (value) => {
    const original = await read(`SELECT ${value}`);
    expect(hasTypeText(original.type)).toBe(false);
    expect((await read(`SELECT ${writeNull(original.type)}`)).type).toEqual(original.type);

    const named = withFieldNames(original.type);
    expect(hasTypeText(named)).toBe(true);
    const sent = `SELECT CAST(${value} AS ${formatColumnType(named)}) AS c0`;
    expect((await read(sent)).type).toEqual(named);
    const received = `SELECT ${withoutFieldNames('c0', original.type)} FROM (${sent})`;
    expect(await read(received)).toEqual(original);
  });

  it('is never that of a named struct', () => {
    const type: ColumnType = { id: 'STRUCT', fields: [{ name: 'a', type: { id: 'DATE' } }] };
    expect(hasTypeText(type)).toBe(true);
    expect(withFieldNames(type)).toEqual(type);
    expect(withoutFieldNames('c0', type)).toBe('c0');
  });
});

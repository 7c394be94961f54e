import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../../services/common/plan/column-type.ts';
import { atom } from '../../../../../services/planner/fragment/sql/sql.ts';
import { writeExpression } from '../../../../../services/planner/fragment/sql/write-expression.ts';
import { functionName } from '../../../../../services/planner/fragment/sql/write-function.ts';
import { readJson } from '../../../../../services/planner/import/json-reader.ts';
import { rewriteStatement } from '../../../../../services/planner/import/parsed-statement.ts';
import type { Expression } from '../../../../../services/planner/logical/expression.ts';

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

describe('functionName', () => {
  it('is read by the parser as a call of that function, for every function there is', async () => {
    const listed = await duckdb.runAndReadAll(
      `SELECT DISTINCT function_name FROM duckdb_functions()
       WHERE function_type IN ('scalar', 'aggregate', 'macro') ORDER BY 1`,
    );
    const names = listed.getRows().map((row) => String(row[0]));
    expect(names.length).toBeGreaterThan(500);
    const misread: string[] = [];
    for (const name of names) {
      const sql = `SELECT ${functionName(name)}(a, b) FROM t`;
      const reader = await duckdb.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)', [sql]);
      const called: string[] = [];
      const document = readJson(String(reader.getRows()[0]?.[0]));
      rewriteStatement(document, { call: (call) => called.push(call) });
      if (called.join() !== name.toLowerCase())
        misread.push(`${name}: ${called.join() || 'no call'}`);
    }
    expect(misread).toEqual([]);
  });
});

describe('writeExpression', () => {
  const column = (index: number, type: ColumnType): Expression => ({ kind: 'column', index, type });
  const call = (name: string, type: ColumnType, ...args: readonly Expression[]): Expression => ({
    kind: 'function',
    name,
    type,
    args,
    isVolatile: false,
  });
  const decimal = (width: number, scale: number): ColumnType => ({ id: 'DECIMAL', width, scale });
  const written = (expression: Expression): string =>
    writeExpression(expression, [atom('t.c0'), atom('t.c1')]);
  const money = column(0, decimal(15, 2));

  it('takes back the widening that the binder will do again', () => {
    const one: Expression = { kind: 'constant', type: decimal(16, 2), value: 100n };
    expect(written(call('-', decimal(16, 2), one, money))).toBe('1.00 - t.c0');
    const widened: Expression = { kind: 'cast', type: decimal(18, 2), child: money, isTry: false };
    expect(written(call('*', decimal(18, 4), widened, widened))).toBe('t.c0 * t.c0');
  });

  it('casts back what would be bound wider', () => {
    const narrow: Expression = {
      kind: 'cast',
      type: decimal(10, 2),
      child: column(1, { id: 'INTEGER' }),
      isTry: false,
    };
    expect(written(call('+', decimal(10, 2), narrow, narrow))).toBe(
      'CAST(CAST(t.c1 AS DECIMAL(10,2)) + CAST(t.c1 AS DECIMAL(10,2)) AS DECIMAL(10,2))',
    );
  });

  it('sets parentheses by what binds tighter', () => {
    const integer: ColumnType = { id: 'INTEGER' };
    const [a, b] = [column(0, integer), column(1, integer)];
    const sum = call('+', integer, a, b);
    expect(written(call('*', integer, sum, call('-', integer, a, sum)))).toBe(
      '(t.c0 + t.c1) * (t.c0 - (t.c0 + t.c1))',
    );
    const isSmall: Expression = {
      kind: 'comparison',
      type: { id: 'BOOLEAN' },
      operator: '<',
      left: sum,
      right: { kind: 'constant', type: integer, value: -3n },
    };
    const either: Expression = {
      kind: 'conjunction',
      type: { id: 'BOOLEAN' },
      operator: 'OR',
      children: [isSmall, { kind: 'not', type: { id: 'BOOLEAN' }, child: isSmall }],
    };
    expect(
      written({ kind: 'null-test', type: { id: 'BOOLEAN' }, child: either, isNegated: true }),
    ).toBe('(t.c0 + t.c1 < (-3) OR NOT (t.c0 + t.c1 < (-3))) IS NOT NULL');
  });

  it('names the members that a function makes by its arguments', () => {
    const type: ColumnType = { id: 'STRUCT', fields: [{ name: 'a b', type: { id: 'DOUBLE' } }] };
    expect(written(call('struct_pack', type, column(0, { id: 'DOUBLE' })))).toBe(
      'struct_pack("a b" := t.c0)',
    );
  });
});

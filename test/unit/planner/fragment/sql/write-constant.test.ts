import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeConstant } from '../../../../../services/planner/fragment/sql/write-constant.ts';
import { decodePlan } from '../../../../../services/planner/import/decode-plan.ts';
import { readJson } from '../../../../../services/planner/import/json-reader.ts';
import type { Constant, Expression } from '../../../../../services/planner/logical/expression.ts';
import { CONSTANTS } from '../../../../support/datum-arbitraries.ts';

let instance: DuckDBInstance;
let duckdb: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
  duckdb = await instance.connect();
  // A literal with its zone must not depend on the session's.
  await duckdb.run("SET TimeZone = 'Asia/Kathmandu'");
});

afterAll(() => {
  duckdb.disconnectSync();
  instance.closeSync();
});

/** What DuckDB binds the texts to, folded. */
async function bind(texts: readonly string[]): Promise<readonly Expression[]> {
  const statement = 'SELECT json_serialize_plan($1::VARCHAR, optimize := true)';
  const reader = await duckdb.runAndReadAll(statement, [`SELECT ${texts.join(', ')}`]);
  const decoded = decodePlan(readJson(String(reader.getRows()[0]?.[0])));
  if (decoded.kind !== 'plan') throw new Error(`${decoded.construct}: ${texts.join('\n')}`);
  if (decoded.plan.kind !== 'project') throw new Error(decoded.plan.kind);
  return decoded.plan.expressions;
}

describe('writeConstant', () => {
  it('gives SQL that DuckDB reads as the same value of the same type', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(CONSTANTS, { minLength: 1, maxLength: 20 }), async (constants) => {
        expect(await bind(constants.map(writeConstant))).toEqual(constants);
      }),
      { numRuns: 60 },
    );
  });

  it('writes a nanosecond before the first day that DuckDB reads from text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(2n ** 63n) + 2n, max: -9_223_286_400_000_000_001n }),
        async (value) => {
          const text = writeConstant({ kind: 'constant', type: { id: 'TIMESTAMP_NS' }, value });
          const reader = await duckdb.runAndReadAll(`SELECT epoch_ns(${text}), typeof(${text})`);
          expect(reader.getRows()).toEqual([[value, 'TIMESTAMP_NS']]);
        },
      ),
    );
  });

  it.each<[string, Constant]>([
    ['1', { kind: 'constant', type: { id: 'INTEGER' }, value: 1n }],
    ['(-7)::BIGINT', { kind: 'constant', type: { id: 'BIGINT' }, value: -7n }],
    [
      '12.50::DECIMAL(15,2)',
      { kind: 'constant', type: { id: 'DECIMAL', width: 15, scale: 2 }, value: 1250n },
    ],
    ["DATE '1998-09-02'", { kind: 'constant', type: { id: 'DATE' }, value: 10_471n }],
    ["'it''s'", { kind: 'constant', type: { id: 'VARCHAR' }, value: "it's" }],
    ["E'a\\nb'", { kind: 'constant', type: { id: 'VARCHAR' }, value: 'a\nb' }],
    ['0.1e0', { kind: 'constant', type: { id: 'DOUBLE' }, value: 0.1 }],
    ['NULL::DATE', { kind: 'constant', type: { id: 'DATE' }, value: null }],
  ])('writes %s', (text, constant) => {
    expect(writeConstant(constant)).toBe(text);
  });
});

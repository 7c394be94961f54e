import {
  type Answer,
  missingRow,
  multisetDifference,
  sequenceDifference,
  shapeDifference,
} from '../tpch/answer.ts';

/** Plain DuckDB. */
export interface Oracle {
  answer(sql: string): Promise<Answer>;
  /** See `order-keys.ts`. */
  orderKeys(sql: string, answer: Answer): Promise<Answer | undefined>;
}

const LIMIT = /\s+LIMIT\s+\d+\s*;?\s*$/i;

/**
 * The first difference between an answer to `sql` and the oracle's, by the rules of test/sql/EQUALITY.md; undefined
 * when they are the same. Ties at a LIMIT are free: then each row has to be one of the unlimited result.
 */
export async function differenceFromOracle(
  oracle: Oracle,
  sql: string,
  actual: Answer,
): Promise<string | undefined> {
  const expected = await oracle.answer(sql);
  const shape = shapeDifference(actual, expected);
  if (shape !== undefined) return shape;
  const [keys, expectedKeys] = [
    await oracle.orderKeys(sql, actual),
    await oracle.orderKeys(sql, expected),
  ];
  if (keys !== undefined && expectedKeys !== undefined) {
    const sequence = sequenceDifference(keys, expectedKeys);
    if (sequence !== undefined) return `the order: ${sequence}`;
  }
  const rows = multisetDifference(actual, expected);
  if (rows === undefined || !LIMIT.test(sql)) return rows;
  return missingRow(actual, await oracle.answer(sql.replace(LIMIT, '')));
}

import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { AGGREGATE_METHODS } from '../../../../services/planner/distribution/aggregate-table.ts';
import { decomposeAggregate } from '../../../../services/planner/distribution/decompose-aggregate.ts';
import { aggregateCall, column, DOUBLE } from '../../../support/logical-plan-builders.ts';

/** Functions of windows that the catalog lists among the aggregates; DuckDB refuses them anywhere else. */
const WINDOW_FUNCTIONS =
  'cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number'.split(
    ' ',
  );

describe('the table of aggregates', () => {
  it('has a row for every aggregate of the pinned DuckDB, and no other', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const found = await connection.runAndReadAll(
      "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'aggregate'",
    );
    const names = found.getRows().map(([name]) => String(name));
    const aggregates = names.filter((name) => !WINDOW_FUNCTIONS.includes(name));
    expect([...AGGREGATE_METHODS.keys()].toSorted()).toEqual(aggregates.toSorted());
    connection.disconnectSync();
    instance.closeSync();
  });

  it('exports states of exactly the functions whose states DuckDB exports without pointers', () => {
    for (const [name, method] of AGGREGATE_METHODS) {
      const call = aggregateCall(name, [column(0, DOUBLE), column(1, DOUBLE)], { type: DOUBLE });
      const parts = decomposeAggregate(call)?.partial ?? [];
      expect([name, parts.some(({ state }) => state?.kind === 'export')]).toEqual([
        name,
        method === 'state',
      ]);
    }
  });

  it('decomposes nothing that it says is gathered', () => {
    const gathered = [...AGGREGATE_METHODS].filter(([, method]) => method === 'gather');
    for (const [name] of gathered) {
      expect([name, decomposeAggregate(aggregateCall(name, [column(0)]))]).toEqual([
        name,
        undefined,
      ]);
    }
  });
});

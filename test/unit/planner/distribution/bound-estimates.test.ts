import { describe, expect, it } from 'vitest';
import { boundEstimates } from '../../../../services/planner/distribution/bound-estimates.ts';
import type {
  ColumnBounds,
  ScanStatistics,
} from '../../../../services/planner/distribution/scan-statistics.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import {
  aggregateCall,
  column,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const ROWS = 1_000_000;
const facts = scan(0, 3, ROWS);
const nations = scan(1, 2, 25);
const count = aggregateCall('count_star', []);

/** Four row groups; of each column these bounds in every one of them. */
function statistics(...columns: readonly ColumnBounds[]): ScanStatistics {
  const rowGroups = Array.from({ length: 4 }, () => ({ rowCount: ROWS / 4, bytes: ROWS }));
  const unknown: ColumnBounds = { nulls: 'some' };
  return { rowGroups, boundsOf: (index) => rowGroups.map(() => columns[index] ?? unknown) };
}

function rowsOf(plan: LogicalPlan, ofFacts?: ScanStatistics): number | undefined {
  return boundEstimates(plan, new Map(ofFacts === undefined ? [] : [[0, ofFacts]])).estimatedRows;
}

/** As DuckDB estimates, which knows nothing. */
const grouped = (child: LogicalPlan, ...keys: readonly number[]): LogicalPlan => ({
  ...groupBy(
    child,
    keys.map((key) => column(key)),
    [count],
  ),
  estimatedRows: 630_000,
});

describe('estimates of groups', () => {
  it('stay where nothing is known', () => {
    expect(rowsOf(grouped(facts, 0))).toBe(630_000);
  });

  it('are at most the rows of the table that a key comes from, however many rows are joined', () => {
    const joined = join('inner', { left: facts, right: nations }, [0, 0]);
    expect(rowsOf(grouped(joined, 4))).toBe(25);
    expect(rowsOf(grouped(joined, 0))).toBe(630_000);
  });

  it('are at most the whole numbers between the bounds of a key', () => {
    const of = statistics(
      { min: 11n, max: 20n, nulls: 'none' },
      { min: 0n, max: 99n, nulls: 'none' },
    );
    expect(rowsOf(grouped(facts, 0), of)).toBe(10);
    expect(rowsOf(grouped(facts, 0, 1), of)).toBe(1_000);
    expect(rowsOf(grouped(facts, 0, 2), of)).toBe(630_000);
  });

  it('are at most the values that all row groups count', () => {
    const of = statistics({ nulls: 'some', distinctValues: 7 });
    expect(rowsOf(grouped(facts, 0), of)).toBe(28);
  });

  it('are at most the values of one row group, where all have the same common ones', () => {
    const common = { min: 'A', max: 'R', nulls: 'none', distinctValues: 3 } as const;
    expect(rowsOf(grouped(facts, 0), statistics(common))).toBe(3);
    const rare = { ...common, distinctValues: ROWS / 8 };
    expect(rowsOf(grouped(facts, 0), statistics(rare))).toBe(ROWS / 2);
  });

  it('go by the columns that an expression is made of, unless it is another one in each row', () => {
    const of = statistics({ min: 1n, max: 10n, nulls: 'none' });
    const sum = (isVolatile: boolean): LogicalPlan => ({
      ...groupBy(
        facts,
        [{ kind: 'function', name: '+', type: column(0).type, args: [column(0)], isVolatile }],
        [count],
      ),
      estimatedRows: 630_000,
    });
    expect(rowsOf(sum(false), of)).toBe(10);
    expect(rowsOf(sum(true), of)).toBe(630_000);
  });

  it('are as many as the years of dates, or the months that a year has', () => {
    const of = statistics({ min: 0n, max: 3_649n, nulls: 'none' });
    const part = (name: string): LogicalPlan => ({
      ...groupBy(
        facts,
        [
          {
            kind: 'function',
            name,
            type: column(0).type,
            args: [column(0, { id: 'DATE' })],
            isVolatile: false,
          },
        ],
        [count],
      ),
      estimatedRows: 630_000,
    });
    expect(rowsOf(part('year'), of)).toBe(11);
    expect(rowsOf(part('month'), of)).toBe(12);
    expect(rowsOf(part('julian'), of)).toBe(3_650);
  });

  it('hold for DISTINCT, and for what is above', () => {
    const of = statistics({ min: 1n, max: 10n, nulls: 'none' });
    const distinct: LogicalPlan = {
      kind: 'distinct',
      child: scan(0, 1, ROWS),
      on: [],
      orderBy: [],
      columns: [column(0).type],
      estimatedRows: 630_000,
    };
    const above: LogicalPlan = {
      kind: 'project',
      child: distinct,
      expressions: [column(0)],
      columns: distinct.columns,
      estimatedRows: 630_000,
    };
    expect(rowsOf(above, of)).toBe(10);
  });
});

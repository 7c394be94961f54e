import { describe, expect, it } from 'vitest';
import { mendEstimates } from '../../../../services/planner/distribution/mend-estimates.ts';
import type { ScanStatistics } from '../../../../services/planner/distribution/scan-statistics.ts';
import type { Expression } from '../../../../services/planner/logical/expression.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import {
  column,
  constant,
  groupBy,
  join,
  scan,
  VARCHAR,
} from '../../../support/logical-plan-builders.ts';

const ROWS = 1_000_000;
const BOOLEAN = { id: 'BOOLEAN' } as const;
const STATISTICS: ScanStatistics = {
  rowGroups: [{ rowCount: ROWS, bytes: ROWS }],
  boundsOf: () => [],
};

function compare(operator: '=' | '<>'): Expression {
  return { kind: 'comparison', type: BOOLEAN, operator, left: column(0), right: constant(7n) };
}

function call(name: string): Expression {
  const args = [column(0, VARCHAR)];
  return { kind: 'function', name, type: BOOLEAN, args, isVolatile: false };
}

const not = (child: Expression): Expression => ({ kind: 'not', type: BOOLEAN, child });

/** As DuckDB estimates: a fifth. */
function filtered(...predicates: readonly Expression[]): LogicalPlan {
  const child = scan(0, 2, ROWS / 5);
  const { columns } = child;
  return { kind: 'filter', child, predicates, columns, estimatedRows: ROWS / 5 };
}

function rowsOf(plan: LogicalPlan): number | undefined {
  const { estimatedRows } = mendEstimates(plan, new Map([[0, STATISTICS]]));
  return estimatedRows === undefined ? undefined : Math.round(estimatedRows);
}

describe('estimates of filters', () => {
  it.each([
    ['<>', compare('<>')],
    ['NOT LIKE', call('!~~')],
    ['NOT prefix', not(call('prefix'))],
    ['IS NOT NULL', { kind: 'null-test', type: BOOLEAN, child: column(0), isNegated: true }],
    ['NOT IN', { kind: 'in-list', type: BOOLEAN, child: column(0), values: [], isNegated: true }],
  ] as const)('keep nearly all rows of %s', (_name, predicate) => {
    expect(rowsOf(filtered(predicate))).toBe(ROWS * 0.9);
  });

  it('keep nearly all rows of NOT IN (SELECT …)', () => {
    const marked = join('mark', { left: scan(0, 2, ROWS), right: scan(1, 2, 100) }, [0, 0]);
    const child = { ...marked, estimatedRows: ROWS };
    const { columns } = child;
    const mark = columns.length - 1;
    const filter = (predicate: Expression): LogicalPlan => ({
      kind: 'filter',
      child,
      predicates: [predicate],
      columns,
      estimatedRows: ROWS / 5,
    });
    expect(rowsOf(filter(not(column(mark, BOOLEAN))))).toBe(ROWS * 0.9);
    expect(rowsOf(filter(column(mark, BOOLEAN)))).toBe(ROWS / 5);
    expect(rowsOf(filter(not(column(0, BOOLEAN))))).toBe(ROWS / 5);
  });

  it('keep fewer with each of several', () => {
    expect(rowsOf(filtered(compare('<>'), call('!~~')))).toBe(ROWS * 0.81);
  });

  it('stay where a predicate keeps what is alike', () => {
    expect(rowsOf(filtered(compare('=')))).toBe(ROWS / 5);
    expect(rowsOf(filtered(compare('<>'), compare('=')))).toBe(ROWS / 5);
    expect(rowsOf(filtered(not(compare('='))))).toBe(ROWS / 5);
    expect(rowsOf(filtered(call('~~')))).toBe(ROWS / 5);
  });

  it('are never made smaller', () => {
    expect(rowsOf({ ...filtered(compare('<>')), estimatedRows: ROWS })).toBe(ROWS);
  });

  it('grow above them, too, on the side of a join that its rows come from', () => {
    const left = filtered(compare('<>'));
    const joined = (type: 'inner' | 'semi' | 'right'): LogicalPlan => ({
      ...join(type, { left, right: scan(1, 2, 100) }, [0, 0]),
      estimatedRows: 1_000,
    });
    expect(rowsOf(joined('inner'))).toBe(4_500);
    expect(rowsOf(joined('semi'))).toBe(4_500);
    expect(rowsOf(joined('right'))).toBe(1_000);
    expect(rowsOf({ ...groupBy(left, [column(0)], []), estimatedRows: 10 })).toBe(45);
  });
});

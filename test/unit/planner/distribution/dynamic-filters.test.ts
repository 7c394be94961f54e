import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import { placeDynamicFilters } from '../../../../services/planner/distribution/dynamic-filters.ts';
import type { PhysicalPlan } from '../../../../services/planner/distribution/physical-plan.ts';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import type {
  Filter,
  Join,
  JoinType,
  LogicalPlan,
  Scan,
} from '../../../../services/planner/logical/logical-plan.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  constant,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const BIG = 1_000_000;
const SMALL = 1_000;

/** Some rows of a scan: what makes a filter worth its while. */
function some(child: LogicalPlan): Filter {
  const predicate = {
    kind: 'comparison',
    type: { id: 'BOOLEAN' },
    operator: '>',
    left: column(0),
    right: constant(5n),
  } as const;
  const { columns, estimatedRows = 0 } = child;
  return { kind: 'filter', child, predicates: [predicate], columns, estimatedRows };
}

/** `partitioned`: no side is copied, so scans lie behind exchanges. */
function cut(plan: LogicalPlan, way: 'broadcast' | 'partitioned'): PhysicalPlan {
  const broadcastThresholdBytes = way === 'broadcast' ? 1 << 30 : 0;
  const options = {
    taskCount: 4,
    broadcastThresholdBytes,
    sendsRawRows: false,
    sharesSmallWork: true,
  };
  return distribute(plan, { ...options, statistics: new Map(), replicated: new Map() }, 10);
}

/** `scan.column` of all filtered columns, with the stage that collects. */
function filters(plan: LogicalPlan, way: 'broadcast' | 'partitioned' = 'partitioned'): string[] {
  const physical = cut(plan, way);
  const placed = placeDynamicFilters(physical);
  return [...placed.filteredColumns].flatMap(([scanId, columns]) =>
    columns.map(({ filterId, column: position, testsRows }) => {
      const stages = [...placed.collectedKeys].filter(([, keys]) =>
        keys.some((key) => key.filterId === filterId),
      );
      expect(stages.length).toBeGreaterThan(0);
      return `${scanId}.${position}${testsRows ? '' : ' by bounds'}`;
    }),
  );
}

function typed(plan: Scan, type: ColumnType): Scan {
  return {
    ...plan,
    columns: plan.columns.map(() => type),
    fileColumns: plan.fileColumns.map((each) => ({ ...each, type })),
  };
}

describe('dynamic filters of a plan', () => {
  it.each<readonly [JoinType, readonly string[]]>([
    ['inner', ['0.1']],
    ['right', ['0.1']],
    ['semi', ['0.1']],
    ['right-semi', ['0.1']],
    ['right-anti', ['0.1']],
    // Rows of a preserved side are in the result without a match; a mark tells of NULLs everywhere.
    ['left', []],
    ['full', []],
    ['anti', []],
    ['mark', []],
    ['single', []],
  ])('on the large left side of a join: %s', (joinType, expected) => {
    const sides = { left: scan(0, 2, BIG), right: some(scan(1, 1, SMALL)) };
    expect(filters(join(joinType, sides, [1, 0]))).toEqual(expected);
  });

  it.each<readonly [JoinType, readonly string[]]>([
    ['inner', ['0.1']],
    ['left', ['0.1']],
    ['semi', ['0.1']],
    ['anti', ['0.1']],
    ['single', ['0.1']],
    ['right-semi', ['0.1']],
    ['right', []],
    ['full', []],
    ['right-anti', []],
    ['mark', []],
  ])('on the large right side of a join: %s', (joinType, expected) => {
    const sides = { left: some(scan(1, 1, SMALL)), right: scan(0, 2, BIG) };
    expect(filters(join(joinType, sides, [0, 1]))).toEqual(expected);
  });

  it('count by bounds where the join is in the scan’s own stage', () => {
    const sides = { left: scan(0, 2, BIG), right: some(scan(1, 1, SMALL)) };
    expect(filters(join('inner', sides, [1, 0]), 'broadcast')).toEqual(['0.1 by bounds']);
  });

  it('are not made of nearly as many rows as they would filter', () => {
    const sides = { left: scan(0, 2, BIG), right: some(scan(1, 1, BIG * 0.8)) };
    expect(filters(join('inner', sides, [1, 0]))).toEqual([]);
  });

  it('are made of all rows of a table only if these are very few', () => {
    const of = (rows: number): string[] =>
      filters(join('inner', { left: scan(0, 2, BIG), right: scan(1, 1, rows) }, [1, 0]));
    expect(of(BIG / 10)).toEqual([]);
    expect(of(BIG / 100)).toEqual(['0.1']);
  });

  it('go down through groups of the key, not through other columns', () => {
    const grouped = groupBy(scan(0, 2, BIG), [column(1)], [aggregateCall('count_star', [])]);
    const left = { ...grouped, estimatedRows: BIG };
    const by = (key: number): string[] =>
      filters(join('inner', { left, right: some(scan(1, 1, SMALL)) }, [key, 0]));
    expect(by(0)).toEqual(['0.1']);
    expect(by(1)).toEqual([]);
  });

  it('go down to every branch of a union', () => {
    const left: LogicalPlan = {
      kind: 'set-operation',
      operator: 'union',
      all: true,
      allowOutOfOrder: true,
      children: [scan(0, 1, BIG), scan(2, 1, BIG)],
      columns: [BIGINT],
      estimatedRows: 2 * BIG,
    };
    const plan = join('inner', { left, right: some(scan(1, 1, SMALL)) }, [0, 0]);
    expect(filters(plan)).toEqual(['0.0', '2.0']);
  });

  it('go through inner joins, and not to a side that is filled up with NULLs', () => {
    const below = (joinType: JoinType, key: number): string[] => {
      const inner = join(joinType, { left: scan(0, 2, BIG), right: scan(2, 2, BIG) }, [0, 0]);
      const plan = join('inner', { left: inner, right: some(scan(1, 1, SMALL)) }, [key, 0]);
      return filters(plan).filter((target) => target !== '1.0');
    };
    expect(below('inner', 1)).toEqual(['0.1']);
    expect(below('inner', 3)).toEqual(['2.1']);
    expect(below('left', 1)).toEqual(['0.1']);
    expect(below('left', 3)).toEqual([]);
    expect(below('full', 1)).toEqual([]);
  });

  it.each<LogicalPlan>([
    {
      kind: 'limit',
      child: scan(0, 1, BIG),
      limit: { kind: 'rows', rows: 500_000n },
      columns: [BIGINT],
      estimatedRows: BIG,
    },
    {
      kind: 'top-n',
      child: scan(0, 1, BIG),
      keys: [{ expression: column(0), descending: false, nullsFirst: false }],
      limit: 500_000n,
      offset: 0n,
      columns: [BIGINT],
      estimatedRows: BIG,
    },
  ])('stop above a $kind, whose rows would be others', (left) => {
    expect(filters(join('inner', { left, right: some(scan(1, 1, SMALL)) }, [0, 0]))).toEqual([]);
  });

  it('stop above a volatile projection', () => {
    const random = { kind: 'function', type: BIGINT, name: 'random', args: [], isVolatile: true };
    const left: LogicalPlan = {
      kind: 'project',
      child: scan(0, 1, BIG),
      expressions: [column(0), random as never],
      columns: [BIGINT, BIGINT],
      estimatedRows: BIG,
    };
    expect(filters(join('inner', { left, right: some(scan(1, 1, SMALL)) }, [0, 0]))).toEqual([]);
  });

  it('keep NULLs where the join takes them for equal, and leave floats out there', () => {
    const nullSafe = (type: ColumnType): Join => {
      const sides = { left: typed(scan(0, 1, BIG), type), right: typed(scan(1, 1, SMALL), type) };
      const plan = join('inner', sides, [0, 0]);
      const conditions = plan.conditions.map(() => ({
        operator: 'IS NOT DISTINCT FROM' as const,
        left: column(0, type),
        right: column(0, type),
      }));
      return { ...plan, conditions, columns: [type, type] };
    };
    const placed = placeDynamicFilters(cut(nullSafe(BIGINT), 'partitioned'));
    expect(placed.filteredColumns.get(0)?.map(({ keepsNulls }) => keepsNulls)).toEqual([true]);
    expect(filters(nullSafe({ id: 'DOUBLE' }))).toEqual([]);
  });

  it('never make two scans wait for each other', () => {
    const sides = { left: some(scan(0, 1, BIG)), right: some(scan(1, 1, SMALL)) };
    const inner = join('inner', sides, [0, 0]);
    const outer = join('inner', { left: inner, right: some(scan(2, 1, SMALL / 10)) }, [1, 0]);
    expect(filters(outer).toSorted()).toEqual(['0.0', '1.0']);
  });
});

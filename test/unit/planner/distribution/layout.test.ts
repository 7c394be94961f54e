import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../../services/common/plan/column-type.ts';
import { layoutText } from '../../../../services/planner/distribution/layout.ts';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import type { PhysicalPlan } from '../../../../services/planner/distribution/physical-plan.ts';
import type {
  ColumnBounds,
  ScanStatistics,
} from '../../../../services/planner/distribution/scan-statistics.ts';
import { firstFreeSourceId, simplify } from '../../../../services/planner/distribution/simplify.ts';
import type { Datum } from '../../../../services/planner/logical/datum.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  DOUBLE,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const ROWS = 1_000_000;
const LARGE = 16 * ROWS;
const count = aggregateCall('count_star', []);

/** Sixteen row groups; column 0 has these bounds, nothing is known of the others. */
function statistics(boundsAt: (index: number) => ColumnBounds): ScanStatistics {
  const groups = Array.from({ length: 16 }, (_, index) => index);
  return {
    rowGroups: groups.map(() => ({ rowCount: ROWS, bytes: 8 * ROWS })),
    boundsOf: (index) => groups.map((i) => (index === 0 ? boundsAt(i) : { nulls: 'some' })),
  };
}

const between = (min: Datum, max: Datum): ColumnBounds => ({ min, max, nulls: 'none' });
const clustered = statistics((i) => between(BigInt(i * 100), BigInt(i * 100 + 100)));
const unsorted = statistics(() => between(0n, 1_600n));
const unknown = statistics(() => ({ nulls: 'some' }));
const oneValue = statistics(() => between(7n, 7n));

function distributed(plan: LogicalPlan, of: readonly ScanStatistics[]): PhysicalPlan {
  const simple = simplify(plan);
  const options = {
    taskCount: 4,
    broadcastThresholdBytes: 32 * 1024 * 1024,
    sendsRawRows: false,
    sharesSmallWork: true,
    statistics: new Map(of.entries()),
    replicated: new Map(),
  };
  return distribute(simple, options, firstFreeSourceId(simple));
}

/** Partitioning of each stage, a layout with its text. */
function place(plan: LogicalPlan, of: readonly ScanStatistics[]): readonly string[] {
  return distributed(plan, of).stages.map(({ partitioning, layout }) =>
    layout === undefined ? partitioning : layoutText(layout),
  );
}

const both = { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) };
const twice = [clustered, clustered];

describe('files that lie apart by a key', () => {
  it('are joined on it without an exchange', () => {
    expect(place(join('inner', both, [0, 0]), twice)).toEqual(['range(column_0, 4)']);
  });

  it.each(['left', 'right', 'full', 'semi', 'anti', 'right-semi', 'right-anti', 'single'] as const)(
    'are joined by a %s join, too',
    (joinType) => {
      expect(place(join(joinType, both, [0, 0]), twice)).toEqual(['range(column_0, 4)']);
    },
  );

  it('leave a mark join its broadcast: the NULLs of its right side count everywhere', () => {
    expect(place(join('mark', both, [0, 0]), twice)).toEqual(['source', 'source']);
  });

  it('are aggregated, made distinct and windowed by it in one stage', () => {
    const grouped = groupBy(scan(0, 2, LARGE), [column(1), column(0)], [count]);
    expect(place({ ...grouped, estimatedRows: LARGE }, [clustered])).toEqual([
      'range(column_0, 4)',
    ]);
    const median = aggregateCall('median', [column(1)]);
    expect(place(groupBy(scan(0, 2, LARGE), [column(0)], [median]), [clustered])).toHaveLength(1);
    const distinct: LogicalPlan = {
      kind: 'distinct',
      child: scan(0, 2, LARGE),
      on: [column(0)],
      orderBy: [],
      columns: [BIGINT, BIGINT],
    };
    expect(place(distinct, [clustered])).toHaveLength(1);
    const window: LogicalPlan = {
      kind: 'window',
      child: scan(0, 2, LARGE),
      calls: [
        {
          kind: 'window',
          name: 'row_number',
          isAggregate: false,
          args: [],
          type: BIGINT,
          partitionBy: [column(0)],
          orderBy: [{ expression: column(1), descending: false, nullsFirst: false }],
          frame: {
            unit: 'ROWS',
            start: { kind: 'unbounded-preceding' },
            end: { kind: 'current-row' },
            exclude: 'NO OTHERS',
          },
          distinct: false,
          ignoreNulls: false,
          argOrderBy: [],
        },
      ],
      columns: [BIGINT, BIGINT, BIGINT],
    };
    expect(place(window, [clustered])).toHaveLength(1);
  });

  it('keep what a join has put together for the aggregate and the next join above it', () => {
    const joined = join('inner', both, [0, 0]);
    expect(place(groupBy(joined, [column(2)], [count]), twice)).toHaveLength(1);
    const again = join('inner', { left: joined, right: scan(2, 2, LARGE) }, [2, 0]);
    expect(place(again, [...twice, clustered])).toEqual(['range(column_0, 4)']);
  });

  it('do not group by the side that an outer join fills with NULLs', () => {
    const joined = join('left', both, [0, 0]);
    expect(place(groupBy(joined, [column(2)], [count]), twice)).toHaveLength(2);
    expect(place(groupBy(join('full', both, [0, 0]), [column(0)], [count]), twice)).toHaveLength(2);
  });

  it('are found below filters, projections and broadcast joins', () => {
    const small = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, 25) }, [1, 1]);
    const grouped = groupBy(small, [column(0)], [aggregateCall('median', [column(1)])]);
    expect(place(grouped, [clustered, unknown])).toEqual(['source', 'range(column_0, 4)']);
  });

  it('are cut by the values that both sides have, one part of a small side in each task', () => {
    const few = { ...clustered, rowGroups: clustered.rowGroups.slice(0, 1) };
    expect(place(join('left', both, [0, 0]), [clustered, few])).toHaveLength(1);
  });
});

describe('files that do not', () => {
  it.each([
    ['unsorted', unsorted],
    ['without statistics', unknown],
    ['with one value only', oneValue],
  ])('are exchanged when they are %s', (_what, odd) => {
    const plan = join('inner', both, [0, 0]);
    expect(place(plan, [odd, odd])).toEqual(['source', 'source', 'hash']);
  });

  it('are exchanged for another key, or a computed one', () => {
    expect(place(join('inner', both, [1, 0]), twice)).toHaveLength(3);
    const median = aggregateCall('median', [column(0)]);
    expect(place(groupBy(scan(0, 2, LARGE), [column(1)], [median]), [clustered])).toHaveLength(2);
  });

  it('are never cut by floating-point keys, whose NaN no statistics count in', () => {
    const floats = statistics((i) => between(i, i + 1));
    const asDouble = (plan: ReturnType<typeof scan>): LogicalPlan => ({
      ...plan,
      columns: [DOUBLE, BIGINT] satisfies ColumnType[],
      fileColumns: plan.fileColumns.map((each, i) => (i === 0 ? { ...each, type: DOUBLE } : each)),
    });
    const plan = groupBy(
      asDouble(scan(0, 2, LARGE)),
      [column(0, DOUBLE)],
      [aggregateCall('median', [column(1)])],
    );
    expect(place(plan, [floats])).toEqual(['source', 'hash']);
  });

  it('broadcast a small side although it could be cut', () => {
    const plan = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, 10) }, [0, 0]);
    expect(
      place(plan, [statistics((i) => between(BigInt(i * 100), BigInt(i * 100 + 300))), unsorted]),
    ).toEqual(['source', 'source']);
  });
});

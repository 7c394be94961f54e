import { describe, expect, it } from 'vitest';
import type {
  ColumnBounds,
  ScanStatistics,
} from '../../../../services/planner/distribution/scan-statistics.ts';
import { layoutText, partsOf } from '../../../../services/planner/distribution/layout.ts';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import type { PhysicalPlan } from '../../../../services/planner/distribution/physical-plan.ts';
import { firstFreeSourceId, simplify } from '../../../../services/planner/distribution/simplify.ts';
import type { JoinType, LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import {
  aggregateCall,
  column,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const LARGE = 16_000_000;
const SMALL = 1_000;
const large = scan(0, 2, LARGE);
const small = scan(1, 2, SMALL);
const count = aggregateCall('count_star', []);

/** Row groups of equal size; column 0 is ordered over them, nothing is known of the others. */
function statistics(rowCount: number, rowGroupCount: number): ScanStatistics {
  const groups = Array.from({ length: rowGroupCount }, (_, index) => index);
  const size = rowCount / rowGroupCount;
  const boundsOf = (index: number): ColumnBounds => ({
    min: BigInt(index) * 100n,
    max: BigInt(index) * 100n + 99n,
    nulls: 'none',
  });
  return {
    rowGroups: groups.map(() => ({ rowCount: size, bytes: 8 * size })),
    boundsOf: (index) => groups.map((i) => (index === 0 ? boundsOf(i) : { nulls: 'some' })),
  };
}

const ofLarge = statistics(LARGE, 16);
const ofSmall = statistics(SMALL, 1);

interface Known {
  readonly replicated?: readonly ScanStatistics[];
  readonly colocated?: readonly ScanStatistics[];
}

function distributed(plan: LogicalPlan, known: Known = {}): PhysicalPlan {
  const simple = simplify(plan);
  const { replicated = [ofLarge, ofSmall, ofSmall], colocated = [] } = known;
  const options = {
    taskCount: 4,
    broadcastThresholdBytes: 32 * 1024 * 1024,
    sendsRawRows: false,
    sharesSmallWork: false,
    statistics: new Map(colocated.entries()),
    replicated: new Map(replicated.entries()),
  };
  return distribute(simple, options, firstFreeSourceId(simple));
}

const place = (plan: LogicalPlan, known?: Known): readonly string[] =>
  distributed(plan, known).stages.map(({ partitioning, layout }) =>
    layout === undefined ? partitioning : layoutText(layout),
  );

const global = (plan: LogicalPlan): LogicalPlan => groupBy(plan, [], [count]);

describe('a small table that is joined', () => {
  it('is read by every task that has a share of the large one', () => {
    const plan = distributed(global(join('inner', { left: large, right: small }, [0, 0])));
    expect(plan.stages.map(({ partitioning }) => partitioning)).toEqual(['layout', 'single']);
    const layout = plan.stages[0]?.layout;
    expect(layout && layoutText(layout)).toBe('shares(4)');
    const [shared, copied] = layout === undefined ? [] : partsOf(layout);
    expect(shared?.rowGroups.map(({ partitions }) => partitions)).toEqual(
      [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3].map((share) => [share]),
    );
    expect(copied).toMatchObject({ scanId: 1, rowGroups: [], partitionsOfOthers: [0, 1, 2, 3] });
  });

  it('is broadcast where nothing is known of its size', () => {
    const joined = global(join('inner', { left: large, right: small }, [0, 0]));
    expect(place(joined, { replicated: [] })).toEqual(['source', 'source', 'single']);
    expect(place(joined, { replicated: [ofLarge] })).toHaveLength(3);
  });

  it.each<[JoinType, readonly string[]]>([
    ['inner', ['shares(4)', 'single']],
    ['left', ['shares(4)', 'single']],
    ['semi', ['shares(4)', 'single']],
    ['anti', ['shares(4)', 'single']],
    ['mark', ['shares(4)', 'single']],
    // Their rows of the right side without a match come once, not once for each task.
    ['right', ['shares(4)', 'shares(4)', 'hash', 'single']],
    ['full', ['shares(4)', 'shares(4)', 'hash', 'single']],
  ])('in a %s join is copied only if the answer stays the same', (joinType, stages) => {
    const sides = { left: large, right: scan(1, 2, LARGE) };
    const known = { replicated: [ofLarge, statistics(LARGE, 16)] };
    const fits = joinType !== 'right' && joinType !== 'full';
    const plan = join(joinType, fits ? { left: large, right: small } : sides, [0, 0]);
    expect(place(global(plan), fits ? {} : known)).toEqual(stages);
  });

  it('is itself a join of small tables, in the tasks of the large one', () => {
    const inner = join('inner', { left: small, right: scan(2, 2, SMALL) }, [0, 0]);
    const plan = distributed(global(join('inner', { left: large, right: inner }, [0, 0])));
    expect(plan.stages).toHaveLength(2);
    expect(plan.stages[0]?.layout?.copies?.map(({ scanId }) => scanId)).toEqual([1, 2]);
  });

  it('does not keep the large one from being joined by ranges of its key', () => {
    const withSmall = join('inner', { left: large, right: small }, [1, 0]);
    const again = join('inner', { left: withSmall, right: scan(2, 2, LARGE) }, [0, 0]);
    const all = [ofLarge, ofSmall, statistics(LARGE, 16)];
    const plan = distributed(global(again), { replicated: all, colocated: all });
    const layout = plan.stages[0]?.layout;
    expect(layout && layoutText(layout)).toBe('range(column_0, 4)');
    expect(layout?.copies).toEqual([{ scanId: 1, original: 1 }]);
    expect(plan.stages).toHaveLength(2);
  });

  it('above broadcast_threshold goes by hash', () => {
    const sides = { left: large, right: scan(1, 2, LARGE) };
    const known = { replicated: [ofLarge, statistics(LARGE, 16)] };
    expect(place(join('inner', sides, [1, 1]), known)).toEqual(['shares(4)', 'shares(4)', 'hash']);
  });
});

describe('a scan of its own stage', () => {
  it('is read in shares where it is small, and in splits as they come where it is not', () => {
    expect(place(global(large))).toEqual(['shares(4)', 'single']);
    const huge = statistics(1_000_000_000, 100);
    expect(place(global(scan(0, 2, 1_000_000_000)), { replicated: [huge] })).toEqual([
      'source',
      'single',
    ]);
  });

  it('gives its first rows early to the client', () => {
    expect(place(large)).toEqual(['source']);
  });

  it('may stop to aggregate where there are many groups', () => {
    const grouped: LogicalPlan = { ...groupBy(large, [column(1)], [count]), estimatedRows: LARGE };
    expect(place(grouped)).toEqual(['source', 'hash']);
  });
});

describe('few groups', () => {
  it('are merged in one task', () => {
    const grouped = (rows: number): LogicalPlan => ({
      ...groupBy(large, [column(1)], [count]),
      estimatedRows: rows,
    });
    expect(place(grouped(SMALL), { replicated: [] })).toEqual(['source', 'single']);
    expect(place(grouped(LARGE / 2), { replicated: [] })).toEqual(['source', 'hash']);
  });
});

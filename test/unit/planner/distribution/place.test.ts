import { describe, expect, it } from 'vitest';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import { firstFreeSourceId, simplify } from '../../../../services/planner/distribution/simplify.ts';
import type { PhysicalPlan } from '../../../../services/planner/distribution/physical-plan.ts';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import {
  aggregateCall,
  BIGINT,
  column,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const OPTIONS = {
  taskCount: 4,
  broadcastThresholdBytes: 32 * 1024 * 1024,
  sendsRawRows: false,
  sharesSmallWork: true,
  statistics: new Map(),
  replicated: new Map(),
};
const LARGE = 50_000_000;

/** `partitioning < producer:exchange …` of each stage. */
function shapeOf(plan: PhysicalPlan): readonly string[] {
  return plan.stages.map(({ partitioning, inputs }) =>
    [
      partitioning,
      ...inputs.map(({ producers, exchange }) => `${producers.join('+')}:${exchange.kind}`),
    ].join(' '),
  );
}

function distributePlan(plan: LogicalPlan): PhysicalPlan {
  const simple = simplify(plan);
  return distribute(simple, OPTIONS, firstFreeSourceId(simple));
}

const place = (plan: LogicalPlan): readonly string[] => shapeOf(distributePlan(plan));

const count = aggregateCall('count_star', []);

describe('distribute', () => {
  it('runs a scan in its own tasks and sends the result straight to the client', () => {
    expect(place(scan(0, 2, LARGE))).toEqual(['source']);
  });

  it('groups in two phases: partial states by hash of the group', () => {
    const plan = groupBy(scan(0, 2, LARGE), [column(1)], [count]);
    expect(place(plan)).toEqual(['source', 'hash 0:hash']);
  });

  it('merges global aggregates in one task', () => {
    expect(place(groupBy(scan(0, 2, LARGE), [], [count]))).toEqual(['source', 'single 0:single']);
  });

  it('gathers by key what has no parts', () => {
    const median = aggregateCall('median', [column(0)]);
    const plan = groupBy(scan(0, 2, LARGE), [column(1)], [median]);
    const physical = distributePlan(plan);
    expect(shapeOf(physical)).toEqual(['source', 'hash 0:hash']);
    expect(physical.stages[0]?.body.kind).toBe('scan');
  });

  it('does not move rows that a join below has hashed on the group', () => {
    const joined = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) }, [0, 0]);
    const byKey = groupBy(joined, [column(0), column(1)], [count]);
    expect(place(byKey)).toEqual(['source', 'source', 'hash 0:hash 1:hash']);
    const byOther = groupBy(joined, [column(1)], [count]);
    expect(place(byOther)).toEqual(['source', 'source', 'hash 0:hash 1:hash', 'hash 2:hash']);
  });

  it('reuses rows hashed by one key for whatever needs them by that key and others', () => {
    const joined = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) }, [0, 0]);
    const joinStages = ['source', 'source', 'hash 0:hash 1:hash'];
    const median = aggregateCall('median', [column(3)]);
    expect(place(groupBy(joined, [column(1), column(2)], [median]))).toEqual(joinStages);
    const distinct: LogicalPlan = {
      kind: 'distinct',
      child: joined,
      on: [],
      orderBy: [],
      columns: joined.columns,
    };
    expect(place(distinct)).toEqual(joinStages);
    const again = join('inner', { left: joined, right: scan(2, 2, LARGE) }, [0, 0]);
    const byBoth = {
      ...again,
      conditions: [
        { operator: '=' as const, left: column(1), right: column(1) },
        ...again.conditions,
      ],
    };
    expect(place(byBoth)).toEqual(['source', 'source', 'source', 'hash 0:hash 1:hash 2:hash']);
  });

  it('groups by the outer side of a join only by the side that is never filled with NULLs', () => {
    const sides = { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) };
    const joined = join('left', sides, [0, 0]);
    expect(place(groupBy(joined, [column(0)], [count]))).toHaveLength(3);
    expect(place(groupBy(joined, [column(2)], [count]))).toHaveLength(4);
    const full = join('full', sides, [0, 0]);
    expect(place(groupBy(full, [column(0)], [count]))).toHaveLength(4);
  });

  it('keeps both sides of a join where an earlier join on the same key has put them', () => {
    const below = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) }, [0, 0]);
    const plan = join('inner', { left: below, right: scan(2, 2, LARGE) }, [2, 1]);
    expect(place(plan)).toEqual(['source', 'source', 'source', 'hash 0:hash 1:hash 2:hash']);
  });

  it('broadcasts a small build side and hashes a large one', () => {
    const small = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, 25) }, [0, 0]);
    expect(place(small)).toEqual(['source', 'source 0:broadcast']);
    const large = join('inner', { left: scan(0, 2, LARGE), right: scan(1, 2, LARGE) }, [0, 0]);
    expect(place(large)).toEqual(['source', 'source', 'hash 0:hash 1:hash']);
  });

  it.each(['right', 'full', 'right-semi', 'right-anti'] as const)(
    'never copies the preserved side of a %s join',
    (joinType) => {
      const plan = join(joinType, { left: scan(0, 2, LARGE), right: scan(1, 2, 25) }, [0, 0]);
      expect(place(plan)).toEqual(['source', 'source', 'hash 0:hash 1:hash']);
    },
  );

  it('broadcasts the build side of a mark join however large: its NULLs count everywhere', () => {
    const plan = join('mark', { left: scan(0, 1, LARGE), right: scan(1, 1, LARGE) }, [0, 0]);
    expect(place(plan)).toEqual(['source', 'source 0:broadcast']);
  });

  it('partitions a mark join whose keys take NULLs for equal', () => {
    const mark = join('mark', { left: scan(0, 1, LARGE), right: scan(1, 1, LARGE) }, [0, 0]);
    const conditions = mark.conditions.map((condition) => ({
      ...condition,
      operator: 'IS NOT DISTINCT FROM' as const,
    }));
    expect(place({ ...mark, conditions })).toEqual(['source', 'source', 'hash 0:hash 1:hash']);
  });

  it('reads a CTE of several references once', () => {
    const definition = groupBy(scan(0, 2, LARGE), [column(0)], [count]);
    const ref: LogicalPlan = {
      kind: 'cte-ref',
      cteId: 7,
      columns: definition.columns,
      estimatedRows: 1000,
    };
    const plan: LogicalPlan = {
      kind: 'materialized-cte',
      cteId: 7,
      name: 'shared',
      definition,
      child: join('inner', { left: ref, right: ref }, [0, 0]),
      columns: [BIGINT, BIGINT, BIGINT, BIGINT],
    };
    const physical = distributePlan(plan);
    const scans = physical.stages.filter(({ partitioning }) => partitioning === 'source');
    expect(scans).toHaveLength(1);
    const readers = physical.stages.flatMap(({ inputs }) =>
      inputs.filter(({ producers }) => producers.includes(1)),
    );
    expect(readers).toHaveLength(2);
  });

  it('concatenates the branches of a UNION ALL at the consumer (T16)', () => {
    const children = [scan(0, 1, LARGE), scan(1, 1, LARGE)];
    const union: LogicalPlan = {
      kind: 'set-operation',
      operator: 'union',
      all: true,
      children,
      allowOutOfOrder: true,
      columns: [BIGINT],
    };
    expect(place(groupBy(union, [column(0)], [count]))).toEqual([
      'source',
      'source',
      'hash 0+1:hash',
    ]);
  });

  it('stops producers of a LIMIT early', () => {
    const plan: LogicalPlan = {
      kind: 'limit',
      child: scan(0, 1, LARGE),
      limit: { kind: 'rows', rows: 5n },
      offset: { kind: 'rows', rows: 2n },
      columns: [BIGINT],
    };
    const physical = distributePlan(plan);
    expect(physical.stages.map(({ rowLimit }) => rowLimit)).toEqual([7, undefined]);
    expect(physical.stages[1]?.inputs[0]?.rowLimit).toBe(7);
  });

  it('sends only columns that somebody reads', () => {
    const plan = groupBy(
      join('inner', { left: scan(0, 5, LARGE), right: scan(1, 5, LARGE) }, [0, 4]),
      [column(1)],
      [count],
    );
    const physical = distributePlan(plan);
    const sent = physical.stages.flatMap(({ inputs }) =>
      inputs.map(({ columns }) => columns.length),
    );
    expect(sent).toEqual([2, 1, 2]);
  });
});

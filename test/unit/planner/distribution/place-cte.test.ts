import { describe, expect, it } from 'vitest';
import { distribute } from '../../../../services/planner/distribution/place.ts';
import type { ScanStatistics } from '../../../../services/planner/distribution/scan-statistics.ts';
import { firstFreeSourceId, simplify } from '../../../../services/planner/distribution/simplify.ts';
import type { CteRef, LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import { walkPlan } from '../../../../services/planner/logical/plan-children.ts';
import {
  aggregateCall,
  column,
  groupBy,
  join,
  scan,
} from '../../../support/logical-plan-builders.ts';

const ROWS = 1_000_000;

/** Clustered on column 0. */
const clustered: ScanStatistics = {
  rowGroups: Array.from({ length: 8 }, () => ({ rowCount: ROWS, bytes: 8 * ROWS })),
  boundsOf: (index) =>
    Array.from({ length: 8 }, (_, i) =>
      index === 0
        ? { min: BigInt(i * 100), max: BigInt(i * 100 + 99), nulls: 'none' }
        : { nulls: 'some' },
    ),
};

function stagesOf(plan: LogicalPlan) {
  const simple = simplify(plan);
  const options = {
    taskCount: 4,
    broadcastThresholdBytes: 32 * 1024 * 1024,
    sendsRawRows: false,
    sharesSmallWork: true,
    statistics: new Map([0, 1, 2].map((id) => [id, clustered])),
    replicated: new Map(),
  };
  return distribute(simple, options, firstFreeSourceId(simple)).stages;
}

const definition = join(
  'inner',
  { left: scan(0, 2, 8 * ROWS), right: scan(1, 2, 8 * ROWS) },
  [0, 0],
);
const ref: CteRef = { kind: 'cte-ref', cteId: 7, columns: definition.columns };
const readBy = (child: LogicalPlan): LogicalPlan => ({
  kind: 'materialized-cte',
  cteId: 7,
  name: 'shared',
  definition,
  child,
  columns: child.columns,
});
const medianBy = (key: number): LogicalPlan =>
  groupBy(ref, [column(key)], [aggregateCall('median', [column(1)])]);

describe('a CTE over files that lie apart by a key', () => {
  it('stays within the stage when all who read it do', () => {
    const stages = stagesOf(
      readBy(join('inner', { left: medianBy(0), right: medianBy(2) }, [0, 0])),
    );
    expect(stages.map(({ partitioning }) => partitioning)).toEqual(['layout']);
    const kinds = [...walkPlan(stages[0]?.body ?? ref)].map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'materialized-cte')).toHaveLength(1);
    expect(kinds.filter((kind) => kind === 'cte-ref')).toHaveLength(2);
  });

  it('is a stage of its own when one of them needs its rows elsewhere', () => {
    const stages = stagesOf(
      readBy(join('inner', { left: medianBy(0), right: medianBy(1) }, [0, 0])),
    );
    expect(stages[0]?.partitioning).toBe('layout');
    const bodies = stages.flatMap(({ body }) => [...walkPlan(body)]);
    expect(bodies.filter(({ kind }) => kind === 'cte-ref')).toEqual([]);
    const readers = stages.flatMap(({ inputs }) =>
      inputs.filter(({ producers }) => producers.includes(0)),
    );
    expect(readers).toHaveLength(2);
  });

  it('goes on to be joined with a table of the same key in that stage', () => {
    const grown = join('semi', { left: scan(2, 2, 8 * ROWS), right: ref }, [0, 0]);
    const stages = stagesOf(readBy(join('inner', { left: ref, right: grown }, [0, 0])));
    expect(stages.map(({ partitioning }) => partitioning)).toEqual(['layout']);
  });
});

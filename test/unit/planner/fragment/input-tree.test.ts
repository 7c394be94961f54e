import { describe, expect, it } from 'vitest';
import type { LogicalPlan } from '../../../../services/planner/logical/logical-plan.ts';
import { inputTreeOf } from '../../../../services/planner/fragment/input-tree.ts';
import { aggregated, joined } from '../../../support/plan-builders.ts';

const remote = (remoteId: number): LogicalPlan => ({ kind: 'remote', remoteId, columns: [] });
const join = (left: LogicalPlan, right: LogicalPlan): LogicalPlan => ({
  kind: 'cross-product',
  left,
  right,
  columns: [],
});
const distinct = (child: LogicalPlan): LogicalPlan => ({
  kind: 'distinct',
  child,
  on: [],
  orderBy: [],
  columns: [],
});
const union = (...children: LogicalPlan[]): LogicalPlan => ({
  kind: 'set-operation',
  operator: 'union',
  all: true,
  children,
  allowOutOfOrder: true,
  columns: [],
});
const constant: LogicalPlan = { kind: 'dummy-scan', columns: [] };

const treeOf = (body: LogicalPlan, partitioning: 'hash' | 'source' = 'hash') =>
  inputTreeOf({ body, partitioning, inputs: [] });

describe('the order in which a stage uses its inputs', () => {
  it('probes with the left side of a join and builds on the right one', () => {
    expect(treeOf(join(join(remote(1), remote(2)), remote(3)))).toEqual(joined(joined(1, 2), 3));
    expect(treeOf(join(remote(1), join(remote(2), remote(3))))).toEqual(joined(1, joined(2, 3)));
  });

  it('leaves out sides without inputs', () => {
    expect(treeOf(join(remote(1), constant))).toEqual({ kind: 'source', sourceId: 1 });
    expect(treeOf(join(constant, remote(1)))).toEqual({ kind: 'source', sourceId: 1 });
    expect(treeOf(constant)).toBeUndefined();
  });

  it('reads unions together', () => {
    expect(treeOf(union(remote(1), remote(2)))).toEqual({
      kind: 'together',
      inputs: [1, 2].map((sourceId) => ({ kind: 'source', sourceId })),
    });
    expect(treeOf(union(remote(1), constant))).toEqual({ kind: 'source', sourceId: 1 });
  });

  it('names aggregations that are complete, not the partial ones of a stage that follows splits', () => {
    expect(treeOf(join(distinct(remote(1)), remote(2)))).toEqual(joined(aggregated(1), 2));
    expect(treeOf(join(distinct(remote(1)), remote(2)), 'source')).toEqual(joined(1, 2));
  });
});

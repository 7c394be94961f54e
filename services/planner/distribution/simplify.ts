import { type LogicalPlan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';
import { pruneColumns } from './prune-columns.ts';
import { rewriteDelimJoins } from './rewrite-delim-joins.ts';

/** A decoded plan in the form that all rungs start from: no delim joins, no columns that nobody reads. */
export function simplify(plan: LogicalPlan): LogicalPlan {
  return pruneColumns(rewriteDelimJoins(plan));
}

/** An id above those of all scans. */
export function firstFreeSourceId(plan: LogicalPlan): number {
  let next = 0;
  for (const node of walkPlan(plan)) {
    const isScan = node.kind === 'scan' || node.kind === 'system-scan';
    if (isScan) next = Math.max(next, node.scanId + 1);
  }
  return next;
}

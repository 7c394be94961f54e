import { assert, assertNever } from '../../common/assert.ts';
import { type LogicalPlan, type MaterializedCte, type RecursiveCte } from './logical-plan.ts';

/** The inputs of an operator, left to right; a materialized CTE's definition before its child. */
export function childrenOf(plan: LogicalPlan): readonly LogicalPlan[] {
  switch (plan.kind) {
    case 'scan':
    case 'table-function':
    case 'system-scan':
    case 'values':
    case 'dummy-scan':
    case 'empty':
    case 'delim-get':
    case 'cte-ref':
    case 'remote':
      return [];
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'distinct':
    case 'window':
    case 'unnesting':
    case 'order':
    case 'top-n':
    case 'limit':
    case 'sample':
      return [plan.child];
    case 'join':
    case 'any-join':
    case 'cross-product':
    case 'positional-join':
    case 'delim-join':
      return [plan.left, plan.right];
    case 'set-operation':
      return plan.children;
    case 'materialized-cte':
      return [plan.definition, plan.child];
    case 'recursive-cte':
      return [plan.anchor, plan.recursion];
    default:
      return assertNever(plan);
  }
}

/** The same operator over other inputs: as many as `childrenOf` gives, with the same columns. */
export function withChildren(plan: LogicalPlan, children: readonly LogicalPlan[]): LogicalPlan {
  assert(children.length === childrenOf(plan).length, `${plan.kind} keeps its number of children`);
  const [first, second] = children;
  if (first === undefined) return plan;
  switch (plan.kind) {
    case 'scan':
    case 'table-function':
    case 'system-scan':
    case 'values':
    case 'dummy-scan':
    case 'empty':
    case 'delim-get':
    case 'cte-ref':
    case 'remote':
      return plan;
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'distinct':
    case 'window':
    case 'unnesting':
    case 'order':
    case 'top-n':
    case 'limit':
    case 'sample':
      return { ...plan, child: first };
    case 'set-operation':
      return { ...plan, children };
    default:
      assert(second !== undefined, `${plan.kind} has two children`);
      return withTwoChildren(plan, first, second);
  }
}

function withTwoChildren(
  plan: Extract<LogicalPlan, { left: LogicalPlan }> | MaterializedCte | RecursiveCte,
  first: LogicalPlan,
  second: LogicalPlan,
): LogicalPlan {
  switch (plan.kind) {
    case 'materialized-cte':
      return { ...plan, definition: first, child: second };
    case 'recursive-cte':
      return { ...plan, anchor: first, recursion: second };
    default:
      return { ...plan, left: first, right: second };
  }
}

/** Every operator of the tree, parents before children, left before right. */
export function* walkPlan(plan: LogicalPlan): Generator<LogicalPlan> {
  yield plan;
  for (const child of childrenOf(plan)) yield* walkPlan(child);
}

import { assertNever } from '../../common/assert.ts';
import {
  type AggregateCall,
  type Expression,
  type FrameBound,
  type SortKey,
  type WindowCall,
} from '../logical/expression.ts';
import { isSeeded, isVolatile } from '../logical/expression-tree.ts';
import { type JoinCondition, type LogicalPlan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';

/** Rewrites an expression; `side` tells which input of a join its columns are of. */
export type Rewrite = (expression: Expression, side: 'left' | 'right' | 'both') => Expression;

/** The operator with each of its own expressions rewritten; its inputs stay. */
export function mapOperatorExpressions(plan: LogicalPlan, rewrite: Rewrite): LogicalPlan {
  const one = (expression: Expression): Expression => rewrite(expression, 'both');
  switch (plan.kind) {
    case 'scan':
    case 'system-scan':
    case 'dummy-scan':
    case 'empty':
    case 'delim-get':
    case 'cte-ref':
    case 'remote':
    case 'limit':
    case 'sample':
    case 'cross-product':
    case 'positional-join':
    case 'set-operation':
    case 'materialized-cte':
    case 'recursive-cte':
      return plan;
    case 'table-function':
      return { ...plan, args: plan.args.map(one) };
    case 'values':
      return { ...plan, rows: plan.rows.map((row) => row.map(one)) };
    case 'filter':
      return { ...plan, predicates: plan.predicates.map(one) };
    case 'project':
      return { ...plan, expressions: plan.expressions.map(one) };
    case 'aggregate':
      return {
        ...plan,
        groups: plan.groups.map(one),
        aggregates: plan.aggregates.map((call) => mapAggregate(call, one)),
      };
    case 'distinct':
      return { ...plan, on: plan.on.map(one), orderBy: mapKeys(plan.orderBy, one) };
    case 'window':
      return { ...plan, calls: plan.calls.map((call) => mapWindow(call, one)) };
    case 'unnesting':
      return { ...plan, lists: plan.lists.map(one) };
    case 'join':
      return { ...plan, conditions: mapConditions(plan.conditions, rewrite) };
    case 'delim-join': {
      const keys = plan.keys.map((key) => rewrite(key, plan.isFlipped ? 'right' : 'left'));
      return { ...plan, keys, conditions: mapConditions(plan.conditions, rewrite) };
    }
    case 'any-join':
      return { ...plan, predicate: one(plan.predicate) };
    case 'order':
    case 'top-n':
      return { ...plan, keys: mapKeys(plan.keys, one) };
    default:
      return assertNever(plan);
  }
}

type RewriteOne = (expression: Expression) => Expression;

function mapKeys(keys: readonly SortKey[], rewrite: RewriteOne): readonly SortKey[] {
  return keys.map((key) => ({ ...key, expression: rewrite(key.expression) }));
}

function mapConditions(
  conditions: readonly JoinCondition[],
  rewrite: Rewrite,
): readonly JoinCondition[] {
  return conditions.map((condition) => ({
    ...condition,
    left: rewrite(condition.left, 'left'),
    right: rewrite(condition.right, 'right'),
  }));
}

function mapAggregate(call: AggregateCall, rewrite: RewriteOne): AggregateCall {
  return {
    ...call,
    args: call.args.map(rewrite),
    orderBy: mapKeys(call.orderBy, rewrite),
    ...(call.filter === undefined ? {} : { filter: rewrite(call.filter) }),
  };
}

function mapWindow(call: WindowCall, rewrite: RewriteOne): WindowCall {
  const { start, end } = call.frame;
  return {
    ...call,
    args: call.args.map(rewrite),
    partitionBy: call.partitionBy.map(rewrite),
    orderBy: mapKeys(call.orderBy, rewrite),
    argOrderBy: mapKeys(call.argOrderBy, rewrite),
    frame: { ...call.frame, start: mapBound(start, rewrite), end: mapBound(end, rewrite) },
    ...(call.filter === undefined ? {} : { filter: rewrite(call.filter) }),
  };
}

function mapBound(bound: FrameBound, rewrite: RewriteOne): FrameBound {
  return 'offset' in bound ? { ...bound, offset: rewrite(bound.offset) } : bound;
}

/** The expressions that one operator evaluates, each with the side of a join that it is over. */
export function operatorExpressions(
  plan: LogicalPlan,
): readonly { readonly expression: Expression; readonly side: 'left' | 'right' | 'both' }[] {
  const found: { expression: Expression; side: 'left' | 'right' | 'both' }[] = [];
  mapOperatorExpressions(plan, (expression, side) => {
    found.push({ expression, side });
    return expression;
  });
  return found;
}

export function isVolatileOperator(plan: LogicalPlan): boolean {
  if (plan.kind === 'values') return plan.rows.some((row) => row.some(isVolatileCell));
  return operatorExpressions(plan).some(({ expression }) => isVolatile(expression));
}

/** Whether a seed makes the volatile expressions of an operator give the same values again. */
export function isSeededOperator(plan: LogicalPlan): boolean {
  return operatorExpressions(plan).every(({ expression }) => isSeeded(expression));
}

/** An IN list may have hundreds of thousands of them, nearly always constants. */
function isVolatileCell(cell: Expression): boolean {
  return cell.kind !== 'constant' && isVolatile(cell);
}

/** Whether a tree may give other rows each time it runs. */
export function isVolatilePlan(plan: LogicalPlan): boolean {
  for (const node of walkPlan(plan)) if (isVolatileOperator(node)) return true;
  return false;
}

import { assertNever } from '../../common/assert.ts';
import { type Expression, type SortKey, type WindowCall } from '../logical/expression.ts';
import { isVolatile } from '../logical/expression-tree.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { walkPlan } from '../logical/plan-children.ts';

/** The expressions that one operator evaluates. */
export function operatorExpressions(plan: LogicalPlan): readonly Expression[] {
  switch (plan.kind) {
    case 'scan':
    case 'dummy-scan':
    case 'empty':
    case 'delim-get':
    case 'cte-ref':
    case 'remote':
    case 'limit':
    case 'cross-product':
    case 'set-operation':
    case 'materialized-cte':
      return [];
    case 'table-function':
      return [...plan.args, ...plan.namedArgs.map((arg) => arg.value)];
    case 'values':
      return plan.rows.flat();
    case 'filter':
      return plan.predicates;
    case 'project':
      return plan.expressions;
    case 'aggregate':
      return [
        ...plan.groups,
        ...plan.aggregates.flatMap((call) => [
          ...call.args,
          ...(call.filter === undefined ? [] : [call.filter]),
          ...sortExpressions(call.orderBy),
        ]),
      ];
    case 'distinct':
      return [...plan.on, ...sortExpressions(plan.orderBy)];
    case 'window':
      return plan.calls.flatMap(windowExpressions);
    case 'unnesting':
      return plan.lists;
    case 'join':
      return plan.conditions.flatMap(({ left, right }) => [left, right]);
    case 'delim-join':
      return [...plan.keys, ...plan.conditions.flatMap(({ left, right }) => [left, right])];
    case 'any-join':
      return [plan.predicate];
    case 'order':
    case 'top-n':
      return sortExpressions(plan.keys);
    default:
      return assertNever(plan);
  }
}

function sortExpressions(keys: readonly SortKey[]): readonly Expression[] {
  return keys.map(({ expression }) => expression);
}

export function windowExpressions(call: WindowCall): readonly Expression[] {
  const bounds = [call.frame.start, call.frame.end];
  return [
    ...call.args,
    ...call.partitionBy,
    ...sortExpressions(call.orderBy),
    ...sortExpressions(call.argOrderBy),
    ...bounds.flatMap((bound) => ('offset' in bound ? [bound.offset] : [])),
    ...(call.filter === undefined ? [] : [call.filter]),
  ];
}

/** All expressions of a tree. */
export function* treeExpressions(plan: LogicalPlan): Generator<Expression> {
  for (const node of walkPlan(plan)) yield* operatorExpressions(node);
}

/** Whether a tree may give other rows each time it runs. */
export function isVolatilePlan(plan: LogicalPlan): boolean {
  for (const expression of treeExpressions(plan)) if (isVolatile(expression)) return true;
  return false;
}

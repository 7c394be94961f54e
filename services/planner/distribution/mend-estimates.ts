/**
 * DuckDB takes every filter whose effect it does not know for one that keeps a fifth of the rows. One that only leaves out
 * what has a certain value, or looks a certain way, keeps nearly all of them; so do the operators above.
 */
import { type Expression } from '../logical/expression.ts';
import { type Filter, type LogicalPlan, originalOf, type Scan } from '../logical/logical-plan.ts';
import { childrenOf, withChildren } from '../logical/plan-children.ts';
import { rowsOf } from './estimate.ts';
import { type StatisticsOfScans } from './scan-statistics.ts';

/** Of the rows of a filter's input, for each such predicate. */
const KEPT_SHARE = 0.9;

/** The plan with larger estimates above filters that leave out little. */
export function mendEstimates(plan: LogicalPlan, statistics: StatisticsOfScans): LogicalPlan {
  return mended(plan, statistics).plan;
}

interface Mended {
  readonly plan: LogicalPlan;
  /** Estimated rows now to those before. */
  readonly growth: number;
}

function mended(plan: LogicalPlan, statistics: StatisticsOfScans): Mended {
  const inputs = childrenOf(plan).map((child) => mended(child, statistics));
  const [input] = inputs;
  if (plan.kind === 'filter' && input !== undefined && leavesOutLittle(plan)) {
    const child = input.plan;
    const before = Math.max(1, rowsOf(plan));
    const kept = KEPT_SHARE ** plan.predicates.length * unfilteredRows(child, statistics);
    return kept <= before
      ? { plan: { ...plan, child }, growth: 1 }
      : { plan: { ...plan, child, estimatedRows: kept }, growth: kept / before };
  }
  const growth = growthOf(plan, inputs);
  const operator = withChildren(
    plan,
    inputs.map((input) => input.plan),
  );
  return growth === 1 || plan.estimatedRows === undefined
    ? { plan: operator, growth }
    : { plan: { ...operator, estimatedRows: plan.estimatedRows * growth }, growth };
}

function unfilteredRows(plan: LogicalPlan, statistics: StatisticsOfScans): number {
  return plan.kind === 'scan' ? rowsInFiles(plan, statistics) : rowsOf(plan);
}

function rowsInFiles(scan: Scan, statistics: StatisticsOfScans): number {
  const known = statistics.get(originalOf(scan));
  return known?.rowGroups.reduce((sum, { rowCount }) => sum + rowCount, 0) ?? rowsOf(scan);
}

/** Rows of a join are as many times more as those of the sides that they come from. */
function growthOf(plan: LogicalPlan, inputs: readonly Mended[]): number {
  const [first = 1, second = 1] = inputs.map(({ growth }) => growth);
  switch (plan.kind) {
    case 'join':
    case 'any-join':
      return growthOfJoin(plan.joinType, first, second);
    case 'cross-product':
      return first * second;
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'distinct':
    case 'window':
    case 'order':
    case 'unnesting':
      return first;
    case 'materialized-cte':
      return second;
    default:
      return 1;
  }
}

function growthOfJoin(
  joinType: (LogicalPlan & { readonly kind: 'join' })['joinType'],
  left: number,
  right: number,
): number {
  switch (joinType) {
    case 'inner':
      return left * right;
    case 'right':
    case 'right-semi':
    case 'right-anti':
      return right;
    case 'full':
      return Math.max(left, right);
    default:
      return left;
  }
}

const MATCHES: ReadonlySet<string> = new Set([
  'prefix',
  'suffix',
  'contains',
  '~~',
  '~~*',
  'regexp_matches',
  'regexp_full_match',
]);
const MISMATCHES: ReadonlySet<string> = new Set(['!~~', '!~~*']);

function leavesOutLittle({ predicates, child }: Filter): boolean {
  return predicates.every(
    (predicate) => isRarelyFalse(predicate) || isNegatedMark(predicate, child),
  );
}

/** NOT IN (SELECT …): the last column of the join below says which rows are in. */
function isNegatedMark(predicate: Expression, child: LogicalPlan): boolean {
  if (child.kind !== 'join' || child.joinType !== 'mark' || predicate.kind !== 'not') return false;
  const mark = predicate.child;
  return mark.kind === 'column' && mark.index === child.columns.length - 1;
}

function isRarelyFalse(predicate: Expression): boolean {
  switch (predicate.kind) {
    case 'comparison':
      return predicate.operator === '<>' && predicate.right.kind === 'constant';
    case 'function':
      return MISMATCHES.has(predicate.name);
    case 'null-test':
    case 'in-list':
      return predicate.isNegated;
    case 'not':
      return predicate.child.kind === 'function' && MATCHES.has(predicate.child.name);
    default:
      return false;
  }
}

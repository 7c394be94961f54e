/**
 * Other forms of a stage that aggregates its splits batch by batch: what it gives is merged by its consumer, so it may
 * as well not aggregate at all.
 */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type PlanFragment } from '../../common/plan/plan-fragment.ts';
import { castTo, aggregateOf, referencesTo } from '../distribution/columns.ts';
import { hasFewGroups, rowsOf } from '../distribution/estimate.ts';
import { rowState } from '../distribution/row-state.ts';
import { type Expression } from '../logical/expression.ts';
import { type Aggregate, type Distinct, type LogicalPlan } from '../logical/logical-plan.ts';

/** The fragment in each of its forms, as if it had only that one. */
export function formsOf(fragment: PlanFragment): readonly PlanFragment[] {
  const { partialAggregation, columns } = fragment;
  if (partialAggregation === undefined) return [fragment];
  const { countingSql, rowwiseSql } = partialAggregation;
  const count = { name: `c${columns.length}`, type: INTEGER };
  return [
    fragment,
    { ...fragment, sql: countingSql, columns: [...columns, count] },
    { ...fragment, sql: rowwiseSql },
  ];
}

const INTEGER: ColumnType = { id: 'INTEGER' };
const BIGINT: ColumnType = { id: 'BIGINT' };

export interface PartialForms {
  /** With one more column, INTEGER: the rows of the input that each row was made of. */
  readonly counting: LogicalPlan;
  /** Each row of the input as a group of its own. */
  readonly rowwise: LogicalPlan;
}

/** Undefined for a body that does not end in groups, or whose states only DuckDB can make, or that has few groups. */
export function partialForms(body: LogicalPlan): PartialForms | undefined {
  const aggregate = body.kind === 'distinct' ? asAggregate(body) : body;
  if (aggregate?.kind !== 'aggregate' || !isPlain(aggregate)) return undefined;
  const { child, groups, aggregates, columns } = aggregate;
  if (hasFewGroups(body, child)) return undefined;
  const states: Expression[] = [];
  for (const call of aggregates) {
    const state = rowState(call);
    if (state === undefined) return undefined;
    states.push(state);
  }
  const rowwise = {
    kind: 'project',
    child,
    expressions: [...groups, ...states],
    columns,
    estimatedRows: rowsOf(child),
  } as const;
  return { counting: counting(aggregate), rowwise };
}

function isPlain({ groups, groupingSets, groupingFunctions }: Aggregate): boolean {
  const isOneSet = groupingSets.every((set) => set.length === groups.length);
  return (
    groups.length > 0 && groupingSets.length <= 1 && isOneSet && groupingFunctions.length === 0
  );
}

function asAggregate({ child, on }: Distinct): Aggregate | undefined {
  if (on.length > 0) return undefined;
  const groups = referencesTo(child.columns);
  return aggregateOf({ child, groups, groupingSets: [], aggregates: [], groupingFunctions: [] });
}

function counting(aggregate: Aggregate): LogicalPlan {
  const count = {
    kind: 'aggregate',
    type: BIGINT,
    name: 'count_star',
    args: [],
    distinct: false,
    orderBy: [],
  } as const;
  const child = aggregateOf({ ...aggregate, aggregates: [...aggregate.aggregates, count] });
  const columns = referencesTo(child.columns);
  const expressions = columns.map((column, index) =>
    index < columns.length - 1 ? column : castTo(column, INTEGER),
  );
  return {
    kind: 'project',
    child,
    expressions,
    columns: expressions.map(({ type }) => type),
    estimatedRows: rowsOf(aggregate),
  };
}

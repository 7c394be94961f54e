import { type AggregateCall, type Expression } from '../logical/expression.ts';
import { isVolatile } from '../logical/expression-tree.ts';
import { sameExpressions } from './same-expression.ts';
import { type Aggregate, type LogicalPlan } from '../logical/logical-plan.ts';
import { aggregateOf, project, referencesTo } from './columns.ts';
import {
  decomposeAggregate,
  finishAll,
  mergeAll,
  type Decomposition,
} from './decompose-aggregate.ts';
import { perTask, toHash, toSingle } from './exchange.ts';
import { columnsOf, SINGLE, type Placed } from './placed.ts';
import { type Placer } from './placer.ts';

interface DistinctSplit {
  /** The arguments that all DISTINCT aggregates share. */
  readonly values: readonly Expression[];
  /** One for each aggregate; those with DISTINCT see each combination of values once. */
  readonly members: readonly Member[];
}

interface Member {
  /** Sees each value once; DISTINCT that changes nothing (min, max) does not count. */
  readonly isDistinct: boolean;
  readonly decomposition: Decomposition;
}

/**
 * DISTINCT aggregates without groups: the values are deduplicated in every task, brought together by value and
 * deduplicated again, so that each task aggregates values of its own; the parts merge in one task. The other
 * aggregates travel along as states of each value. Undefined when the aggregates do not all fit.
 */
export function placeGlobalDistinct(
  placer: Placer,
  input: Placed,
  plan: Aggregate,
): Placed | undefined {
  const split = splitDistinct(plan);
  if (split === undefined) return undefined;
  const decompositions = split.members.map(({ decomposition }) => decomposition);

  const partial = perTask(placer.graph, input, (child) => valuesAndStates(child, split));
  const keys = referencesTo(columnsOf(partial)).slice(0, split.values.length);
  const { body, location } = toHash(placer.graph, partial, keys);
  const parts = ownValues(mergedByValue(body, split), split);
  const { body: gathered } = toSingle(placer.graph, { branches: [{ body: parts, location }] });
  const merged = global(gathered, mergeAll(decompositions, referencesTo(gathered.columns)));
  const values = finishAll(decompositions, referencesTo(merged.columns));
  return { branches: [{ body: project(merged, values), location: SINGLE }] };
}

function splitDistinct(plan: Aggregate): DistinctSplit | undefined {
  if (plan.groupingSets.length > 1 || plan.groupingFunctions.length > 0) return undefined;
  let values: readonly Expression[] | undefined;
  const members: Member[] = [];
  for (const call of plan.aggregates) {
    const isDistinct = decomposeAggregate(call) === undefined;
    const decomposition = decomposeAggregate({ ...call, distinct: false });
    if (decomposition === undefined) return undefined;
    members.push({ isDistinct, decomposition });
    if (!isDistinct) continue;
    if (call.filter !== undefined || call.args.some(isVolatile)) return undefined;
    values ??= call.args;
    if (!sameExpressions(values, call.args)) return undefined;
  }
  return values === undefined ? undefined : { values, members };
}

/** Per combination of values in a task: the states of the aggregates without DISTINCT. */
function valuesAndStates(child: LogicalPlan, split: DistinctSplit): LogicalPlan {
  const states = plain(split).flatMap(({ decomposition }) => decomposition.partial);
  return byValue(child, split.values, states);
}

function mergedByValue(child: LogicalPlan, split: DistinctSplit): LogicalPlan {
  const columns = referencesTo(child.columns);
  const decompositions = plain(split).map(({ decomposition }) => decomposition);
  const valueCount = split.values.length;
  const merges = mergeAll(decompositions, columns.slice(valueCount));
  return byValue(child, columns.slice(0, valueCount), merges);
}

/** One row of a task: all aggregates' states over its values, in the order of the aggregates. */
function ownValues(child: LogicalPlan, split: DistinctSplit): LogicalPlan {
  const columns = referencesTo(child.columns);
  const values = columns.slice(0, split.values.length);
  let next = values.length;
  const calls = split.members.flatMap(({ isDistinct, decomposition }) => {
    if (isDistinct) {
      return decomposition.partial.map((part) => ({ ...part, args: values }));
    }
    const state = columns.slice(next, next + decomposition.partial.length);
    next += decomposition.partial.length;
    return decomposition.merge(state);
  });
  return global(child, calls);
}

function plain(split: DistinctSplit): readonly Member[] {
  return split.members.filter(({ isDistinct }) => !isDistinct);
}

function byValue(
  child: LogicalPlan,
  values: readonly Expression[],
  aggregates: readonly AggregateCall[],
): LogicalPlan {
  return aggregateOf({
    child,
    groups: values,
    groupingSets: [values.map((_, index) => index)],
    aggregates,
    groupingFunctions: [],
  });
}

function global(child: LogicalPlan, aggregates: readonly AggregateCall[]): LogicalPlan {
  return aggregateOf({ child, groups: [], groupingSets: [], aggregates, groupingFunctions: [] });
}

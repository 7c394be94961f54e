import { isVolatile } from '../logical/expression-tree.ts';
import { type Aggregate } from '../logical/logical-plan.ts';
import { aggregateOf, positionsIn, referencesTo } from './columns.ts';
import { togetherByLayout } from './collocate.ts';
import { decomposeAll, finishAll, mergeAll, type Decomposition } from './decompose-aggregate.ts';
import { moveCost, RECEIVE_COST, stageCost } from './cost.ts';
import { bytesOf, placedBytes } from './estimate.ts';
import { perTask, toHash, toSingle } from './exchange.ts';
import { remapHashKeys, satisfiesGrouping } from './partitioning.ts';
import { placeGlobalDistinct } from './place-global-distinct.ts';
import { projectPlaced } from './place-rowwise.ts';
import {
  columnsOf,
  isLocal,
  onlyBranch,
  deliveredKeys,
  withKeys,
  type Branch,
  type Placed,
} from './placed.ts';
import { type DistributionOptions, type Placer } from './placer.ts';

/**
 * Aggregates where the groups are already together; else from parts, when every aggregate has parts; else
 * gathered by the group keys (or in one task) for DuckDB's own aggregate.
 */
export function placeAggregate(placer: Placer, plan: Aggregate): Placed {
  const input = placer.place(plan.child);
  if (isLocal(input)) return whole(toSingle(placer.graph, input), plan);
  const collocated = collocatedBranch(input, plan);
  if (collocated !== undefined) return whole(collocated, plan);
  const decompositions = canSplit(plan) ? decomposeAll(plan.aggregates) : undefined;
  const byLayout = layoutBranch(placer, input, {
    plan,
    isDecomposed: decompositions !== undefined,
  });
  if (byLayout !== undefined) return whole(byLayout, plan);
  // Rows that have to be dealt anyway are dealt by group.
  if (isPending(input) && plan.groups.length > 0)
    return whole(gatherByKey(placer, input, plan), plan);

  if (decompositions !== undefined && !(placer.options.sendsRawRows && isDealtByGroup(plan))) {
    return twoPhases(placer, input, { plan, decompositions });
  }
  if (plan.groups.length === 0) {
    return placeGlobalDistinct(placer, input, plan) ?? whole(toSingle(placer.graph, input), plan);
  }
  return whole(gatherByKey(placer, input, plan), plan);
}

/** The whole aggregate in the branch's stage. */
function whole(branch: Branch, plan: Aggregate): Placed {
  const location = withKeys(branch.location, (keys) =>
    remapHashKeys(keys, positionsIn(plan.groups)),
  );
  return { branches: [{ body: { ...plan, child: branch.body }, location }] };
}

function collocatedBranch(input: Placed, plan: Aggregate): Branch | undefined {
  const branch = onlyBranch(input);
  if (!isPlainGrouping(plan)) return undefined;
  return satisfiesGrouping(deliveredKeys(branch), plan.groups) ? branch : undefined;
}

/** The rows by parts of their files, if that costs less than sending them, or the parts of their aggregates. */
function layoutBranch(
  { options }: Placer,
  input: Placed,
  { plan, isDecomposed }: { readonly plan: Aggregate; readonly isDecomposed: boolean },
): Branch | undefined {
  if (!isPlainGrouping(plan)) return undefined;
  const bytes = placedBytes(input);
  const choice = togetherByLayout(input, plan.groups, options);
  const sentBytes = isDecomposed ? Math.min(bytes, bytesOf(plan)) : bytes;
  const exchangeCost = bytes / options.taskCount + moveCost(sentBytes, options);
  return choice !== undefined && choice.cost <= exchangeCost ? choice.branch : undefined;
}

function isPending(input: Placed): boolean {
  return onlyBranch(input)?.location.kind === 'pending';
}

/** Several tasks can have the rows of groups of their own. */
function isDealtByGroup(plan: Aggregate): boolean {
  return plan.groups.length > 0 && isPlainGrouping(plan) && !plan.groups.some(isVolatile);
}

function gatherByKey(placer: Placer, input: Placed, plan: Aggregate): Branch {
  return isDealtByGroup(plan)
    ? toHash(placer.graph, input, plan.groups)
    : toSingle(placer.graph, input);
}

/** GROUP BY without grouping sets. */
function isPlainGrouping({ groups, groupingSets }: Aggregate): boolean {
  return (
    groupingSets.length === 0 ||
    (groupingSets.length === 1 && groupingSets[0]?.length === groups.length)
  );
}

/** A set that is given twice has two rows of each group, which merging would make one. */
function canSplit({ groupingSets }: Aggregate): boolean {
  const names = groupingSets.map((set) => set.toSorted((a, b) => a - b).join());
  return new Set(names).size === names.length;
}

interface Split {
  readonly plan: Aggregate;
  readonly decompositions: readonly Decomposition[];
}

/**
 * Partial aggregates in each branch; their rows brought together by group, merged and finished. GROUPING() of
 * all groups is one more group of the merge when there are sets to tell apart.
 */
function twoPhases(placer: Placer, input: Placed, { plan, decompositions }: Split): Placed {
  const { groups } = plan;
  const setId = isPlainGrouping(plan) ? [] : [groups.map((_, index) => index)];
  const partial = perTask(placer.graph, input, (child) =>
    aggregateOf({
      ...plan,
      child,
      aggregates: decompositions.flatMap((decomposition) => decomposition.partial),
      groupingFunctions: [...setId, ...plan.groupingFunctions],
    }),
  );
  const columns = referencesTo(columnsOf(partial));
  const groupingCount = setId.length + plan.groupingFunctions.length;
  const states = columns.slice(groups.length, columns.length - groupingCount);
  const keys = [
    ...columns.slice(0, groups.length),
    ...columns.slice(columns.length - groupingCount),
  ];
  const isMergedInOne = keys.length === 0 || isCheaperInOneTask(partial, placer.options);
  const merging = isMergedInOne
    ? toSingle(placer.graph, partial)
    : toHash(placer.graph, partial, keys);
  const merged = whole(
    merging,
    aggregateOf({
      ...plan,
      child: merging.body,
      groups: keys,
      groupingSets: [keys.map((_, index) => index)],
      aggregates: mergeAll(decompositions, states),
      groupingFunctions: [],
    }),
  );
  return projectPlaced(merged, (output) => [
    ...output.slice(0, groups.length),
    ...finishAll(decompositions, output.slice(keys.length)),
    ...output.slice(groups.length + setId.length, keys.length),
  ]);
}

/** So few rows that sharing out the work on them costs more than that. */
function isCheaperInOneTask(placed: Placed, options: DistributionOptions): boolean {
  if (options.sharesSmallWork) return false;
  const bytes = placedBytes(placed);
  const inOne = (RECEIVE_COST + 1) * bytes;
  return inOne <= stageCost(options) + inOne / options.taskCount;
}

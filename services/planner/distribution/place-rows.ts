/** DISTINCT, ORDER BY, LIMIT and windows. */
import { type ColumnType } from '../../common/plan/column-type.ts';
import { type Expression, type WindowCall } from '../logical/expression.ts';
import {
  type Distinct,
  type Limit,
  type LogicalPlan,
  type Order,
  type TopN,
  type Window,
} from '../logical/logical-plan.ts';
import { referencesTo } from './columns.ts';
import { togetherByLayout } from './collocate.ts';
import { moveCost } from './cost.ts';
import { placedBytes } from './estimate.ts';
import { perTask, toHash, toSingle } from './exchange.ts';
import { numbersRowsAsTheyCome } from './one-task.ts';
import { satisfiesGrouping } from './partitioning.ts';
import { deliveredKeys, isLocal, onlyBranch, SINGLE, type Branch, type Placed } from './placed.ts';
import { type Placer } from './placer.ts';
import { sameExpression } from './same-expression.ts';

export function placeDistinct(placer: Placer, plan: Distinct): Placed {
  const input = placer.place(plan.child);
  if (plan.on.length === 0) return placeDistinctRows(placer, input, plan.columns);
  // DISTINCT ON takes the first row of a key: all of them have to be there.
  return over(gatherBy(placer, input, plan.on), plan);
}

/** DISTINCT over all columns: duplicates leave in every task before the rows are brought together. */
export function placeDistinctRows(
  placer: Placer,
  input: Placed,
  columns: readonly ColumnType[],
): Placed {
  const keys = referencesTo(columns);
  const distinct = (child: LogicalPlan): Distinct => ({
    kind: 'distinct',
    child,
    on: [],
    orderBy: [],
    columns,
  });
  const together = togetherBy(placer, input, keys) ?? byLayout(placer, input, keys);
  if (together !== undefined) return over(together, distinct(together.body));
  const isPending = onlyBranch(input)?.location.kind === 'pending';
  const partial =
    isPending || placer.options.sendsRawRows ? input : perTask(placer.graph, input, distinct);
  const met = toHash(placer.graph, partial, keys);
  return over(met, distinct(met.body));
}

/** One task sorts, and its output is in order. */
export function placeOrder(placer: Placer, plan: Order): Placed {
  return over(toSingle(placer.graph, placer.place(plan.child)), plan);
}

export function placeTopN(placer: Placer, plan: TopN): Placed {
  const input = placer.place(plan.child);
  if (isLocal(input)) return over(toSingle(placer.graph, input), plan);
  const limit = plan.limit + plan.offset;
  const partial = perTask(placer.graph, input, (child) => ({ ...plan, child, limit, offset: 0n }));
  return over(toSingle(placer.graph, partial), plan);
}

/** No task needs to give more rows than the limit and the offset together, and may stop there. */
export function placeLimit(placer: Placer, plan: Limit): Placed {
  const input = placer.place(plan.child);
  const rows = rowsNeeded(plan);
  if (isLocal(input) || rows === undefined) return over(toSingle(placer.graph, input), plan);
  const partial = perTask(placer.graph, input, (child) => limitTo(child, rows));
  const rowLimit = Number(rows);
  const branches = partial.branches.map((branch) => ({ ...branch, rowLimit }));
  return over(toSingle(placer.graph, { branches }), plan);
}

function rowsNeeded({ limit, offset }: Limit): bigint | undefined {
  if (limit?.kind !== 'rows' || offset?.kind === 'percentage') return undefined;
  const rows = limit.rows + (offset?.rows ?? 0n);
  return rows <= BigInt(Number.MAX_SAFE_INTEGER) ? rows : undefined;
}

function limitTo(child: LogicalPlan, rows: bigint): LogicalPlan {
  return { kind: 'limit', child, limit: { kind: 'rows', rows }, columns: child.columns };
}

/** By the partition keys that all calls share; without any, in one task. */
export function placeWindow(placer: Placer, plan: Window): Placed {
  const input = placer.place(plan.child);
  const keys = sharedPartitionKeys(plan.calls);
  if (keys.length > 0) {
    return over(gatherBy(placer, input, keys), plan);
  }
  const inOrder = plan.calls.some(numbersRowsAsTheyCome) ? inFileOrder(input) : undefined;
  return over(inOrder ?? toSingle(placer.graph, input), plan);
}

function sharedPartitionKeys([first, ...others]: readonly WindowCall[]): readonly Expression[] {
  return (first?.partitionBy ?? []).filter((key) =>
    others.every(({ partitionBy }) => partitionBy.some((other) => sameExpression(key, other))),
  );
}

/** One task that reads the files in their order, so that rows come as they do in one DuckDB. */
function inFileOrder(input: Placed): Branch | undefined {
  const only = onlyBranch(input);
  if (only === undefined || !isInAnySplits(only)) return undefined;
  return { body: only.body, location: SINGLE };
}

function isInAnySplits({ location }: Branch): boolean {
  return (
    location.kind === 'source' || (location.kind === 'layout' && location.layout.kind === 'shares')
  );
}

/** The branch, if rows with equal keys are in one of its tasks already. */
function togetherBy(
  placer: Placer,
  input: Placed,
  keys: readonly Expression[],
): Branch | undefined {
  if (isLocal(input)) return toSingle(placer.graph, input);
  const only = onlyBranch(input);
  return satisfiesGrouping(deliveredKeys(only), keys) ? only : undefined;
}

/** Rows with equal keys in one task: where they are, by parts of their files, or sent there. */
function gatherBy(placer: Placer, input: Placed, keys: readonly Expression[]): Branch {
  return (
    togetherBy(placer, input, keys) ??
    byLayout(placer, input, keys) ??
    toHash(placer.graph, input, keys)
  );
}

/** The rows by parts of their files, if that costs less than sending them. */
function byLayout(
  { options }: Placer,
  input: Placed,
  keys: readonly Expression[],
): Branch | undefined {
  const bytes = placedBytes(input);
  const choice = togetherByLayout(input, keys, options);
  const exchangeCost = bytes / options.taskCount + moveCost(bytes, options);
  return choice !== undefined && choice.cost <= exchangeCost ? choice.branch : undefined;
}

/** The operator in the branch's stage; its output has the columns of its input first. */
function over({ body, location }: Branch, plan: Distinct | Order | TopN | Limit | Window): Placed {
  return { branches: [{ body: { ...plan, child: body }, location }] };
}

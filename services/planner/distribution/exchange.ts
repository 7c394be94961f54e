/** The four ways to bring the rows of a placed subtree where an operator requires them. */
import { assert } from '../../common/assert.ts';
import { mapColumns } from '../logical/expression-tree.ts';
import { type Expression } from '../logical/expression.ts';
import { type LogicalPlan } from '../logical/logical-plan.ts';
import { childrenOf } from '../logical/plan-children.ts';
import { placedRows } from './estimate.ts';
import { hashKeysOf } from './partitioning.ts';
import { type StageIndex } from './physical-plan.ts';
import {
  ARBITRARY,
  columnsOf,
  isLocal,
  onlyBranch,
  SINGLE,
  withKeys,
  type Branch,
  type Placed,
} from './placed.ts';
import { type Produced, type StageGraph } from './stage-graph.ts';
import { isVolatilePlan } from './operator-expressions.ts';

/** All rows in one task. */
export function toSingle(graph: StageGraph, placed: Placed): Branch {
  if (isLocal(placed)) return { body: unionOf(placed), location: SINGLE };
  const pending = pendingBranch(placed);
  if (pending !== undefined) {
    graph.settle(pending.remoteId, { kind: 'single' });
    return { body: pending.body, location: SINGLE };
  }
  return { body: graph.read(produce(graph, placed), { kind: 'single' }), location: SINGLE };
}

/** Rows with equal keys in one task; `keys` over the subtree's columns. */
export function toHash(graph: StageGraph, placed: Placed, keys: readonly Expression[]): Branch {
  const location = { kind: 'hash', keys: hashKeysOf(keys) } as const;
  const pending = pendingBranch(placed);
  if (pending !== undefined) {
    // Only plain columns: the producer evaluates keys over rows that a filter here may be meant to keep out.
    const inputKeys = keys.map((key) => throughProjections(pending.body, key));
    if (inputKeys.every((key) => key.kind === 'column')) {
      graph.settle(pending.remoteId, { kind: 'hash', keys: inputKeys });
      return { body: pending.body, location };
    }
  }
  return { body: graph.read(produce(graph, placed), { kind: 'hash', keys }), location };
}

/**
 * All rows in every task of the stages that the returned operators are put into: one for each of `copyCount`
 * stages.
 */
export function toBroadcast(
  graph: StageGraph,
  placed: Placed,
  copyCount: number,
): readonly LogicalPlan[] {
  const only = onlyBranch(placed);
  if (only?.location.kind === 'anywhere') return Array.from({ length: copyCount }, () => only.body);
  const pending = pendingBranch(placed);
  if (pending !== undefined && copyCount === 1 && !isVolatilePlan(pending.body)) {
    graph.settle(pending.remoteId, { kind: 'broadcast' });
    return [pending.body];
  }
  const produced = produce(graph, placed);
  return Array.from({ length: copyCount }, () => graph.read(produced, { kind: 'broadcast' }));
}

/** All rows in the tasks of one stage, in any way. */
export function toOneStage(graph: StageGraph, placed: Placed): Branch {
  const pending = pendingBranch(placed);
  if (pending !== undefined) {
    graph.settle(pending.remoteId, { kind: 'arbitrary' });
    return { body: pending.body, location: ARBITRARY };
  }
  const only = onlyBranch(placed);
  if (only !== undefined) return only;
  if (isLocal(placed)) return { body: unionOf(placed), location: SINGLE };
  return { body: graph.read(produce(graph, placed), { kind: 'arbitrary' }), location: ARBITRARY };
}

/** Puts an operator above each branch that looks at the rows of one task; nothing is known of where its rows are. */
export function perTask(
  graph: StageGraph,
  placed: Placed,
  operator: (body: LogicalPlan) => LogicalPlan,
): Placed {
  const branches = placed.branches.map((branch): Branch => {
    const { body, location } = toOneStage(graph, { branches: [branch] });
    return { body: operator(body), location: withKeys(location, () => []) };
  });
  return { branches };
}

/** Closes the subtree's stages, for readers to come. */
export function produce(graph: StageGraph, placed: Placed): Produced {
  const producers: StageIndex[] = [];
  for (const branch of placed.branches) producers.push(...closeBranch(graph, branch, producers));
  const limits = placed.branches.map(({ rowLimit }) => rowLimit);
  const limit = Math.max(...limits.map((rows) => rows ?? Infinity));
  return {
    producers,
    columns: columnsOf(placed),
    estimatedRows: placedRows(placed),
    ...(limit === Infinity ? {} : { rowLimit: limit }),
  };
}

/** A stage may stand only once among the producers of an input: its rows would be read once. */
function closeBranch(
  graph: StageGraph,
  branch: Branch,
  taken: readonly StageIndex[],
): readonly StageIndex[] {
  const { body, location } = branch;
  if (location.kind !== 'pending') return [graph.close(branch)];
  if (body.kind === 'remote') {
    const { producers } = graph.producedBy(body.remoteId);
    if (!producers.some((producer) => taken.includes(producer))) return producers;
  }
  graph.settle(location.remoteId, { kind: 'arbitrary' });
  return [graph.close({ ...branch, location: ARBITRARY })];
}

interface PendingBranch {
  readonly body: LogicalPlan;
  readonly remoteId: number;
}

function pendingBranch(placed: Placed): PendingBranch | undefined {
  const only = onlyBranch(placed);
  return only?.location.kind === 'pending'
    ? { body: only.body, remoteId: only.location.remoteId }
    : undefined;
}

/** The UNION ALL of local branches, inside one stage. */
function unionOf(placed: Placed): LogicalPlan {
  const [first, ...others] = placed.branches.map(({ body }) => body);
  assert(first !== undefined, 'a placed subtree has a branch');
  if (others.length === 0) return first;
  return {
    kind: 'set-operation',
    operator: 'union',
    all: true,
    allowOutOfOrder: false,
    children: [first, ...others],
    columns: first.columns,
    estimatedRows: placedRows(placed),
  };
}

/** An expression over filters and projections above an input, as one over the input's columns. */
function throughProjections(body: LogicalPlan, expression: Expression): Expression {
  if (body.kind === 'remote') return expression;
  const [child] = childrenOf(body);
  assert(child !== undefined, `${body.kind} has an input`);
  if (body.kind !== 'project') return throughProjections(child, expression);
  const inlined = mapColumns(expression, ({ index }) => {
    const source = body.expressions[index];
    assert(source !== undefined, `the projection has a column ${index}`);
    return source;
  });
  return throughProjections(child, inlined);
}

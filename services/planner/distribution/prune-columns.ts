/**
 * Drops the columns that nobody reads. DuckDB leaves some behind, because the optimizer that removes them
 * (column_lifetime) is off, and every column that reaches an exchange is sent.
 */
import { assert } from '../../common/assert.ts';
import { columnsIn, remapColumns } from '../logical/expression-tree.ts';
import {
  type CteId,
  type CteRef,
  type LogicalPlan,
  type MaterializedCte,
  type Project,
  type RecursiveCte,
  type Scan,
  type SetOperation,
} from '../logical/logical-plan.ts';
import { childrenOf, withChildren } from '../logical/plan-children.ts';
import { project, referenceTo } from './columns.ts';
import { mapOperatorExpressions, operatorExpressions } from './operator-expressions.ts';
import { pruneCrossProduct, pruneJoin } from './prune-join.ts';
import {
  allOf,
  inOrder,
  positionAfter,
  typesAt,
  type Needed,
  type Pruned,
  type Pruning,
} from './pruning.ts';

/** The same rows and columns, without inner columns on which none of them depends. No delim joins. */
export function pruneColumns(plan: LogicalPlan): LogicalPlan {
  const pruning: Pruning = {
    readOfCte: new Map(),
    prune: (operator, needed) => pruneTo(pruning, operator, needed),
  };
  return pruning.prune(plan, allOf(plan)).plan;
}

function pruneTo(pruning: Pruning, plan: LogicalPlan, needed: Needed): Pruned {
  const pruned = pruneOperator(pruning, plan, needed);
  return needed.size === 0 ? pruned : pickColumns(pruned, inOrder(needed));
}

/** A projection to some of the columns that an operator has kept. */
function pickColumns(pruned: Pruned, kept: readonly number[]): Pruned {
  const toPosition = positionAfter(pruned.kept);
  const references = kept.map((column) => referenceTo(pruned.plan.columns, toPosition(column)));
  return { plan: project(pruned.plan, references), kept };
}

/** At least the needed columns, and never none. */
function pruneOperator(pruning: Pruning, plan: LogicalPlan, needed: Needed): Pruned {
  switch (plan.kind) {
    case 'scan':
      return pruneScan(plan, needed);
    case 'cte-ref':
      return pruneCteRef(pruning, plan, needed);
    case 'materialized-cte':
      return pruneCte(pruning, plan, needed);
    case 'project':
      return pruneProject(pruning, plan, needed);
    case 'filter':
    case 'order':
    case 'top-n':
    case 'limit':
    case 'sample':
    case 'window':
    case 'unnesting':
      return pruneBelow(pruning, plan, needed);
    case 'distinct':
      return pruneBelow(pruning, plan, plan.on.length === 0 ? allOf(plan) : needed);
    case 'aggregate':
      return pruneAggregateInput(pruning, plan);
    case 'join':
    case 'any-join':
      return pruneJoin(pruning, plan, needed);
    case 'cross-product':
    case 'positional-join':
      return pruneCrossProduct(pruning, plan, needed);
    case 'set-operation':
      return pruneSetOperation(pruning, plan, needed);
    case 'recursive-cte':
      return pruneRecursiveCte(pruning, plan);
    default:
      assert(childrenOf(plan).length === 0, `${plan.kind} is pruned by a rule of its own`);
      return { plan, kept: inOrder(allOf(plan)) };
  }
}

/** When only the rows count, no column is read. */
function pruneScan(plan: Scan, needed: Needed): Pruned {
  const kept = inOrder(needed);
  const fileColumns = kept.flatMap((column) => plan.fileColumns[column] ?? []);
  const scan: Scan = { ...plan, fileColumns, columns: typesAt(plan, kept) };
  if (kept.length > 0) return { plan: scan, kept };
  const [type] = typesAt(plan, [0]);
  assert(type !== undefined, 'a scan has a column');
  return { plan: project(scan, [{ kind: 'constant', type, value: null }]), kept: [0] };
}

function pruneProject(pruning: Pruning, plan: Project, needed: Needed): Pruned {
  const kept = needed.size === 0 ? [0] : inOrder(needed);
  const expressions = kept.flatMap((column) => plan.expressions[column] ?? []);
  const narrowed: Project = {
    ...plan,
    child: withEstimate(plan.child, plan.estimatedRows),
    expressions,
    columns: typesAt(plan, kept),
  };
  const pruned = pruneInput(pruning, narrowed, new Set()).plan as Project;
  return { plan: project(pruned.child, pruned.expressions), kept };
}

/** A projection has as many rows as its input, for which DuckDB often gives no number of its own. */
function withEstimate(child: LogicalPlan, estimatedRows: number | undefined): LogicalPlan {
  const isKnown = child.estimatedRows !== undefined || estimatedRows === undefined;
  return isKnown ? child : { ...child, estimatedRows };
}

function pruneAggregateInput(pruning: Pruning, plan: LogicalPlan): Pruned {
  return { plan: pruneInput(pruning, plan, new Set()).plan, kept: inOrder(allOf(plan)) };
}

/** Operators whose output is their input's columns, then perhaps columns of their own, which all stay. */
function pruneBelow(pruning: Pruning, plan: LogicalPlan, needed: Needed): Pruned {
  const inputCount = childrenOf(plan)[0]?.columns.length ?? 0;
  const passed = inOrder(needed).filter((column) => column < inputCount);
  const input = pruneInput(pruning, plan, new Set(passed));
  const own = inOrder(allOf(plan)).filter((column) => column >= inputCount);
  const kept = [...input.kept, ...own];
  return { plan: { ...input.plan, columns: typesAt(plan, kept) }, kept };
}

/** The operator over its pruned input; `kept` of the input, whose columns the operator's expressions now count. */
function pruneInput(pruning: Pruning, plan: LogicalPlan, passed: Needed): Pruned {
  const [child] = childrenOf(plan);
  assert(child !== undefined, `${plan.kind} has an input`);
  const read = operatorExpressions(plan).flatMap(({ expression }) => [...columnsIn(expression)]);
  const input = pruning.prune(child, new Set([...passed, ...read]));
  const toPosition = positionAfter(input.kept);
  const remapped = mapOperatorExpressions(plan, (expression) =>
    remapColumns(expression, toPosition),
  );
  return { plan: withChildren(remapped, [input.plan]), kept: input.kept };
}

/** UNION ALL passes columns through; the others compare all of them. */
function pruneSetOperation(pruning: Pruning, plan: SetOperation, needed: Needed): Pruned {
  const passes = plan.operator === 'union' && plan.all;
  const some: Needed = needed.size === 0 ? new Set([0]) : needed;
  const wanted = passes ? some : allOf(plan);
  const kept = inOrder(wanted);
  const children = plan.children.map((child) => pruning.prune(child, wanted).plan);
  return { plan: { ...plan, children, columns: typesAt(plan, kept) }, kept };
}

function pruneCteRef(pruning: Pruning, plan: CteRef, needed: Needed): Pruned {
  const kept = needed.size === 0 ? [0] : inOrder(needed);
  const read = pruning.readOfCte.get(plan.cteId) ?? new Set();
  pruning.readOfCte.set(plan.cteId, new Set([...read, ...kept]));
  return pickColumns({ plan, kept: inOrder(allOf(plan)) }, kept);
}

/** References first, since they say which columns the definition needs. */
function pruneCte(pruning: Pruning, plan: MaterializedCte, needed: Needed): Pruned {
  const child = pruning.prune(plan.child, needed);
  const read = pruning.readOfCte.get(plan.cteId) ?? new Set([0]);
  const definition = pruning.prune(plan.definition, read);
  const isWhole = definition.kept.length === plan.definition.columns.length;
  const pruned: MaterializedCte = {
    ...plan,
    definition: definition.plan,
    child: isWhole ? child.plan : withNarrowReferences(child.plan, plan.cteId, definition),
    columns: child.plan.columns,
  };
  return { plan: pruned, kept: child.kept };
}

/** Its columns are those of its recursion, and stay. */
function pruneRecursiveCte(pruning: Pruning, plan: RecursiveCte): Pruned {
  const all = allOf(plan);
  const anchor = pruning.prune(plan.anchor, all).plan;
  const recursion = pruning.prune(plan.recursion, all).plan;
  return { plan: { ...plan, anchor, recursion }, kept: inOrder(all) };
}

/** Each reference to a CTE that lost columns is below a projection to what it reads. */
function withNarrowReferences(plan: LogicalPlan, cteId: CteId, definition: Pruned): LogicalPlan {
  if (plan.kind === 'project' && plan.child.kind === 'cte-ref' && plan.child.cteId === cteId) {
    const { columns } = definition.plan;
    const toPosition = positionAfter(definition.kept);
    const expressions = plan.expressions.map((expression) => remapColumns(expression, toPosition));
    return project({ ...plan.child, columns }, expressions);
  }
  return withChildren(
    plan,
    childrenOf(plan).map((child) => withNarrowReferences(child, cteId, definition)),
  );
}

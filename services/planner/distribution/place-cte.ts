import { assert, assertNever } from '../../common/assert.ts';
import {
  originalOf,
  type CteId,
  type CteRef,
  type LogicalPlan,
  type MaterializedCte,
} from '../logical/logical-plan.ts';
import { childrenOf, walkPlan, withChildren } from '../logical/plan-children.ts';
import { rowsOf } from './estimate.ts';
import { produce } from './exchange.ts';
import { isVolatilePlan } from './operator-expressions.ts';
import { onlyBranch, placedAt, type Branch, type Placed } from './placed.ts';
import { type Placer } from './placer.ts';
import { type Produced, type StageGraph } from './stage-graph.ts';

/** How references to a CTE get its rows. */
export type SharedRows =
  /** From stages that run once. */
  | { readonly kind: 'produced'; readonly produced: Produced }
  /** Where its rows are, in each task those of the task. */
  | { readonly kind: 'within'; readonly definition: Branch }
  /** By running the definition in the reference's place. */
  | { readonly kind: 'inlined'; readonly definition: LogicalPlan };

/** Placing a CTE within its readers' stage is tried, and may have to be given up, at most so deep. */
const MAX_NESTED_ATTEMPTS = 3;

/**
 * One shared stage for all references, unless there is only one or reading again costs less than sending, or all of
 * them end up in the tasks that have the rows anyway.
 */
export function placeMaterializedCte(placer: Placer, plan: MaterializedCte): Placed {
  const { cteId, definition, child } = plan;
  if (countReferences(child, cteId) <= 1 || isCheap(definition)) {
    placer.shared.set(cteId, { kind: 'inlined', definition });
    return placer.place(child);
  }
  const placed = placer.place(definition);
  const within = placeWithin(placer, plan, placed);
  if (within !== undefined) return within;
  placer.shared.set(cteId, { kind: 'produced', produced: produce(placer.graph, placed) });
  return placer.place(child);
}

/**
 * The CTE and all that reads it in one stage, each task with its own part of the rows; undefined when a reader needs
 * them elsewhere. What was placed by then is reached by nothing.
 */
function placeWithin(placer: Placer, plan: MaterializedCte, placed: Placed): Placed | undefined {
  const { cteId, child } = plan;
  const definition = onlyBranch(placed);
  if (definition?.location.kind !== 'layout') return undefined;
  const attempts = [...placer.shared.values()].filter(({ kind }) => kind === 'within');
  if (attempts.length >= MAX_NESTED_ATTEMPTS) return undefined;
  placer.shared.set(cteId, { kind: 'within', definition });
  const readers = onlyBranch(placer.place(child));
  placer.shared.delete(cteId);
  if (readers?.location.kind !== 'layout') return undefined;
  const isReadElsewhere = placer.graph
    .bodiesBelow(readers.body)
    .some((body) => countReferences(body, cteId) > 0);
  if (isReadElsewhere) return undefined;
  const body: LogicalPlan = { ...plan, definition: definition.body, child: readers.body };
  return { branches: [{ ...readers, body }] };
}

export function placeCteRef(placer: Placer, plan: CteRef): Placed {
  const rows = placer.shared.get(plan.cteId);
  assert(rows !== undefined, `CTE ${plan.cteId} is placed before its references`);
  switch (rows.kind) {
    case 'inlined':
      return placer.place(withNewScans(placer.graph, rows.definition));
    case 'within': {
      const { body, location } = rows.definition;
      return placedAt({ ...plan, estimatedRows: rowsOf(body) }, location);
    }
    case 'produced': {
      const body = placer.graph.read(rows.produced);
      return placedAt(body, { kind: 'pending', remoteId: body.remoteId });
    }
    default:
      return assertNever(rows);
  }
}

function countReferences(plan: LogicalPlan, cteId: CteId): number {
  let count = 0;
  for (const node of walkPlan(plan))
    if (node.kind === 'cte-ref' && node.cteId === cteId) count += 1;
  return count;
}

/** Filters and projections over a scan or constants: the files are read again faster than rows are sent. */
function isCheap(definition: LogicalPlan): boolean {
  const cheapKinds = new Set<LogicalPlan['kind']>([
    'scan',
    'filter',
    'project',
    'values',
    'empty',
    'dummy-scan',
  ]);
  for (const node of walkPlan(definition)) if (!cheapKinds.has(node.kind)) return false;
  return !isVolatilePlan(definition);
}

/** A copy whose scans are inputs of their own. */
function withNewScans(graph: StageGraph, plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'scan') {
    return { ...plan, scanId: graph.newSourceId(), copyOf: originalOf(plan) };
  }
  return withChildren(
    plan,
    childrenOf(plan).map((child) => withNewScans(graph, child)),
  );
}
